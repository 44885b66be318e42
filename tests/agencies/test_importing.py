"""The agency list: what is new is added, what differs is changed, and no row stops the others."""

import unicodedata
from datetime import date

import pytest
from sqlalchemy import select

from provisioner.agencies.importing import Imported, import_agencies
from provisioner.agencies.models import Agency, FormerAgencyCode, HeadCount
from provisioner.agencies.reading import NEEDED
from provisioner.agencies.register import Register
from provisioner.audit import Who
from provisioner.db import Database
from provisioner.errors import Invalid, NotFound
from provisioner.settings import ROOT
from tests.books import LATER, NOW, TODAY, count
from tests.province import (
    AGENCIES,
    DIGITAL,
    FINANCE,
    PROVINCE,
    SCIENCE,
    Row,
    a_province,
    an_agency,
    import_list,
    reference,
    trail,
)
from tests.rosters.files import csv_text


def the_agency(database: Database, code: str = "H36.05") -> Agency:
    with database.reading() as session:
        return session.scalars(select(Agency).where(Agency.code == code)).one()


def told(result: Imported) -> tuple[int, int, int]:
    return result.created, result.changed, result.unchanged


def test_a_list_is_added_and_rung_for(database: Database, rings: list[str]) -> None:
    result = import_list(database, *AGENCIES)

    assert told(result) == (len(AGENCIES), 0, 0)
    assert rings == ["directory"]
    science = the_agency(database)
    assert (science.name, science.bloc, science.level, science.kind) == (
        "Sở Khoa học và Công nghệ",
        "nha_nuoc",
        "tinh",
        "so",
    )
    assert (science.seal, science.unit_mailbox, science.since) == (True, True, date(2025, 7, 1))
    assert (science.revision, science.synced_revision) == (1, 0)


def test_the_same_list_again_changes_nothing(database: Database) -> None:
    a_province(database)

    assert told(import_list(database, *AGENCIES, now=LATER)) == (0, 0, len(AGENCIES))

    assert the_agency(database).revision == 1
    assert trail(database, "agency.changed") == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_shipped_list_of_the_demo_province_is_taken_whole(database: Database) -> None:
    content = (ROOT / "config/reference/lamdong_agencies.csv").read_bytes()

    with database.transaction() as session:
        result = import_agencies(
            session, content, reference=reference(), who=Who("quantri"), today=TODAY, now=NOW
        )

    assert result.problems == []
    assert result.created == count(database, Agency) > 1000


def test_what_differs_is_changed_with_before_and_after(database: Database) -> None:
    a_province(database)

    result = import_list(database, SCIENCE | {"ten": "Sở KH&CN", "nguoi_lien_he": "Bà Xuân"}, now=LATER)

    assert told(result) == (0, 1, 0)
    (event,) = trail(database, "agency.changed")
    assert (event.actor, event.subject_id, event.at) == ("quantri", "H36.05", LATER)
    assert event.before == {"name": "Sở Khoa học và Công nghệ", "contact_name": None}
    assert event.after == {"name": "Sở KH&CN", "contact_name": "Bà Xuân"}
    assert the_agency(database).revision == 2


def test_what_a_list_has_no_column_for_stays_as_it_is(database: Database) -> None:
    full = SCIENCE | {
        "ten_ngan": "Sở KHCN",
        "tu_cach_phap_nhan": "x",
        "con_dau": "x",
        "hop_thu_don_vi": "không",
        "nguoi_lien_he": "Bà Xuân",
        "hieu_luc_tu": "2025-07-01",
        "hieu_luc_den": "2030-12-31",
    }
    import_list(database, PROVINCE, full)
    before = the_agency(database)

    result = import_list(database, {name: SCIENCE[name] for name in NEEDED} | {"ten": "Sở KH&CN"}, now=LATER)

    assert told(result) == (0, 1, 0)
    after = the_agency(database)
    assert after.name == "Sở KH&CN"
    for kept in (
        "parent_id",
        "path",
        "short_name",
        "legal_personality",
        "seal",
        "unit_mailbox",
        "contact_name",
    ):
        assert getattr(after, kept) == getattr(before, kept), kept
    assert (after.since, after.until) == (date(2025, 7, 1), date(2030, 12, 31))
    assert "khcn" in after.search_key.split()
    (event,) = trail(database, "agency.changed")
    assert event.after == {"name": "Sở KH&CN"}


