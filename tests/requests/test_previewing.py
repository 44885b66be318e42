"""Previewing: the address that would be given, and nothing about people out of reach."""

from datetime import date

import pytest
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.db import Database
from provisioner.mailboxes.models import Kind as MailboxKind
from provisioner.operators.reach import Reach
from provisioner.requests.models import Kind
from provisioner.requests.previewing import Previewed, preview
from provisioner.rosters.files.columns import Column
from provisioner.rosters.models import RosterPlan
from tests.books import TODAY, count
from tests.province import QUOTAS, a_province, an_official, provide, rules
from tests.requests.letters import a_person


@pytest.fixture
def books(database: Database) -> Database:
    return a_province(database)


def previewed(
    database: Database, *rows: dict[Column, str], kind: Kind = Kind.PEOPLE, today: date = TODAY
) -> list[Previewed]:
    with database.reading() as session:
        agency = session.scalars(select(Agency).where(Agency.code == "H36.05")).one()
        within = Reach(frozenset({agency.path}))
        return preview(session, kind, rows, agency, rules(), within=within, today=today)


def test_a_row_shows_the_address_and_quota_it_would_get_and_nothing_is_kept(books: Database) -> None:
    (row,) = previewed(books, a_person("CB1"))

    assert (row.address, row.is_new) == ("anhnt@lamdong.gov.vn", True)
    assert row.quota_bytes == QUOTAS[MailboxKind.PERSONAL]
    assert count(books, RosterPlan) == 0


def test_two_of_one_name_get_two_addresses_in_the_order_of_their_numbers(books: Database) -> None:
    later, earlier = previewed(books, a_person("CB2"), a_person("CB1"))

    assert earlier.address == "anhnt@lamdong.gov.vn"
    assert later.address not in (None, earlier.address)


def test_what_is_given_already_is_not_proposed(books: Database) -> None:
    provide(books, an_official("CB8", ma_co_quan="H36.06"))

    (row,) = previewed(books, a_person("CB1"))

    assert row.address != "anhnt@lamdong.gov.vn"


def test_a_colleague_is_shown_with_the_address_they_have(books: Database) -> None:
    provide(books, an_official("CB1"))

    (row,) = previewed(books, a_person("CB1"), kind=Kind.LEAVE)

    assert (row.address, row.is_new) == ("anhnt@lamdong.gov.vn", False)


def test_nothing_is_told_of_people_out_of_reach(books: Database) -> None:
    number = "068190000001"
    there = an_official(
        "CB1", "Lê Sơn Ca", ma_co_quan="H36.06", so_dinh_danh=number, dia_chi_thu="sepca@lamdong.gov.vn"
    )
    provide(books, there)
    wish = {Column.NATIONAL_ID: number, Column.ADDRESS: "sepca@lamdong.gov.vn"}
    theirs = a_person("CB1", "Lê Sơn Cang") | wish
    unknown = a_person("CB99", "Lê Sơn Cang") | wish | {Column.NATIONAL_ID: "068190000002"}

    assert previewed(books, theirs) == previewed(books, unknown)
    assert previewed(books, a_person("CB1"), kind=Kind.LEAVE)[0].address is None


def test_an_identity_number_has_no_place_in_a_staff_number_or_an_address(books: Database) -> None:
    number = "068190000001"
    as_number, as_address = previewed(
        books, a_person(number), a_person("CB2") | {Column.ADDRESS: f"anh{number}@lamdong.gov.vn"}
    )

    for row in (as_number, as_address):
        assert "so_dinh_danh" in row.problems[0].vi
        assert number not in repr(row)


def test_a_change_proposes_no_address_to_a_number_of_nobody(books: Database) -> None:
    provide(books, an_official("CB1"))

    known, slip = previewed(books, a_person("CB1"), a_person("CB10"), kind=Kind.CHANGE)

    assert (known.address, slip.address) == ("anhnt@lamdong.gov.vn", None)
    assert (known.problems, slip.problems) == ((), ())


def test_what_is_wrong_is_said_and_what_is_still_empty_is_not(books: Database) -> None:
    wrong, empty = previewed(
        books, a_person("CB1") | {Column.BIRTH_DATE: "31/02/1990"}, {Column.POSITION: "Chuyên viên"}
    )

    assert len(wrong.problems) == 1
    assert (empty.address, empty.problems) == (None, ())


def test_a_unit_without_a_name_is_the_agency_itself(books: Database) -> None:
    (row,) = previewed(books, {}, kind=Kind.UNIT)

    assert row.address == "skhcn@lamdong.gov.vn"
    assert row.quota_bytes == QUOTAS[MailboxKind.UNIT]
