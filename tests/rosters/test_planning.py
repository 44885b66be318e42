"""Planning: the same file is no work, whatever it looks like, and only what is new is work."""

import unicodedata
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from provisioner.agencies.models import Agency
from provisioner.db import Database
from provisioner.errors import Invalid, NotFound
from provisioner.people.sealing import Sealer
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow
from tests.books import LATER, NOW, count
from tests.province import (
    HR,
    a_province,
    a_roster_of,
    a_unit,
    an_agency,
    an_official,
    apply,
    codes,
    counts,
    import_list,
    plan_rows,
    planned,
    planned_file,
    provide,
    the_plan,
    trail,
)
from tests.rosters.files import csv_text, xlsx

PEOPLE = (
    an_official("CB1", "Nguyễn Thị Ánh", so_dinh_danh="068190000001", chung_thu="x", lanh_dao="x"),
    an_official("CB2", "Nguyễn Thị Anh", chuc_vu="Chuyên viên", ngay_sinh="05/03/1990"),
    an_official("CB3", "H'Hen Niê", dung_luong="8GB", dien_thoai="0912345678"),
    an_official("CB4", "Đặng Văn Đức", ma_co_quan="H36.06", dia_chi_thu="duc.dang@lamdong.gov.vn"),
    a_unit("H36.05", chung_thu="x"),
    a_unit("H36.05", "Văn phòng Đảng ủy"),
)
TABLE = a_roster_of(*PEOPLE)


def test_a_new_roster_creates_a_mailbox_for_every_row(database: Database) -> None:
    plan_id = planned(a_province(database), *PEOPLE)

    assert counts(database, plan_id) == {"create": 6}
    assert [row.address for row in plan_rows(database, plan_id)] == [
        "anhnt@lamdong.gov.vn",
        "anhnt.skhcn@lamdong.gov.vn",
        "hhenn@lamdong.gov.vn",
        "duc.dang@lamdong.gov.vn",
        "skhcn@lamdong.gov.vn",
        "vpdu.skhcn@lamdong.gov.vn",
    ]


@pytest.mark.parametrize(
    ("spelt", "otherwise", "slug"), [("Phú Thủy", "Phú Thuỷ", "phuthuy"), ("B'Lao", "B’Lao", "blao")]
)
def test_a_commune_has_one_name_in_addresses_however_its_agencies_spell_it(
    database: Database, spelt: str, otherwise: str, slug: str
) -> None:
    ward = {"cap": "xa", "loai": "ubnd_phuong"}
    party = {"cap": "xa", "loai": "dang_uy", "khoi": "dang"}
    import_list(
        a_province(database),
        an_agency("H36.90", f"Ủy ban nhân dân phường {spelt}", "ubnd", "H36", **ward),
        an_agency("H36.91", f"Đảng ủy Phường {otherwise}", "dangu", "H36", **party),
    )

    rows = plan_rows(database, planned(database, a_unit("H36.90"), a_unit("H36.91")))

    assert [row.address for row in rows] == [f"{slug}@lamdong.gov.vn", f"du.{slug}@lamdong.gov.vn"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("roster.csv", csv_text(TABLE).encode()),
        ("sorted.csv", csv_text([TABLE[0], *reversed(TABLE[1:])]).encode()),
        ("nfd.csv", unicodedata.normalize("NFD", csv_text(TABLE)).encode()),
        ("utf16.csv", csv_text(TABLE).encode("utf-16")),
        ("semicolons.csv", csv_text(TABLE, separator=";").encode("utf-8-sig")),
        ("roster.xlsx", xlsx(TABLE)),
    ],
)
def test_the_same_roster_again_is_no_work(database: Database, name: str, content: bytes) -> None:
    provide(a_province(database), *PEOPLE)

    again = planned_file(database, content, name=name, now=LATER)

    assert counts(database, again) == {"unchanged": 6}
    assert apply(database, again, now=LATER) == 0


def test_of_one_row_more_exactly_that_row_is_work(database: Database) -> None:
    provide(a_province(database), *PEOPLE)

    again = planned(database, an_official("CB0", "Trần Thị Anh"), *PEOPLE)

    assert counts(database, again) == {"create": 1, "unchanged": 6}
    assert plan_rows(database, again)[0].address == "anhtt@lamdong.gov.vn"


def test_the_order_of_the_rows_does_not_change_the_addresses(database: Database) -> None:
    namesakes = [an_official(f"CB{n}", "Nguyễn Thị Ánh") for n in range(5)]
    a_province(database)

    forwards = planned(database, *namesakes)
    backwards = planned(database, *reversed(namesakes))

    there = {row.key: row.address for row in plan_rows(database, forwards)}
    assert there == {row.key: row.address for row in plan_rows(database, backwards)}
    assert len(set(there.values())) == 5


