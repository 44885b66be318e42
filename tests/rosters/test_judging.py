"""Judging: every problem has its code and its row, and the other rows go on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox, Status
from provisioner.rosters.models import Outcome, RosterRow
from provisioner.rosters.planning import Upload, plan
from provisioner.rosters.reading import read_roster
from tests.books import LATER, NOW, TODAY
from tests.province import (
    SCIENCE,
    TOO_LONG_A_TITLE,
    Row,
    a_province,
    a_roster_of,
    a_unit,
    an_official,
    apply,
    codes,
    import_list,
    plan_rows,
    planned,
    policy,
    provide,
    rules,
    the_mailbox,
)
from tests.rosters.files import csv_text

GOOD = an_official("CB9", "Trần Văn Chín")


def judged(database: Database, *rows: Row) -> list[RosterRow]:
    """The rows as the plan judged them; the good one that stands after them must have gone on."""
    *judged_rows, good = plan_rows(database, planned(database, *rows, GOOD))
    assert good.outcome is Outcome.CREATE
    assert codes(good) == []
    return judged_rows


def registered(database: Database) -> None:
    """Two people with mailboxes; CB1 has a certificate."""
    provide(
        a_province(database),
        an_official("CB1", "Nguyễn Thị Ánh", so_dinh_danh="068190000001", ngay_sinh="05/03/1990"),
        an_official("CB2", "Lê Văn Bình", so_dinh_danh="068090000002", ngay_sinh="06/04/1990"),
    )


def test_an_agency_that_does_not_exist_refuses_the_row(database: Database) -> None:
    (row,) = judged(a_province(database), an_official(ma_co_quan="H36.99"))

    assert row.outcome is Outcome.REFUSED
    assert codes(row) == ["agency-unknown"]
    assert row.problems[0]["column"] == "ma_co_quan"
    assert "H36.99" in row.problems[0]["vi"]
    assert "H36.99" in row.problems[0]["en"]


def test_an_identity_number_among_the_staff_numbers_refuses_the_row_and_is_not_kept(
    database: Database,
) -> None:
    number = "068190000001"
    (row,) = judged(a_province(database), an_official(number, ngay_sinh="05/03/1990"))

    assert row.outcome is Outcome.REFUSED
    assert codes(row) == ["identity-number-misplaced"]
    assert row.problems[0]["column"] == "ma_can_bo"
    assert number not in repr((row.facts, row.key, row.problems))


def test_an_agency_that_was_closed_refuses_the_row_and_one_that_will_be_does_not(database: Database) -> None:
    a_province(database)
    closed = (TODAY - timedelta(days=1)).isoformat()
    import_list(database, SCIENCE | {"hieu_luc_den": closed})

    (row,) = plan_rows(database, planned(database, an_official()))
    import_list(database, SCIENCE | {"hieu_luc_den": TODAY.isoformat()})
    (last_day,) = plan_rows(database, planned(database, an_official()))

    assert (row.outcome, codes(row)) == (Outcome.REFUSED, ["agency-closed"])
    assert "was closed on 20 Nov 2026;" in row.problems[0]["en"]
    assert last_day.outcome is Outcome.CREATE


def test_who_is_left_in_a_closed_agency_can_leave_it(database: Database) -> None:
    provide(a_province(database), an_official())
    import_list(database, SCIENCE | {"hieu_luc_den": (TODAY - timedelta(days=1)).isoformat()})

    plan_id = planned(database, an_official(nghi_tu=f"{TODAY:%d/%m/%Y}"))
    apply(database, plan_id)

    (row,) = plan_rows(database, plan_id)
    assert (row.outcome, codes(row), row.refusal) == (Outcome.CHANGE, [], None)
    assert the_mailbox(database, "anhnt@lamdong.gov.vn").status is Status.LOCKED


def test_a_row_that_cannot_be_read_is_refused_with_the_readers_code(database: Database) -> None:
    nameless, numberless, homeless, quota = judged(
        a_province(database),
        an_official("CB1", ""),
        an_official("", "Nguyễn Thị Ánh"),
        an_official("CB3", ma_co_quan=""),
        an_official("CB4", dung_luong="0"),
    )

    assert {row.outcome for row in (nameless, numberless, homeless, quota)} == {Outcome.REFUSED}
    assert [codes(row) for row in (nameless, numberless, homeless)] == [["cell-missing"]] * 3
    assert codes(quota) == ["quota-zero"]


def test_a_name_too_long_for_a_certificate_refuses_those_who_ask_for_one(database: Database) -> None:
    asks, does_not, short = judged(
        a_province(database),
        an_official("CB1", ma_co_quan="H36.05.22", chung_thu="x"),
        an_official("CB2", ma_co_quan="H36.05.22"),
        an_official("CB3", ma_co_quan="H36.05.21", chung_thu="x"),
    )

    assert (asks.outcome, codes(asks)) == (Outcome.REFUSED, ["agency-name-too-long-for-certificate"])
    assert does_not.outcome is Outcome.CREATE
    assert short.outcome is Outcome.CREATE


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ho_va_ten": "Nguyễn " + "Thị " * 15 + "Ánh Hồng"}, "name-too-long-for-certificate"),
        ({"ma_can_bo": "Đ_1"}, "staff-number-not-for-certificate"),
    ],
)
def test_what_no_certificate_can_hold_refuses_those_who_ask_for_one(
    database: Database, wrong: Row, code: str
) -> None:
    asks, does_not = judged(
        a_province(database),
        an_official("CB1") | wrong | {"chung_thu": "x"},
        an_official("CB2") | wrong | ({"ma_can_bo": "Đ_2"} if "ma_can_bo" in wrong else {}),
    )

    assert (asks.outcome, asks.problems[-1]["code"]) == (Outcome.REFUSED, code)
    assert (does_not.outcome, code in codes(does_not)) == (Outcome.CREATE, False)


def test_a_title_too_long_for_a_certificate_is_left_out_of_it_and_the_row_says_so(database: Database) -> None:
    asks, does_not, at_the_bound = judged(
        a_province(database),
        an_official("CB1", chuc_vu=TOO_LONG_A_TITLE, chung_thu="x"),
        an_official("CB2", chuc_vu=TOO_LONG_A_TITLE),
        an_official("CB3", chuc_vu=TOO_LONG_A_TITLE[:64], chung_thu="x"),
    )

    assert (asks.outcome, codes(asks)) == (Outcome.CREATE, ["title-left-out-of-certificate"])
    assert asks.facts["title"] == TOO_LONG_A_TITLE
    assert codes(does_not) == codes(at_the_bound) == []


def test_a_repeated_row_is_a_duplicate(database: Database) -> None:
    first, second = judged(a_province(database), an_official(), an_official())

    assert first.outcome is Outcome.CREATE
    assert (second.outcome, codes(second)) == (Outcome.DUPLICATE, ["row-twice"])
    assert second.problems[0]["severity"] == "warning"


@pytest.mark.parametrize(
    ("code", "one", "other"),
    [
        ("staff-number-twice-in-file", an_official("CB1"), an_official("CB1", "Lê Văn Bình")),
        (
            "unit-twice-in-file",
            a_unit(name="Phòng Một cửa"),
            a_unit(name="phòng một cửa", dung_luong="20GB"),
        ),
        (
            "identity-number-twice-in-file",
            an_official("CB1", so_dinh_danh="068190000001"),
            an_official("CB2", "Lê Văn Bình", so_dinh_danh="068190000001"),
        ),
        (
            "address-twice-in-file",
            an_official("CB1", dia_chi_thu="vanthu@lamdong.gov.vn"),
            an_official("CB2", dia_chi_thu="van-thu@lamdong.gov.vn"),
        ),
    ],
)
def test_rows_that_contradict_each_other_are_both_stopped_in_either_order(
    database: Database, code: str, one: Row, other: Row
) -> None:
    a_province(database)

    for rows in ((one, other), (other, one)):
        first, second = judged(database, *rows)

        assert [row.outcome for row in (first, second)] == [Outcome.CONFLICT] * 2
        assert codes(first) == codes(second) == [code]
        assert "3" in first.problems[0]["en"]  # each names the row of the other one
        assert "2" in second.problems[0]["en"]


def test_a_contradiction_is_found_across_chunks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("provisioner.rosters.planning.CHUNK", 1)

    first, second = judged(a_province(database), an_official("CB1"), an_official("CB1", "Lê Văn Bình"))

    assert first.outcome is second.outcome is Outcome.CONFLICT


def test_a_staff_number_with_another_name_and_birthday_is_somebody_else(database: Database) -> None:
    registered(database)

    (row,) = judged(database, an_official("CB1", "Phạm Thị Dung", ngay_sinh="01/01/1980"))

    assert (row.outcome, codes(row)) == (Outcome.CONFLICT, ["staff-number-of-another"])


def test_a_staff_number_with_another_name_and_identity_number_is_somebody_else(database: Database) -> None:
    registered(database)

    (row,) = judged(database, an_official("CB1", "Phạm Thị Dung", so_dinh_danh="068190000009"))

    assert (row.outcome, codes(row)) == (Outcome.CONFLICT, ["staff-number-of-another"])


@pytest.mark.parametrize(
    "correction",
    [
        {"ho_va_ten": "Nguyễn Thị Ánh Hồng", "so_dinh_danh": "068190000001"},
        {"ngay_sinh": "06/03/1990"},
        {"so_dinh_danh": "068190000009"},
    ],
)
def test_one_mark_alone_is_a_correction_of_the_same_person(
    database: Database, correction: dict[str, str]
) -> None:
    registered(database)

    (row,) = judged(database, an_official("CB1", "Nguyễn Thị Ánh") | correction)

    assert row.outcome is Outcome.CHANGE


def test_the_same_name_with_another_birthday_and_identity_number_is_somebody_else(database: Database) -> None:
    registered(database)

    (row,) = judged(
        database, an_official("CB1", "Nguyễn Thị Ánh", ngay_sinh="06/03/1990", so_dinh_danh="068190000009")
    )

    assert (row.outcome, codes(row)) == (Outcome.CONFLICT, ["staff-number-of-another"])


def test_another_name_alone_is_a_change_that_whoever_approves_is_led_to(database: Database) -> None:
    registered(database)

    (row,) = judged(database, an_official("CB1", "Phạm Thị Dung"))

    assert (row.outcome, codes(row), row.stands_out) == (Outcome.CHANGE, ["another-name"], True)
    assert "Nguyễn Thị Ánh" in row.problems[0]["vi"]


@pytest.mark.parametrize("spelling", ["NGUYỄN THỊ ÁNH", "Nguyễn  Thị ánh", "Nguyê\u0303n Thị Ánh"])
def test_another_spelling_is_no_other_name(database: Database, spelling: str) -> None:
    registered(database)

    (row,) = judged(database, an_official("CB1", spelling))

    assert "another-name" not in codes(row)
    assert not row.stands_out


def test_the_number_of_who_left_opens_their_mailbox_to_nobody_else(database: Database) -> None:
    registered(database)
    provide(database, an_official("CB1", nghi_tu=f"{TODAY:%d/%m/%Y}", quyet_dinh="12/QĐ-SKHCN"), now=LATER)

    (somebody_else,) = judged(database, an_official("CB1", "Phạm Thị Dung"))
    (renamed,) = judged(database, an_official("CB1", "Nguyễn Thị Ánh Hồng", ngay_sinh="05/03/1990"))
    (back,) = judged(database, an_official("CB1"))

    assert (somebody_else.outcome, codes(somebody_else)) == (Outcome.CONFLICT, ["staff-number-of-a-leaver"])
    assert (renamed.outcome, codes(renamed)) == (Outcome.CHANGE, [])
    assert (back.outcome, codes(back)) == (Outcome.CHANGE, [])


def test_an_identity_number_of_somebody_registered_is_a_conflict(database: Database) -> None:
    registered(database)

    newcomer, colleague = judged(
        database,
        an_official("CB3", "Phạm Thị Dung", so_dinh_danh="068190000001"),
        an_official("CB2", "Lê Văn Bình", so_dinh_danh="068190000001"),
    )

    assert newcomer.outcome is Outcome.CONFLICT
    assert "identity-number-twice-in-file" in codes(colleague)
    (alone,) = judged(database, an_official("CB2", "Lê Văn Bình", so_dinh_danh="068190000001"))
    assert (alone.outcome, codes(alone)) == (Outcome.CONFLICT, ["identity-number-of-another"])


def test_somebody_known_by_another_number_is_told_so(database: Database) -> None:
    registered(database)

    (row,) = judged(
        database, an_official("CB77", "NGUYỄN THỊ ÁNH", ngay_sinh="05/03/1990", so_dinh_danh="068190000001")
    )

    assert (row.outcome, codes(row)[-1]) == (Outcome.CONFLICT, "known-by-another-number")
    assert "use the one that is there" in row.problems[-1]["en"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (an_official("CB77", "Nguyễn Thị Ánh", ngay_sinh="05/03/1990"), "namesake-born-the-same-day"),
        (an_official("CB77", "Nguyễn thị Ánh", ngay_sinh="05/03/1990"), "namesake-born-the-same-day"),
        (an_official("cb1"), "number-like-another"),
        (an_official("CB0001"), "number-like-another"),
    ],
)
def test_a_newcomer_who_seems_to_be_in_the_books_stands_out(database: Database, row: Row, code: str) -> None:
    registered(database)

    (found,) = judged(database, row)

    assert (found.outcome, codes(found), found.stands_out) == (Outcome.CREATE, [code], True)


@pytest.mark.parametrize(
    "row",
    [
        an_official("CB77", "Nguyễn Thị Ánh", ngay_sinh="06/03/1990"),
        an_official("CB77", "Nguyễn Thị Ảnh", ngay_sinh="05/03/1990"),
        an_official("CB77", "Nguyễn Thị Ánh"),
        an_official("CB10"),
        an_official("cb1", "Phạm Thị Dung"),
    ],
)
def test_a_namesake_alone_is_somebody_else(database: Database, row: Row) -> None:
    registered(database)

    (found,) = judged(database, row)

    assert (found.outcome, codes(found), found.stands_out) == (Outcome.CREATE, [], False)


@pytest.mark.parametrize(
    "spelling", ["anhnt@lamdong.gov.vn", "anh-nt@lamdong.gov.vn", "Anh.NT@lamdong.gov.vn"]
)
def test_an_address_of_another_mailbox_or_one_that_looks_like_it_is_a_conflict(
    database: Database, spelling: str
) -> None:
    registered(database)

    (row,) = judged(database, an_official("CB3", "Phạm Thị Dung", dia_chi_thu=spelling))

    assert (row.outcome, codes(row)) == (Outcome.CONFLICT, ["address-of-another"])


def test_the_address_of_a_closed_mailbox_is_never_given_again(database: Database) -> None:
    registered(database)
    with database.transaction() as session:
        session.execute(update(Mailbox).values(closed_at=NOW, status=Status.DELETED))

    asked, made = judged(
        database,
        an_official("CB3", "Phạm Thị Dung", dia_chi_thu="anhnt@lamdong.gov.vn"),
        an_official("CB4", "Ngô Thị Ánh"),
    )

    assert codes(asked) == ["address-of-another"]
    assert made.address == "anhnt.skhcn@lamdong.gov.vn"


def test_who_comes_back_is_told_that_the_address_was_their_own_and_gets_another(database: Database) -> None:
    registered(database)
    with database.transaction() as session:
        session.execute(update(Mailbox).values(closed_at=NOW, status=Status.DELETED))

    (asked,) = judged(database, an_official("CB1", "Nguyễn Thị Ánh", dia_chi_thu="anhnt@lamdong.gov.vn"))
    (left,) = judged(database, an_official("CB1", "Nguyễn Thị Ánh"))

    assert (asked.outcome, codes(asked)) == (Outcome.CONFLICT, ["address-of-own-deleted"])
    assert (left.outcome, left.address) == (Outcome.CHANGE, "anhnt.skhcn@lamdong.gov.vn")


def test_an_address_that_only_looks_like_ones_own_is_a_conflict(database: Database) -> None:
    registered(database)

    own, alike = (
        judged(database, an_official("CB1", "Nguyễn Thị Ánh", dia_chi_thu=address))[0]
        for address in ("anhnt@lamdong.gov.vn", "anh.nt@lamdong.gov.vn")
    )

    assert own.outcome is Outcome.UNCHANGED
    assert (alike.outcome, codes(alike)) == (Outcome.CONFLICT, ["address-like-own"])


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("anhnt@example.com", "address-domain-not-ours"),
        ("admin@lamdong.gov.vn", "address-reserved"),
        ("anh..nt@lamdong.gov.vn", "address-malformed"),
    ],
)
def test_an_address_we_do_not_give_is_refused(database: Database, address: str, code: str) -> None:
    (row,) = judged(a_province(database), an_official(dia_chi_thu=address))

    assert (row.outcome, codes(row)) == (Outcome.REFUSED, [code])


def test_a_name_that_makes_no_address_is_refused_and_goes_on_with_a_given_one(database: Database) -> None:
    letters = " ".join(["Nguyễn"] + ["Phương"] * 12)
    too_long = "Hoàngphươnghoàngphươnghoàngphươnghoàngphươnghoàngphươnghoàngphươnghoàngphương"
    without, given_one = judged(
        a_province(database),
        an_official("CB1", too_long),
        an_official("CB2", letters, dia_chi_thu="phuong@lamdong.gov.vn"),
    )

    assert without.outcome is Outcome.REFUSED
    assert "name-makes-no-address" in codes(without)
    assert without.address is None
    assert given_one.outcome is Outcome.CREATE


def test_a_missing_category_is_assumed_for_newcomers_only(database: Database) -> None:
    newcomer = {name: cell for name, cell in an_official().items() if name != "phan_loai"}

    (row,) = plan_rows(database, planned(a_province(database), newcomer))
    provide(database, newcomer | {"phan_loai": "viên chức"})
    (again,) = plan_rows(database, planned(database, newcomer))

    assert (row.outcome, codes(row)) == (Outcome.CREATE, ["category-assumed"])
    assert row.facts["category"] == "cong_chuc"
    assert (again.outcome, codes(again)) == (Outcome.UNCHANGED, [])


def test_a_name_whose_parts_are_unsure_is_a_warning(database: Database) -> None:
    (row,) = judged(a_province(database), an_official("CB1", "Kpă Tơ Nul"))

    assert row.outcome is Outcome.CREATE
    assert set(codes(row)) <= {"name-parts-unsure"}


def test_a_cell_that_says_nothing_changes_nothing(database: Database) -> None:
    provide(
        a_province(database),
        an_official("CB1", chuc_vu="Chuyên viên", dien_thoai="0912345678", dung_luong="8GB", chung_thu="x"),
    )

    empty = an_official("CB1", chuc_vu="", dien_thoai="", dung_luong="", chung_thu="", phan_loai="")
    (row,) = plan_rows(database, planned(database, empty))

    assert row.outcome is Outcome.UNCHANGED


def test_an_empty_cell_in_a_leader_column_says_no_and_a_missing_column_says_nothing(
    database: Database,
) -> None:
    provide(a_province(database), an_official("CB1", lanh_dao="x"))

    (missing,) = plan_rows(database, planned(database, an_official("CB1")))
    (empty,) = plan_rows(database, planned(database, an_official("CB1", lanh_dao="")))

    assert missing.outcome is Outcome.UNCHANGED
    assert empty.changes == {"leader": [True, False]}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("H36.05", SCIENCE["ten"]),
        ("H36", "UỶ BAN NHÂN DÂN TỈNH LÂM ĐỒNG"),
        ("H36.05", "Sở  khoa học – và công nghệ"),
        ("H36.05.21", "Trung tâm ứng dụng KHCN"),
    ],
)
def test_the_agencys_own_mailbox_is_the_same_however_its_name_is_given(
    database: Database, code: str, name: str
) -> None:
    provide(a_province(database), a_unit(code))

    (row,) = plan_rows(database, planned(database, a_unit(code, name)))

    assert row.outcome is Outcome.UNCHANGED


def test_a_unit_is_the_same_however_its_name_is_spelt(database: Database) -> None:
    provide(a_province(database), a_unit("H36.05"), a_unit("H36.05", "Văn phòng – Hoá chất"))

    (row,) = plan_rows(database, planned(database, a_unit("H36.05", "VĂN PHÒNG, HÓA CHẤT")))
    twice = plan_rows(database, planned(database, a_unit("H36", "Tổ Hoá"), a_unit("H36", "Tổ Hóa")))

    assert row.outcome is Outcome.UNCHANGED
    assert [codes(one) for one in twice] == [["unit-twice-in-file"]] * 2


def test_a_further_mailbox_of_an_agency_stands_out(database: Database) -> None:
    a_province(database)
    at_first = plan_rows(database, planned(database, a_unit("H36.05"), a_unit("H36.05", "Phòng Một cửa")))
    provide(database, a_unit("H36.05"))
    import_list(database, SCIENCE | {"ten": "Sở Khoa học và Đổi mới sáng tạo"})

    (further,) = plan_rows(database, planned(database, a_unit("H36.05", SCIENCE["ten"])))

    assert [codes(row) for row in at_first] == [[], []]
    assert (further.outcome, codes(further), further.stands_out) == (Outcome.CREATE, ["unit-name-new"], True)


def test_an_identity_number_shows_in_no_problem_and_no_change(database: Database) -> None:
    registered(database)

    rows = judged(
        database,
        an_official("CB1", "Nguyễn Thị Ánh", so_dinh_danh="068190000009"),
        an_official("CB2", "Phạm Thị Dung", so_dinh_danh="068190000005"),
    )

    assert rows[0].changes == {"identity_number": ["***", "***"]}
    for row in rows:
        assert "06819000000" not in repr((row.facts, row.changes, row.problems, row.key))


def test_later_rows_of_the_plan_see_the_books_and_not_each_other(database: Database) -> None:
    provide(a_province(database), an_official("CB1"), now=NOW)

    (row,) = plan_rows(database, planned(database, an_official("CB1", chuc_vu="Trưởng phòng"), now=LATER))

    assert row.changes == {"title": [None, "Trưởng phòng"]}


def test_where_all_addresses_go_by_the_rules_a_given_one_is_dropped_with_a_warning(
    database: Database,
) -> None:
    a_province(database)
    content = csv_text(a_roster_of(an_official("CB1", dia_chi_thu="sep@lamdong.gov.vn"))).encode()
    by_rule = replace(rules(), policy=replace(policy(), keep_existing=False))
    reading = read_roster(content, filename="roster.csv", today=TODAY)

    plan_id = plan(database, reading, Upload("roster.csv", content, None, "an"), by_rule, now=NOW)

    (row,) = plan_rows(database, plan_id)
    assert (row.outcome, row.address) == (Outcome.CREATE, "anhnt@lamdong.gov.vn")
    assert codes(row) == ["address-by-rule"]
