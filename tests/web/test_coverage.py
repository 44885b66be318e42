"""The board: every figure opens its list, a reader sees their own part, and files say what the command line says."""

import csv
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlsplit

import pytest
from openpyxl import load_workbook
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency, HeadCount
from provisioner.agencies.reference import Reference
from provisioner.coverage.counting import cover
from provisioner.coverage.naming import LISTS
from provisioner.coverage.reporting import totals
from provisioner.coverage.scopes import described
from provisioner.coverage.tallies import Coverage, Scope
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.roles import Role
from provisioner.reports.columns import COLUMNS
from provisioner.settings import ROOT
from provisioner.web.coverage_drawing import View, draw
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, FINANCE, SCIENCE, an_official, import_list, issued, provide, synced
from tests.web.site import Browser, Site

FILTERS = ["", "?agency=H36.05", "?bloc=nha_nuoc&level=tinh", "?category=cong_chuc", "?as_of=2026-11-20"]


@pytest.fixture
def filled(province: Site) -> Site:
    """People with and without mailboxes and certificates in two agencies, and one who is locked."""
    provide(
        province.database,
        an_official("CB80", "Đặng Thị Hòa", chung_thu_so="x", lanh_dao="x"),
        an_official("CB81", "=CMD|'/C calc'!A0", ma_co_quan="H36.06"),
        now=province.now,
    )
    synced(province.database, FakeDirectory(DIT), now=province.now)
    issued(province.database, now=province.now)
    provide(province.database, an_official("CB82", "Lê Không Hộp"), now=province.now)
    with province.database.transaction() as session:
        first = select(Mailbox.id).where(Mailbox.person_id.is_not(None)).limit(1).scalar_subquery()
        session.execute(update(Mailbox).where(Mailbox.id == first).values(status="locked"))
    return province


def test_the_board_of_a_past_day_offers_the_levels_and_shows_the_agencies_of_that_day(province: Site) -> None:
    moved = SCIENCE | {"ten": "Sở Mới", "ma_cha": "H36.06", "hieu_luc_tu": "2025-10-01"}
    import_list(province.database, moved, now=province.now)
    reader = province.signed_in("leader", Role.LEADER)

    before = reader.page("/coverage?agency=H36.05&as_of=2025-09-30")
    since = reader.page("/coverage?agency=H36.05&as_of=2025-10-01")

    assert [SCIENCE["ten"] in page for page in (before, since)] == [True, False]
    assert ["Sở Mới" in page for page in (before, since)] == [False, True]
    assert [FINANCE["ten"] in page for page in (before, since)] == [False, True]
    assert 'value="huyen"' in reader.page("/coverage?as_of=2025-06-30")
    assert 'value="huyen"' not in before
    assert reader.get("/coverage?agency=H36.05&as_of=2020-01-01").status_code == 200


def test_the_filters_offer_the_levels_of_the_day_in_vietnam(province: Site) -> None:
    """Districts ended with the 30th of June 2025; in Vietnam the next day begins at 17:00 UTC."""
    offered = []
    for hour in (16, 17):
        province.now = datetime(2025, 6, 30, hour, tzinfo=UTC)
        reader = province.signed_in(f"at{hour}", Role.LEADER)
        offered.append('value="huyen"' in reader.get("/coverage").text)

    assert offered == [True, False]


def links(page: str, beginning: str) -> list[tuple[str, str]]:
    """Address and text of every link of a page that leads somewhere."""
    found = re.findall(r'<a (?:class="\w+" )?href="([^"]+)"[^>]*>\s*([^<]*)', page)
    return [(unescape(address), text.strip()) for address, text in found if address.startswith(beginning)]


def found(page: str) -> int:
    match = re.search(r"Tìm thấy: ([\d.]+)", page)
    assert match is not None
    return int(match[1].replace(".", ""))


@pytest.fixture
def leader(filled: Site) -> Browser:
    return filled.signed_in("chi", Role.LEADER)