def test_the_order_of_the_staff_numbers_is_the_same_on_every_database(database: Database) -> None:
    numbers = ["CB-10", "CB.2", "CB1", "CB2", "a1", "ă1"]

    plan_id = planned(a_province(database), *(an_official(n, "Nguyễn Thị Ánh") for n in reversed(numbers)))

    chosen = {row.address: row.key for row in plan_rows(database, plan_id)}
    assert [chosen[f"anhnt{n}@lamdong.gov.vn"] for n in (2, 3, 4)] == ["p:CB2", "p:a1", "p:ă1"]


def test_namesakes_climb_the_ladder_of_the_policy(database: Database) -> None:
    plan_id = planned(
        a_province(database),
        an_official("CB1", "Nguyễn Thị Anh"),
        an_official("CB2", "Nguyễn Trọng Ánh"),
        an_official("CB3", "Nguyễn Thị Ánh"),
        an_official("CB4", "Nguyễn Thị Ảnh"),
    )

    assert [row.address for row in plan_rows(database, plan_id)] == [
        "anhnt@lamdong.gov.vn",
        "anhnt.skhcn@lamdong.gov.vn",
        "nguyenthianh.skhcn@lamdong.gov.vn",
        "anhnt2@lamdong.gov.vn",
    ]


def test_a_unit_of_its_own_name_has_it_before_that_of_its_agency(database: Database) -> None:
    names = (
        "Tổ công nghệ số",
        "Phòng Chuyển đổi số",
        "Tổ Chăm nom Sách",
        "Văn phòng Sở Khoa học và Công nghệ",
    )

    plan_id = planned(a_province(database), *(a_unit("H36.05", name) for name in names), a_unit("H36.05"))

    assert {row.address for row in plan_rows(database, plan_id)} == {
        f"{name}@lamdong.gov.vn" for name in ("tcns.skhcn", "cds.skhcn", "tcns.skhcn2", "vp.skhcn", "skhcn")
    }


def test_newcomers_make_way_for_addresses_that_the_file_gives(database: Database) -> None:
    plan_id = planned(
        a_province(database),
        an_official("CB1", "Nguyễn Thị Ánh"),
        an_official("CB2", "Trần Văn Bình", dia_chi_thu="anhnt@lamdong.gov.vn"),
    )

    assert [row.address for row in plan_rows(database, plan_id)] == [
        "anhnt.skhcn@lamdong.gov.vn",
        "anhnt@lamdong.gov.vn",
    ]


def test_a_given_address_that_looks_like_a_made_one_is_kept_apart_from_it(database: Database) -> None:
    plan_id = planned(
        a_province(database),
        an_official("CB1", "Nguyễn Thị Ánh"),
        an_official("CB2", "Trần Văn Bình", dia_chi_thu="anh-n.t@lamdong.gov.vn"),
    )

    assert plan_rows(database, plan_id)[0].address == "anhnt.skhcn@lamdong.gov.vn"


def test_rows_that_ask_for_more_than_the_policies_give_stand_out(database: Database) -> None:
    asks_for_its_own = (
        an_official("CB1", dia_chi_thu="ha.le@lamdong.gov.vn"),
        an_official("CB2", "Trần Văn Bình", dung_luong="8GB"),
        a_unit("H36.05", dung_luong="20GB"),
    )
    ordinary = (
        an_official("CB3", "Lê Thị Hoa", dung_luong="4GB"),
        a_unit("H36.06", dung_luong="10GB"),
        an_official("CB4", "Lê Văn Tám", ma_co_quan="H36.99", dung_luong="8GB"),
        an_official("CB5", "Đỗ Văn Chín", dung_luong="8GB"),
        an_official("CB5", "Đỗ Văn Mười", dung_luong="8GB"),
    )

    plan_id = planned(a_province(database), *asks_for_its_own, *ordinary)

    assert [row.stands_out for row in plan_rows(database, plan_id)] == [True] * 3 + [False] * 5
    assert the_plan(database, plan_id).standing_out == 3


def test_changes_that_ask_for_more_and_leaves_stand_out(database: Database) -> None:
    provide(a_province(database), *(an_official(f"CB{n}", dung_luong="8GB") for n in range(5)))
    today = f"{NOW:%d/%m/%Y}"

    plan_id = planned(
        database,
        an_official("CB0", dung_luong="9GB"),
        an_official("CB1", dung_luong="8GB", chuc_vu="Chuyên viên"),
        an_official("CB2", dia_chi_thu="ha.le@lamdong.gov.vn"),
        an_official("CB3", nghi_tu=today),
        an_official("CB4", dung_luong="8GB"),
    )

    assert [row.stands_out for row in plan_rows(database, plan_id)] == [True, False, True, True, False]


def test_a_plan_alone_changes_nothing_but_the_plans(database: Database, rings: list[str]) -> None:
    a_province(database)
    rings.clear()

    planned(database, *PEOPLE)

    assert rings == []
    assert trail(database, "person.created") == []