def test_an_empty_cell_says_that_there_is_none(database: Database) -> None:
    import_list(database, PROVINCE, SCIENCE | {"nguoi_lien_he": "Bà Xuân", "hieu_luc_den": "2030-12-31"})

    import_list(
        database,
        SCIENCE | {"nguoi_lien_he": "", "hieu_luc_den": "", "con_dau": "", "hieu_luc_tu": "", "ma_cha": ""},
        now=LATER,
    )

    science = the_agency(database)
    assert (science.contact_name, science.until, science.seal, science.since) == (None, None, False, None)
    assert (science.parent_id, science.path) == (None, f"/{science.id}/")


def test_a_new_agency_of_a_short_list_has_the_defaults(database: Database) -> None:
    assert told(import_list(database, {name: SCIENCE[name] for name in NEEDED})) == (1, 0, 0)

    science = the_agency(database)
    assert (science.legal_personality, science.seal, science.unit_mailbox) == (False, False, True)
    assert (science.short_name, science.since, science.path) == (None, None, f"/{science.id}/")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_separators_and_ends_of_lines_are_found_out(database: Database, separator: str, end: str) -> None:
    rows = [list(PROVINCE), *([row.get(name, "") for name in PROVINCE] for row in (PROVINCE, SCIENCE))]
    content = csv_text(rows, separator=separator, end=end).encode()

    with database.transaction() as session:
        result = import_agencies(session, content, reference=reference(), who=Who("x"), today=TODAY, now=NOW)

    assert (told(result), result.problems) == ((2, 0, 0), [])


def test_agencies_that_a_list_does_not_name_stay_as_they_are(database: Database) -> None:
    a_province(database)

    import_list(database, SCIENCE, now=LATER)

    assert count(database, Agency) == len(AGENCIES)


def test_parents_may_stand_below_their_children(database: Database) -> None:
    result = import_list(database, *reversed(AGENCIES))

    assert result.problems == []
    root, science, digital = (the_agency(database, code) for code in ("H36", "H36.05", "H36.05.01"))
    assert digital.path == f"/{root.id}/{science.id}/{digital.id}/"


def test_a_parent_may_be_named_by_its_old_code(database: Database) -> None:
    result = import_list(database, DIGITAL | {"ma_cha": "000.00.05.H36"}, SCIENCE, PROVINCE)

    assert result.problems == []
    assert the_agency(database, "H36.05.01").parent_id == the_agency(database).id


def test_an_agency_that_moves_takes_what_is_below_it_along(database: Database) -> None:
    a_province(database)

    result = import_list(database, SCIENCE | {"ma_cha": "H36.06"}, now=LATER)

    assert told(result) == (0, 1, 0)
    finance, science, digital = (the_agency(database, code) for code in ("H36.06", "H36.05", "H36.05.01"))
    assert science.path == f"{finance.path}{science.id}/"
    assert digital.path == f"{science.path}{digital.id}/"
    assert digital.revision == 2


@pytest.mark.parametrize("parent", ["H36.05", "H36.05.01", "H36.05.21"])
def test_nothing_can_be_moved_below_itself(database: Database, parent: str) -> None:
    a_province(database)
    before = the_agency(database).path

    result = import_list(database, SCIENCE | {"ma_cha": parent}, now=LATER)

    assert [problem.code for problem in result.problems] == ["parent-below"]
    assert the_agency(database).path == before


