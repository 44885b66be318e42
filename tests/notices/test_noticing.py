"""What people are told, found in the books: each thing to whom it concerns, once, and nothing to anybody else."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from ca.crl import Reason as Revocation
from provisioner import noticing
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates import renewing, revoking_many
from provisioner.db import Database
from provisioner.mail.codes import NewCode, holder_of, new_code
from provisioner.mail.issuing import issue
from provisioner.mailboxes.models import Address
from provisioner.notices.addressing import operators_reached, readers
from provisioner.notices.models import Notice
from provisioner.notices.wording import Reason
from provisioner.operators import naming
from provisioner.operators.links import make_link
from provisioner.operators.models import LinkPurpose, Operator
from provisioner.operators.roles import Role
from tests.books import NOW, asked
from tests.certificates.holders import the_certificate
from tests.fakes.directory import FakeDirectory
from tests.operators.people import an_operator
from tests.province import (
    DIT,
    SEALER,
    a_province,
    a_unit,
    addresses,
    an_official,
    issued,
    planned,
    provide,
    run,
    synced,
    the_person,
)
from tests.requests.letters import a_letter, a_person, approve, send_back, submit, written

PEOPLE = {
    "hoa": ("Trần Thị Hoa", Role.HR, "H36.05"),
    "binh": ("Lê Văn Bình", Role.APPROVER, None),
    "chi": ("Phạm Thị Chi", Role.APPROVER, "H36.06"),
    "dung": ("Vũ Văn Dũng", Role.CA_OFFICER, None),
    "em": ("Đỗ Thị Em", Role.LEADER, None),
}
PROPOSALS_LAST = timedelta(days=5)
AT_THE_AGENCY = "skhcn@lamdong.gov.vn"


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory(DIT)


@pytest.fixture
def books(database: Database, directory: FakeDirectory) -> Database:
    """A province whose operators are officials with mailboxes; one approver is none."""
    a_province(database)
    provide(
        database, a_unit("H36.05"), *(an_official(f"OP-{key}", full) for key, (full, _, _) in PEOPLE.items())
    )
    synced(database, directory)
    for key, (_, role, agency) in PEOPLE.items():
        operator = an_operator(database, key, role, agency=agency)
        person = the_person(database, f"OP-{key}")
        with database.transaction() as session:
            session.execute(update(Operator).where(Operator.id == operator.id).values(person_id=person.id))
    an_operator(database, "khach", Role.APPROVER)
    return database


@pytest.fixture
def at(books: Database) -> Callable[[str], str]:
    known = addresses(books)
    return lambda key: known[f"OP-{key}"]


def look(database: Database, *, days: float = 0) -> int:
    return noticing.note(database, proposals_last=PROPOSALS_LAST, now=NOW + timedelta(days=days))


def propose_to_revoke(database: Database, directory: FakeDirectory, *, now: datetime) -> None:
    """One certificate, by somebody who is no operator here."""
    provide(database, an_official("CB1", "Nguyễn Thị Ánh", chung_thu_so="x"))
    synced(database, directory)
    issued(database)
    certificate = the_certificate(database, addresses(database)["CB1"])
    with database.transaction() as session:
        wanted = {certificate.id: Revocation.superseded}
        revoking_many.plan(session, wanted, note="công văn 9", by="an", now=now)


def told(database: Database, reason: Reason) -> list[tuple[str, dict[str, Any]]]:
    with database.reading() as session:
        rows = session.scalars(select(Notice).where(Notice.reason == reason).order_by(Notice.recipient))
        return [(row.recipient, row.told) for row in rows]


def test_whom_to_reach_is_two_questions_however_many_operators_there_are(books: Database) -> None:
    with books.reading() as session, asked(books) as statements:
        reached = operators_reached(session, now=NOW)

    assert {one.name: one.powers.roles for one in reached} == {
        name: [role] for name, (_, role, _) in PEOPLE.items()
    }
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 2


def test_who_may_decide_hears_of_a_request_and_who_wrote_it_does_not(
    books: Database, at: Callable[[str], str]
) -> None:
    request_id = written(books, a_letter(a_person()))
    assert look(books) == 0
    submit(books, request_id, by="hoa")

    assert [look(books), look(books)] == [1, 0]
    ((recipient, values),) = told(books, Reason.REQUEST_WAITS)
    assert recipient == at("binh")
    assert (values["document"], values["by"], values["due"]) == ("12/SKHCN-VP", "hoa", "25/11/2026")


def test_whose_account_a_link_is_for_hears_who_made_it(books: Database, at: Callable[[str], str]) -> None:
    """An HR officer has one factor: whoever makes a link for it could ask in their name, and approve it in their own."""
    with books.transaction() as session:
        for name, purpose, by in (
            ("hoa", LinkPurpose.PASSWORD, "binh"),
            ("binh", LinkPurpose.SECOND_FACTOR, None),  # their own
            ("khach", LinkPurpose.PASSWORD, "binh"),  # who cannot be written to
        ):
            operator = naming.find_operator(session, name)
            maker = naming.find_operator(session, by).id if by else None
            make_link(session, operator, purpose, by=by or name, sealer=SEALER, now=NOW, made_by_id=maker)

    assert [look(books), look(books)] == [1, 0]
    assert told(books, Reason.LINK_MADE) == [(at("hoa"), {"name": "hoa", "by": "binh"})]


def contact(database: Database, name: str, address: str | None) -> None:
    with database.transaction() as session:
        naming.reach_at(session, naming.find_operator(session, name), address, by="admin", now=NOW)


def test_who_has_no_mailbox_hears_at_another_address_and_who_has_one_hears_there(
    books: Database, at: Callable[[str], str]
) -> None:
    contact(books, "khach", "khach@tinh.example")
    contact(books, "binh", "binh@tinh.example")
    submit(books, written(books, a_letter(a_person())), by="hoa")

    look(books)

    assert [to for to, _ in told(books, Reason.REQUEST_WAITS)] == sorted([at("binh"), "khach@tinh.example"])


def to_nobody(database: Database) -> list[str]:
    with database.reading() as session:
        return [one.en for one in noticing.unread(session, proposals_last=PROPOSALS_LAST, now=NOW)]


def test_what_has_no_reader_is_known_until_somebody_can_be_written_to(books: Database) -> None:
    with books.transaction() as session:
        session.execute(update(Operator).values(person_id=None))
    submit(books, written(books, a_letter(a_person())), by="hoa")
    planned(books, an_official("CB90", "Võ Văn Sáu"), by="hoa")

    assert (look(books), to_nobody(books)) == (
        0,
        ["Request 12/SKHCN-VP waits for approval", "Roster roster.csv waits for approval"],
    )
    contact(books, "khach", "khach@tinh.example")
    assert (to_nobody(books), look(books)) == ([], 2)
    contact(books, "khach", None)
    assert to_nobody(books) == []  # it was told


def test_a_look_waits_for_nobody_who_writes_while_there_is_nothing_to_tell(books: Database) -> None:
    with books.transaction():
        assert look(books) == 0


def test_nothing_is_asked_once_it_is_written(books: Database) -> None:
    submit(books, written(books, a_letter(a_person())), by="hoa")

    with asked(books) as statements:
        assert look(books) == 1

    first = next(n for n, statement in enumerate(statements) if statement.startswith("INSERT"))
    assert [one for one in statements[first:] if one.startswith("SELECT")] == []


def test_hr_hears_that_it_came_back_and_approvers_that_it_waits_again(
    books: Database, at: Callable[[str], str]
) -> None:
    request_id = written(books, a_letter(a_person()))
    submit(books, request_id, by="hoa")
    look(books)
    send_back(books, request_id, "thiếu quyết định")
    returned = look(books)
    written(books, a_letter(a_person()), request_id=request_id)
    submit(books, request_id, by="hoa", now=NOW + timedelta(hours=2))

    again = look(books)

    assert (returned, again, look(books)) == (1, 1, 0)
    assert [(to, values["why"]) for to, values in told(books, Reason.REQUEST_RETURNED)] == [
        (at("hoa"), "thiếu quyết định")
    ]
    assert [to for to, _ in told(books, Reason.REQUEST_WAITS)] == [at("binh")] * 2


def test_hr_hears_that_it_is_done_when_all_of_it_stands(
    books: Database, directory: FakeDirectory, at: Callable[[str], str]
) -> None:
    request_id = written(books, a_letter(a_person(chung_thu="x"), a_person("CB2", "Trần Văn Bình")))
    submit(books, request_id, by="hoa")
    look(books)
    approve(books, request_id, by="binh")
    early = look(books)
    run(books)
    in_the_books = look(books)
    synced(books, directory)
    in_the_directory = look(books)
    issued(books)
    synced(books, directory)

    assert (early, in_the_books, in_the_directory, look(books), look(books)) == (0, 0, 0, 1, 0)
    assert [(to, values["done"], values["refused"]) for to, values in told(books, Reason.REQUEST_DONE)] == [
        (at("hoa"), 2, 0)
    ]


def test_an_asker_without_a_mailbox_is_reached_at_the_agencys_contact(books: Database) -> None:
    request_id = written(books, a_letter(a_person()), by="khach")
    submit(books, request_id, by="khach")
    send_back(books, request_id, "sai mẫu", by="binh")
    look(books)
    own_mailbox = told(books, Reason.REQUEST_RETURNED)
    with books.transaction() as session:
        session.execute(update(Notice).values(about="earlier"))
        session.execute(
            update(Agency).where(Agency.code == "H36.05").values(contact_email="vp@skhcn.example")
        )
    look(books)

    assert [to for to, _ in own_mailbox] == [AT_THE_AGENCY]
    assert [to for to, _ in told(books, Reason.REQUEST_RETURNED)] == [AT_THE_AGENCY, "vp@skhcn.example"]


def test_a_contact_that_is_no_address_leaves_the_agencys_mailbox_to_be_written_to(
    books: Database, at: Callable[[str], str]
) -> None:
    request_id = written(books, a_letter(a_person()), by="khach")
    submit(books, request_id, by="khach")
    send_back(books, request_id, "sai mẫu", by="binh")
    with books.transaction() as session:
        session.execute(update(Agency).values(contact_email="vanthu@skhcn.example; phong@skhcn.example"))
        hoa = session.scalars(select(Address.mailbox_id).where(Address.address == at("hoa"))).one()
        of_person = readers(session, [hoa])[hoa]

    look(books)

    assert of_person.contact == AT_THE_AGENCY
    assert [to for to, _ in told(books, Reason.REQUEST_RETURNED)] == [AT_THE_AGENCY]


def test_a_roster_is_told_to_those_who_approve_for_the_whole_province(
    books: Database, at: Callable[[str], str]
) -> None:
    planned(books, an_official("CB90", "Võ Văn Sáu"), by="hoa")
    planned(books, an_official("CB91", "Võ Văn Bảy"), by="binh")

    look(books)

    assert [(to, values["by"], values["rows"]) for to, values in told(books, Reason.ROSTER_WAITS)] == [
        (at("binh"), "hoa", 1)
    ]


def test_a_plan_to_revoke_is_told_to_those_who_may_agree(
    books: Database, directory: FakeDirectory, at: Callable[[str], str]
) -> None:
    propose_to_revoke(books, directory, now=NOW)

    look(books)

    recipients = {to for to, _ in told(books, Reason.REVOKING_WAITS)}
    assert at("dung") in recipients
    assert not recipients & {at("hoa"), at("em")}


def test_a_plan_to_revoke_that_has_lapsed_is_told_to_nobody(
    books: Database, directory: FakeDirectory
) -> None:
    propose_to_revoke(books, directory, now=NOW - PROPOSALS_LAST)

    look(books)

    assert told(books, Reason.REVOKING_WAITS) == []


def test_owner_and_agency_hear_of_a_certificate_before_it_ends_once_for_each_threshold(
    books: Database, directory: FakeDirectory
) -> None:
    provide(books, an_official("CB1", "Nguyễn Thị Ánh", chung_thu_so="x"))
    synced(books, directory)
    issued(books)
    address = addresses(books)["CB1"]
    end = the_certificate(books, address).not_after
    assert end is not None

    counts = []
    for days in (61, 59, 58, 29, 6):
        now = end - timedelta(days=days)
        with books.transaction() as session:
            renewing.note_expiring(session, now=now)
        counts.append(noticing.note(books, proposals_last=PROPOSALS_LAST, now=now))

    assert counts == [0, 2, 0, 2, 2]
    assert {to for to, _ in told(books, Reason.CERTIFICATE_ENDS)} == {address, AT_THE_AGENCY}
    assert sorted({values["days"] for _, values in told(books, Reason.CERTIFICATE_ENDS)}) == [6, 29, 59]


def test_an_agency_hears_once_a_week_of_codes_that_nobody_used(books: Database) -> None:
    known = addresses(books)
    with books.transaction() as session:
        slips = [NewCode(holder_of(session, known[f"OP-{key}"]), new_code()) for key in ("hoa", "em")]
        issue(session, slips, who=Who("quantri"), now=NOW, expires_at=NOW + timedelta(days=30))

    counts = [look(books, days=days) for days in (20, 25, 26, 29.5, 31)]

    assert counts == [0, 1, 0, 0, 0]
    assert [(to, values["count"], values["end"]) for to, values in told(books, Reason.CODES_END)] == [
        (AT_THE_AGENCY, 2, "21/12/2026")
    ]