@pytest.mark.parametrize("filters", FILTERS[:4])
def test_every_figure_opens_a_list_and_a_count_is_its_length(leader: Browser, filters: str) -> None:
    page = leader.page(f"/coverage{filters}")
    opened = links(page, "/coverage/names")

    assert len(opened) >= 10
    for address, text in set(opened):
        length = found(leader.page(address))
        if re.fullmatch(r"[\d.]+", text) and "list=staff&" not in f"{address}&":
            assert int(text.replace(".", "")) == length, (address, text)
        elif missing := re.fullmatch(r"còn thiếu ([\d.]+)|([\d.]+) không sử dụng", text):
            assert int((missing[1] or missing[2]).replace(".", "")) == length, (address, text)


def test_every_list_can_be_chosen_and_is_a_page(leader: Browser) -> None:
    for name in LISTS:
        page = leader.page(f"/coverage/names?list={name}")

        assert f'<option value="{name}" selected>' in page


def test_a_list_names_who_is_missing_and_leads_to_them(leader: Browser) -> None:
    page = leader.page("/coverage/names?list=staff-unserved")

    assert "Lê Không Hộp" in page
    assert "Đặng Thị Hòa" not in page
    assert links(page, "/people/")


def test_lists_of_nonsense_are_the_first_list(leader: Browser) -> None:
    page = leader.page("/coverage/names?list=%27%22x&agency=&page=-3&bloc=zz&as_of=32/13/2026")

    assert '<option value="staff-unserved" selected>' in page


def counted(site: Site) -> Site:
    """What a worker does every few seconds; from then on what was drawn may be shown again."""
    site.app.extensions["provisioner"].recount_coverage()
    return site