def test_two_new_agencies_cannot_be_above_each_other(database: Database) -> None:
    one = an_agency("H36.70", "Một", "mot", "H36.71")
    other = an_agency("H36.71", "Hai", "hai", "H36.70")

    result = import_list(database, PROVINCE, one, other)

    assert {problem.code for problem in result.problems} == {"parent-unknown"}
    assert count(database, Agency) == 1


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"ten": ""}, "cell-missing"),
        ({"viet_tat": ""}, "cell-missing"),
        ({"ma_co_quan": "không có"}, "agency-code-malformed"),
        ({"khoi": "quan_doi"}, "khoi-unknown"),
        ({"cap": "lien_bang"}, "cap-unknown"),
        ({"cap": "huyen"}, "cap-unknown"),
        ({"loai": "phong_ban"}, "loai-unknown"),
        ({"ma_cha": "H36.99"}, "parent-unknown"),
        ({"ma_cha": "?"}, "agency-code-malformed"),
        ({"ma_cu": "H36.04; ?"}, "agency-code-malformed"),
        ({"hieu_luc_tu": "01/07/2025"}, "date-malformed"),
        ({"ten_ngan": "x" * 65}, "short-name-too-long"),
        ({"ten": "x" * 256}, "name-too-long"),
        ({"viet_tat": "x" * 41}, "abbreviation-too-long"),
        ({"dien_thoai_lien_he": "0" * 21}, "contact-phone-too-long"),
        ({"email_lien_he": "Nguyễn Văn A <a@skhcn.example>"}, "contact-email-malformed"),
        ({"email_lien_he": "a@skhcn.example; b@skhcn.example"}, "contact-email-malformed"),
        ({"email_lien_he": "b@@skhcn.example"}, "contact-email-malformed"),
        ({"email_lien_he": "a@skhcn"}, "contact-email-malformed"),
        ({"email_lien_he": "a..b@skhcn.example"}, "contact-email-malformed"),
        ({"bien_che_cong_chuc": "mười"}, "head-count-malformed"),
        ({"bien_che_cong_chuc": "-1"}, "head-count-malformed"),
        ({"bien_che_cong_chuc": "9999999"}, "head-count-malformed"),
        ({"ten": "Sở\x00 Khoa học"}, "invisible-characters"),
        ({"ten_ngan": "Sở\u200bKH"}, "invisible-characters"),
    ],
)
def test_a_row_that_cannot_be_used_is_a_problem_and_the_rest_goes_on(
    database: Database, cells: Row, code: str
) -> None:
    result = import_list(database, PROVINCE, SCIENCE | cells, FINANCE)

    (problem,) = result.problems
    assert (problem.row, problem.code) == (3, code)
    assert problem.text.vi
    assert problem.text.en
    assert told(result) == (2, 0, 0)


def test_an_agency_twice_in_one_list_is_a_problem_of_the_second_row(database: Database) -> None:
    result = import_list(database, PROVINCE, SCIENCE, SCIENCE | {"ma_co_quan": "000.00.05.H36"})

    (problem,) = result.problems
    assert (problem.row, problem.code) == (4, "agency-twice")
    assert "3" in problem.text.en


def test_a_district_of_the_past_is_taken_with_the_days_of_its_validity(database: Database) -> None:
    district = an_agency(
        "H36.40",
        "UBND huyện Đạ Tẻh",
        "dateh",
        "H36",
        cap="huyen",
        hieu_luc_tu="2015-01-01",
        loai="ubnd_huyen",
    )

    result = import_list(database, PROVINCE | {"hieu_luc_tu": "2015-01-01"}, district)

    assert result.problems == []


def test_names_are_kept_in_composed_letters(database: Database) -> None:
    decomposed = unicodedata.normalize("NFD", SCIENCE["ten"])

    import_list(database, PROVINCE, SCIENCE | {"ten": decomposed})

    assert the_agency(database).name == SCIENCE["ten"]
    assert told(import_list(database, SCIENCE)) == (0, 0, 1)


@pytest.mark.parametrize(
    ("cell", "has"), [("x", True), ("✓", True), ("", False), ("0", False), ("Không", False)]
)
def test_a_mark_is_anything_but_a_no(database: Database, cell: str, has: bool) -> None:
    import_list(database, PROVINCE, SCIENCE | {"con_dau": cell, "hop_thu_don_vi": cell})

    science = the_agency(database)
    assert (science.seal, science.unit_mailbox) == (has, has)