def test_the_digest_is_the_same_for_the_same_plan_and_another_for_any_other(database: Database) -> None:
    a_province(database)
    variants = [
        PEOPLE,
        PEOPLE[:-1],
        (PEOPLE[0] | {"so_dinh_danh": "068190000002"}, *PEOPLE[1:]),
        (PEOPLE[0] | {"lanh_dao": ""}, *PEOPLE[1:]),
        (PEOPLE[0] | {"chung_thu": ""}, *PEOPLE[1:]),
        (PEOPLE[0] | {"ma_co_quan": "H36.06"}, *PEOPLE[1:]),
        (*PEOPLE[:2], PEOPLE[2] | {"dung_luong": "9GB"}, *PEOPLE[3:]),
        (*PEOPLE[:3], PEOPLE[3] | {"dia_chi_thu": "ducdv@lamdong.gov.vn"}, *PEOPLE[4:]),
    ]

    digests = [the_plan(database, planned(database, *rows)).digest for rows in variants]

    assert len(set(digests)) == len(variants)
    assert the_plan(database, planned(database, *PEOPLE)).digest == digests[0]


def test_the_digest_changes_when_the_books_make_the_same_file_mean_something_else(database: Database) -> None:
    before = the_plan(database, planned(a_province(database), *PEOPLE)).digest
    provide(database, *PEOPLE)

    assert the_plan(database, planned(database, *PEOPLE)).digest != before


def test_planning_leaves_a_trace_of_who_and_what(database: Database) -> None:
    plan_id = planned(a_province(database), *PEOPLE)

    (event,) = trail(database, "roster.planned")
    assert (event.actor, event.subject_id) == (HR, str(plan_id))
    assert event.after == {
        "file": "roster.csv",
        "digest": the_plan(database, plan_id).digest,
        "counts": {"create": 6},
    }


def test_a_file_that_is_no_roster_is_refused_with_its_reason(database: Database) -> None:
    with pytest.raises(Invalid) as refused:
        planned_file(database, b"nothing of use\r\n1,2,3\r\n")

    assert refused.value.code == "header-not-found"
    assert count(database, RosterPlan) == 0


def test_a_roster_without_rows_is_a_plan_without_work(database: Database) -> None:
    plan_id = planned(a_province(database))

    assert counts(database, plan_id) == {}
    assert apply(database, plan_id) == 0
    assert the_plan(database, plan_id).state is PlanState.APPLIED


def test_more_rows_than_one_chunk_are_planned_alike(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = the_plan(database, planned(a_province(database), *PEOPLE)).digest
    monkeypatch.setattr("provisioner.rosters.planning.CHUNK", 2)
    monkeypatch.setattr("provisioner.rosters.addressing.CHUNK", 2)

    assert the_plan(database, planned(database, *PEOPLE)).digest == whole


def test_a_draft_cannot_be_seen_and_goes_when_a_day_has_passed(database: Database) -> None:
    left_behind = planned(a_province(database), *PEOPLE)
    with database.transaction() as session:
        session.execute(update(RosterPlan).values(state=PlanState.DRAFT))

    with pytest.raises(NotFound):
        the_plan(database, left_behind)
    planned(database, *PEOPLE)
    assert count(database, RosterPlan) == 2  # it may still be in the making

    planned(database, *PEOPLE, now=NOW + timedelta(days=2))

    assert count(database, RosterPlan) == 2
    with database.reading() as session:
        assert left_behind not in session.scalars(select(RosterRow.plan_id))


def test_the_file_and_its_identity_numbers_are_sealed_in_the_plan(database: Database) -> None:
    plan_id = planned(a_province(database), *PEOPLE)

    with database.reading() as session:
        file_sealed = session.scalars(select(RosterPlan.file_sealed).where(RosterPlan.id == plan_id)).one()
    stored, row = the_plan(database, plan_id), plan_rows(database, plan_id)[0]
    assert b"068190000001" not in file_sealed
    assert row.identity_sealed is not None
    assert b"068190000001" not in row.identity_sealed
    assert "068190000001" not in repr((row.facts, row.changes, row.problems, stored.problems))


def test_an_identity_number_does_not_make_a_change_after_the_key_moved_on(database: Database) -> None:
    provide(a_province(database), *PEOPLE)
    newer = Sealer({1: bytes(range(32)), 2: bytes(32)}, current=2)

    again = planned_file(database, csv_text(TABLE).encode(), sealer=newer)

    assert counts(database, again) == {"unchanged": 6}


def test_agencies_are_found_by_codes_they_had_before(database: Database) -> None:
    a_province(database)
    with database.reading() as session:
        science = session.scalars(select(Agency).where(Agency.code == "H36.05")).one()

    plan_id = planned(database, an_official(ma_co_quan="000.00.05.H36"))

    row = plan_rows(database, plan_id)[0]
    assert codes(row) == []
    assert row.facts["agency_id"] == science.id