def test_a_board_is_drawn_once_until_something_changes(filled: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[View] = []
    monkeypatch.setattr(
        "provisioner.web.coverage.draw", lambda what, view: drawn.append(view) or draw(what, view)
    )
    leader = counted(filled).signed_in("chi", Role.LEADER)
    first, again = leader.page("/coverage"), leader.page("/coverage")
    filled.later(minutes=1)
    later = leader.page("/coverage")
    with filled.database.transaction() as session:
        session.execute(update(Mailbox).values(status="locked"))
    touched = leader.page("/coverage")
    changed = counted(filled).signed_in("chi", Role.LEADER).page("/coverage")

    assert len(drawn) == 3
    assert first == again
    assert later == first.replace("09:30", "09:31")
    assert touched != later
    assert changed == touched


def test_what_is_remembered_for_one_reader_is_shown_to_nobody_who_sees_less(filled: Site) -> None:
    counted(filled)
    leader = filled.signed_in("chi", Role.LEADER)
    for filters in ("", "?detail=agency"):
        assert "H36.06" in leader.page(f"/coverage{filters}")

        other = filled.signed_in("hoa", Role.LEADER, agency="H36.05").page(f"/coverage{filters}")

        assert "H36.05" in other
        assert "H36.06" not in other
    assert "Who is behind" in leader.page("/coverage?lang=en")
    assert "Nơi còn chậm" in leader.page("/coverage?lang=vi")


def test_a_remembered_board_is_forgotten_when_a_day_has_passed(filled: Site) -> None:
    leader = counted(filled).signed_in("chi", Role.LEADER)
    leader.page("/coverage")
    known = filled.app.extensions["provisioner"].drawn
    (key,) = known._kept
    edition = known._kept[key][0].edition

    assert known.find(key, edition, at=filled.now) is not None
    assert known.find(key, edition, at=filled.now + timedelta(days=1)) is None
    assert known.find(key, "another", at=filled.now) is None
    assert known.find(key, None, at=filled.now) is None


def test_a_reader_of_one_agency_finds_nobody_else(filled: Site) -> None:
    browser = filled.signed_in("hoa", Role.LEADER, agency="H36.05")

    page = browser.page("/coverage/names?list=staff")

    assert "Đặng Thị Hòa" in page
    assert "Trần Văn Bình" not in page
    assert browser.get("/coverage/names?list=staff&agency=H36.06").status_code == 404
    assert browser.get("/coverage?agency=H36.06").status_code == 404
    assert "Trần Văn Bình" not in browser.get("/coverage/table.csv").text
    assert "H36.06" not in browser.get("/coverage/table.csv").text
    assert browser.get("/coverage/signed").status_code == 403


def test_the_tree_is_drilled_down_and_leads_up_again(leader: Browser) -> None:
    page = leader.page("/coverage")
    down = [address for address, _text in links(page, "/coverage?") if "agency=H36.05" in address]
    below = leader.page(down[0])

    assert "Sở Khoa học và Công nghệ: tỷ lệ cấp" in below
    assert ("/coverage", "Tất cả") in links(below, "/coverage")
    assert "H36.05.01" in below
    assert "Nơi còn chậm" not in leader.page("/coverage?agency=H36.05.01")


def test_filters_stay_in_the_address_of_everything_the_page_leads_to(leader: Browser) -> None:
    page = leader.page("/coverage?bloc=nha_nuoc&as_of=2026-11-20")

    for beginning in ("/coverage/table.", "/coverage/report", "/coverage?"):
        for address, _text in links(page, beginning):
            if "lang=" not in address:
                assert "bloc=nha_nuoc" in address
                assert "as_of=2026-11-20" in address


def test_a_day_gone_by_has_figures_and_no_names(leader: Browser) -> None:
    page = leader.page("/coverage?as_of=2026-11-20")

    assert "20/11/2026 23:59" in page
    assert links(page, "/coverage/names") == []


@pytest.mark.parametrize("day", ["2026-11-22", "9999-12-31", "0002-01-01", "0202-11-20", "1989-12-31", "x"])
def test_a_day_that_has_no_figures_is_said_beside_its_field(leader: Browser, day: str) -> None:
    answer = leader.get(f"/coverage?bloc=nha_nuoc&as_of={day}")

    assert answer.status_code == 422
    assert 'id="as_of-problem">Ngày phải từ 01/01/1990 đến hôm nay.' in answer.text
    assert "21/11/2026 09:30" in answer.text
    assert '<option value="nha_nuoc" selected>' in answer.text
    assert leader.get(f"/coverage/table.csv?as_of={day}").status_code == 422
    assert leader.get(f"/coverage/report?as_of={day}").status_code == 422


@pytest.mark.parametrize("day", ["2026-11-21", "1990-01-01", ""])
def test_days_from_the_first_to_today_have_figures(leader: Browser, day: str) -> None:
    assert leader.get(f"/coverage?as_of={day}").status_code == 200


def test_english_is_complete(leader: Browser) -> None:
    page = leader.page("/coverage?lang=en")

    assert "Who is behind" in page
    assert "By category of staff" in page


@pytest.mark.parametrize("filters", FILTERS)
def test_csv_has_a_mark_for_spreadsheets_and_the_figures_of_the_command_line(
    filled: Site, leader: Browser, filters: str
) -> None:
    answer = leader.get(f"/coverage/table.csv{filters}")
    rows = list(csv.reader(StringIO(answer.data.decode("utf-8-sig"))))
    heads, total = rows[0], rows[-1]
    scope = Scope(
        agency="H36.05" if "agency" in filters else None,
        blocs=frozenset({"nha_nuoc"}) if "bloc" in filters else frozenset(),
        levels=frozenset({"tinh"}) if "level" in filters else frozenset(),
        categories=frozenset({"cong_chuc"}) if "category" in filters else frozenset(),
    )

    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert "attachment" in answer.headers["Content-Disposition"]
    assert not any(cell.startswith(("=", "+", "@", "\t")) for row in rows for cell in row)
    if "as_of" not in filters:
        said = spoken_by_the_command_line(filled, scope)
        figures = dict(zip(heads[5:], total[5:], strict=True))
        assert figures["Tổng số CBCCVC"] == str(said["staff_served"]["of"])
        assert figures["Hộp thư cá nhân: Đã cấp"] == str(said["mailboxes"]["personal"])
        assert figures["Hộp thư cá nhân: Đang hoạt động"] == str(said["staff_served"]["n"])
        assert figures["Lãnh đạo có chữ ký số: Số có"] == str(said["leaders_signing"]["n"])
        assert figures["Chứng thư cá nhân: Đã cấp"] == str(said["certificates"]["personal"])


def spoken_by_the_command_line(site: Site, scope: Scope) -> dict:
    """The answer of `provisioner coverage --json` for this scope."""
    used_within = site.app.extensions["provisioner"].used_within
    with site.database.reading() as session:
        return totals(cover(session, scope, at=site.now, used_within=used_within))


@pytest.mark.parametrize("filters", ["", "?bloc=nha_nuoc"])
def test_the_groups_of_the_workbook_add_up_to_its_total(leader: Browser, filters: str) -> None:
    sheet = load_workbook(BytesIO(leader.get(f"/coverage/table.xlsx{filters}").data)).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=6)]
    groups = [row for row in rows if row[1] == "Cộng"]
    total = next(row for row in rows if row[1] == "Tổng cộng")
    counts = [number for number, column in enumerate(COLUMNS, start=5) if "rate" not in column.key]

    assert groups
    for column in counts:
        assert sum(row[column] for row in groups) == total[column]
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)