def test_head_counts_are_kept_over_time(database: Database) -> None:
    import_list(database, PROVINCE, SCIENCE | {"bien_che_cong_chuc": "40", "bien_che_vien_chuc": "0"})

    same = import_list(database, SCIENCE | {"bien_che_cong_chuc": "40"}, now=LATER)
    other = import_list(database, SCIENCE | {"bien_che_cong_chuc": "42"}, now=LATER)
    import_list(database, SCIENCE | {"bien_che_cong_chuc": "43"}, now=LATER)

    assert (told(same), told(other)) == ((0, 0, 1), (0, 1, 0))
    with database.reading() as session:
        declared = session.execute(
            select(HeadCount.category, HeadCount.since, HeadCount.count).order_by(
                HeadCount.category, HeadCount.since
            )
        ).all()
    assert declared == [("cong_chuc", TODAY, 40), ("cong_chuc", LATER.date(), 43), ("vien_chuc", TODAY, 0)]
    assert trail(database, "agency.changed")[0].after == {"bien_che_cong_chuc": 42}


def test_former_codes_are_remembered_once_and_find_their_agency(database: Database) -> None:
    result = import_list(database, PROVINCE, SCIENCE | {"ma_cu": "H36.04; 000.00.05.H36; H36.04"})
    again = import_list(database, SCIENCE | {"ma_cu": "H36.04"}, now=LATER)

    assert result.problems == []
    assert told(again) == (0, 0, 1)
    assert count(database, FormerAgencyCode) == 1
    with database.reading() as session:
        register = Register.read(session)
    assert register.get("000.00.04.H36").code == "H36.05"


def test_a_current_code_goes_before_a_former_one(database: Database) -> None:
    import_list(database, PROVINCE, SCIENCE | {"ma_cu": "H36.06"}, FINANCE)

    with database.reading() as session:
        register = Register.read(session)

    assert register.get("H36.06").name == "Sở Tài chính"


def test_the_register_lists_the_tree_and_knows_parents(database: Database) -> None:
    a_province(database)
    with database.reading() as session:
        register = Register.read(session)

    assert len(register) == len(list(register)) == len(AGENCIES)
    science = register.get("h36.05")
    assert (parent := register.parent(science)) is not None
    assert parent.code == "H36"
    assert register.parent(parent) is None
    assert register.find("H36.99") is None
    assert register.find("?") is None
    with pytest.raises(NotFound) as missing:
        register.get("H36.99")
    assert missing.value.code == "agency-unknown"


def test_the_name_for_certificates_is_the_short_one_only_when_needed(database: Database) -> None:
    import_list(database, *AGENCIES[:1], SCIENCE | {"ten_ngan": "Sở KHCN"}, *AGENCIES[2:])
    with database.reading() as session:
        register = Register.read(session)

    assert register.get("H36.05").legal_name == "Sở Khoa học và Công nghệ"
    assert register.get("H36.05.21").legal_name == "Trung tâm Ứng dụng KHCN"
    assert len(register.get("H36.05.22").legal_name) > 64


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("Sở".encode("utf-16"), "not-utf-8"),
        (b"ten,viet_tat\r\nA,b\r\n", "columns-missing"),
        (b"", "columns-missing"),
        (
            ",".join(NEEDED).encode() + b'\nH36,"' + b"x" * 140_000 + b'",a,nha_nuoc,tinh,so\n',
            "list-malformed",
        ),
        (
            ",".join(NEEDED).encode() + b'\nH36,"A,a,nha_nuoc,tinh,so\nH36.1,"B",b,nha_nuoc,tinh,so\n',
            "list-malformed",
        ),
    ],
)
def test_a_file_that_is_no_agency_list_is_refused(database: Database, content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused, database.transaction() as session:
        import_agencies(session, content, reference=reference(), who=Who("x"), today=TODAY, now=NOW)

    assert refused.value.code == code
    assert count(database, Agency) == 0


def test_blank_rows_are_passed_over(database: Database) -> None:
    blank = dict.fromkeys(PROVINCE, "")

    assert told(import_list(database, PROVINCE, blank, SCIENCE)) == (2, 0, 0)
