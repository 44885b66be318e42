"""Mailboxes are found by whose they are and by every address they have or had, whichever way is gone."""

import pytest
from sqlalchemy import or_, select

from provisioner.db import Database
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.mailboxes.searching import row_by_row, ways
from tests.province import a_province, a_unit, an_official, provide, reference

ANH, BINH, OFFICE, DESK = ("anhnt", "binh.moi", "skhcn", "motcua")
"""Before the @ of every mailbox there is."""


@pytest.fixture
def books(database: Database) -> Database:
    a_province(database)
    provide(
        database,
        an_official("CB1", "Nguyễn Thị Ánh"),
        an_official("CB2", "Trần Văn Bình"),
        a_unit("H36.05"),
        a_unit("H36.05", "Bộ phận Một cửa", dia_chi_thu="motcua@lamdong.gov.vn"),
    )
    provide(database, an_official("CB2", "Trần Văn Bình", dia_chi_thu="binh.moi@lamdong.gov.vn"))
    return database


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Nguyễn", {ANH}),
        ("anh nguyen", {ANH}),
        ("Sở Khoa học", {OFFICE, DESK}),
        ("một cửa", {DESK}),
        ("Sở KHCN", {OFFICE, DESK}),
        ("Một cửa Sở Khoa học", {DESK}),
        ("cua so tai chinh", set()),
        ("binhtv", {BINH}),
        ("BINH.moi", {BINH}),
        ("hcn@", {OFFICE}),
        ("guyen", set()),
        ("tran anh", set()),
        ("%", set()),
        ("%zz", set()),
        ("_", set()),
        ("'", set()),
    ],
)
def test_a_mailbox_is_found_by_its_owner_and_its_addresses(
    books: Database, asked: str, found: set[str]
) -> None:
    wanted = select(Address.address).join(Mailbox, Mailbox.id == Address.mailbox_id)
    wanted = wanted.where(Address.is_primary)
    with books.reading() as session:
        one_by_one = session.scalars(wanted.where(or_(*ways(session, asked, reference().words)))).all()
        on_the_way = session.scalars(row_by_row(session, wanted, asked, reference().words)).all()

    assert {address.partition("@")[0] for address in one_by_one} == found
    assert sorted(on_the_way) == sorted(one_by_one)