def test_a_file_of_another_kind_is_not_there(leader: Browser) -> None:
    assert leader.get("/coverage/table.exe").status_code == 404


def test_every_address_of_the_board_answers(leader: Browser) -> None:
    page = leader.page("/coverage")
    own = {address for address, _text in links(page, "/") if urlsplit(address).path.startswith("/coverage")}

    for address in own:
        assert leader.get(address.partition("#")[0]).status_code == 200, address


def test_the_board_says_the_same_counted_or_standing(filled: Site, leader: Browser) -> None:
    services = filled.app.extensions["provisioner"]
    pages = ["/coverage", "/coverage?agency=H36.05&detail=agency", "/coverage?category=cong_chuc"]
    counted = [leader.page(path) for path in pages]

    assert services.recount_coverage() > 0
    assert [leader.page(path) for path in pages] == counted
    provide(filled.database, an_official("CB99", "Phạm Vừa Đến"), now=filled.now)
    assert [leader.page(path) for path in pages] != counted
    assert services.recount_coverage() > 0
    assert services.recount_coverage() == 0


@pytest.fixture
def declared(filled: Site) -> Site:
    """Agencies that declared more staff than anybody named."""
    with filled.database.transaction() as session:
        for code, category, heads in (
            ("H36.05", "cong_chuc", 9),
            ("H36.05", "vien_chuc", 4),
            ("H36.06", "cong_chuc", 7),
            ("H36.05.01", "cong_chuc", 3),
        ):
            agency = session.scalars(select(Agency.id).where(Agency.code == code)).one()
            session.add(HeadCount(agency_id=agency, category=category, since=date(2026, 1, 1), count=heads))
    return filled


def without_a_name(page: str) -> dict[str, int]:
    """Of each agency on a list, how many declared heads have no name; the sum as `""`."""
    table = page.partition('aria-labelledby="unnamed"')[2].partition("<tbody>")[2]
    rows = re.findall(r'<tr><th[^>]*>(?:<a href="([^"]+)">)?.*?</th>\s*<td>([\d.]+)</td>', table, re.DOTALL)
    return {unescape(to).rpartition("agency=")[2]: int(n.replace(".", "")) for to, n in rows}


@pytest.mark.parametrize("reach", [None, "H36.05"])
def test_who_is_missing_without_a_name_is_found_agency_by_agency(declared: Site, reach: str | None) -> None:
    browser = declared.signed_in("chi", Role.LEADER, agency=reach)
    for filters in (
        "",
        "?agency=H36.05",
        "?category=vien_chuc",
        "?bloc=nha_nuoc&level=tinh&category=cong_chuc",
    ):
        board = browser.page(f"/coverage{filters}")
        [(address, said)] = [one for one in links(board, "/coverage/names") if "chưa có tên" in one[1]]
        on_the_board = int(re.findall(r"[\d.]+", said)[1].replace(".", ""))

        missing = without_a_name(browser.page(address))

        assert missing.pop("") == sum(missing.values()) == on_the_board > 0, filters
        assert list(missing.values()) == sorted(missing.values(), reverse=True)
        for code in missing:
            assert browser.get(f"/coverage?agency={code}").status_code == 200


def test_a_list_of_nobody_is_no_dead_end(declared: Site) -> None:
    browser = declared.signed_in("chi", Role.LEADER)

    page = browser.page("/coverage/names?list=staff-unserved&agency=H36.05.01")

    assert found(page) == 0
    assert "Không có ai trong danh sách này" not in page
    assert without_a_name(page) == {"H36.05.01": 3, "": 3}
    assert "chưa có tên" not in browser.page("/coverage/names?list=leaders&agency=H36.05.01")


def test_what_is_missing_is_counted_once_until_something_changes(
    declared: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted(declared)
    asked: list[Scope] = []

    def counting(session: Session, scope: Scope, **more: Any) -> Coverage:
        asked.append(scope)
        return cover(session, scope, **more)

    monkeypatch.setattr("provisioner.web.coverage_names.cover", counting)
    leader, one = (
        declared.signed_in(name, Role.LEADER, agency=of) for name, of in (("chi", None), ("hoa", "H36.05"))
    )
    path = "/coverage/names?list=staff-unserved"
    whole = [without_a_name(leader.page(path)) for _ in range(3)][-1]
    part = without_a_name(one.page(path))
    provide(declared.database, an_official("CB91", "Phạm Vừa Đến"), now=declared.now)
    now = without_a_name(leader.page(path))

    assert len(asked) == 3
    assert part.keys() < whole.keys()
    assert now[""] == whole[""] - 1


def test_many_agencies_without_names_are_shown_when_they_are_asked_for(
    declared: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.web.coverage_names.MOST_UNNAMED", 1)
    browser = declared.signed_in("chi", Role.LEADER)

    short = browser.page("/coverage/names?list=staff-unserved")
    [(address, _text)] = [one for one in links(short, "/coverage/names") if "all=1" in one[0]]

    assert len(without_a_name(short)) == 2
    assert without_a_name(browser.page(address)).keys() == {"H36.05", "H36.06", "H36.05.01", ""}
    assert without_a_name(browser.page(address))[""] == without_a_name(short)[""]


@pytest.mark.parametrize(("language", "whole"), [("vi", "toàn tỉnh"), ("en", "the whole province")])
def test_figures_of_a_part_are_not_said_to_be_of_the_whole_province(
    filled: Site, language: str, whole: str
) -> None:
    one = filled.signed_in("hoa", Role.HR, agency="H36.05")
    all_of_it = filled.signed_in("chi", Role.LEADER)
    for path in ("/coverage", "/coverage/names", "/coverage/report"):
        page = f"{path}?lang={language}"
        part = one.page(page)
        assert whole not in part
        assert "Sở Khoa học và Công nghệ và" in part or "Sở Khoa học và Công nghệ and" in part
        assert whole in all_of_it.page(page)

    answer = one.get(f"/coverage/table.xlsx?lang={language}")
    sheet = load_workbook(BytesIO(answer.data)).worksheets[0]
    heading = " ".join(str(cell.value) for row in sheet.iter_rows(max_row=4) for cell in row if cell.value)
    assert "Sở Khoa học và Công nghệ" in heading
    assert whole not in heading
    assert "toan-tinh" not in answer.headers["Content-Disposition"]
    assert 'value="Sở Khoa học và Công nghệ"' in one.page("/coverage/report")


def test_a_reach_of_several_agencies_names_the_topmost() -> None:
    reference = Reference.load(ROOT / "config" / "reference")

    assert described(Scope(within=("A", "B")), reference) == "A, B và các đơn vị trực thuộc"
    assert described(Scope(within=("A", "B", "C", "D", "E")), reference, language="en").startswith(
        "A, B, C and 2 other agencies"
    )
    assert described(Scope(agency="H36.05.01", within=("A",)), reference).startswith("H36.05.01 và")
    assert described(Scope(), reference) == "toàn tỉnh"
