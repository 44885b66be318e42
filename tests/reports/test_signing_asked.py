"""A report is asked for on one side and signed on the other, once, and exactly as it was asked for."""

import io
from collections.abc import Callable
from datetime import datetime

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from sqlalchemy import select, update

from provisioner.audit import AuditEvent, Who
from provisioner.db import Database
from provisioner.errors import Conflict, NotFound, Text, Unavailable
from provisioner.operators import naming
from provisioner.operators.roles import Role
from provisioner.reports.models import SignedReport
from provisioner.reports.pades import signed
from provisioner.reports.signing_asked import ask_for_signature, fetch, sign_asked
from provisioner.reports.typesetting import typeset
from provisioner.working import bells_due
from tests.books import LATER, NOW, Rings
from tests.operators.people import an_operator
from tests.province import trail
from tests.reports.test_coverage_document import LETTERHEAD
from tests.reports.test_pades import a_signatory

LEADER, SIGNER = Who("chi"), Who("signer")


@pytest.fixture(scope="module")
def document() -> bytes:
    data = {**LETTERHEAD.as_data(), "kind": "Báo cáo", "subject": "Thử", "basis": [], "opening": "Mở đầu."}
    data |= {"published": None, "served": {"of": "1/2", "rate": "50%"}, "used": {"of": "1/2", "rate": "50%"}}
    data |= {"difficulties": [], "proposals": [], "closing": "Hết./.", "note": "Ghi chú."}
    return typeset("yearly", data, at=NOW)


def asked(database: Database, document: bytes, *, who: Who = LEADER, now: datetime = NOW) -> str:
    with database.transaction() as session:
        report = ask_for_signature(session, document, title="Báo cáo thử", place="Lâm Đồng", who=who, now=now)
        return report.digest


def run(database: Database, sign: Callable[[bytes, str], bytes]) -> int:
    return sign_asked(database, sign, who=SIGNER, clock=lambda: NOW)


def row(database: Database) -> SignedReport:
    with database.reading() as session:
        return session.scalars(select(SignedReport)).one()


def test_what_was_asked_for_is_signed_as_it_is_and_can_be_fetched(
    database: Database, rings: Rings, document: bytes
) -> None:
    digest = asked(database, document)
    signatory = a_signatory("organization-document")

    done = run(database, lambda pdf, place: signed(pdf, signatory, place=place))

    assert (list(rings), done) == (["reports"], 1)
    with database.reading() as session:
        content = fetch(session, digest)
        trail = session.execute(select(AuditEvent.actor, AuditEvent.action)).all()
    assert content.startswith(document)  # a signature is added behind what was there
    [signature] = PdfFileReader(io.BytesIO(content)).embedded_signatures
    assert signature.signer_cert.serial_number == signatory.certificate.serial_number
    assert {tuple(event) for event in trail} == {("chi", "report.asked"), ("signer", "report.signed")}


def test_nothing_is_signed_twice(database: Database, document: bytes) -> None:
    assert asked(database, document) == asked(database, document)

    assert run(database, lambda pdf, _place: pdf + b"1") == 1
    assert run(database, lambda pdf, _place: pdf + b"2") == 0
    assert asked(database, document) == row(database).digest
    with database.reading() as session:
        assert fetch(session, row(database).digest).endswith(b"1")


def test_a_key_that_is_away_leaves_a_reason_and_is_tried_again(database: Database, document: bytes) -> None:
    digest = asked(database, document)

    def away(_pdf: bytes, _place: str) -> bytes:
        raise Unavailable(Text(vi="Khóa chưa mở.", en="The key is away."), code="key-away")

    assert run(database, away) == 0
    assert row(database).trouble == "key-away"
    with database.reading() as session:
        assert "reports" not in bells_due(session, now=NOW)
        with pytest.raises(Conflict):
            fetch(session, digest)
    assert run(database, lambda pdf, _place: pdf) == 1
    assert row(database).trouble is None


def test_a_document_that_was_changed_in_the_books_is_not_signed(database: Database, document: bytes) -> None:
    asked(database, document)
    with database.transaction() as session:
        session.execute(update(SignedReport).values(document=document + b"%"))

    assert run(database, lambda pdf, _place: pdf) == 0
    assert row(database).trouble == "report-changed"


def test_nothing_is_signed_for_somebody_who_was_shut_out_meanwhile(
    database: Database, document: bytes
) -> None:
    an_operator(database, "chi", Role.LEADER)
    asked(database, document)
    with database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "chi"), by="test", now=NOW)

    assert run(database, lambda pdf, _place: pdf) == 0
    assert (row(database).trouble, row(database).signed_at) == ("operator-shut-out", None)


def test_whoever_asks_again_takes_over_what_is_not_signed(
    database: Database, rings: Rings, document: bytes
) -> None:
    an_operator(database, "chi", Role.LEADER)
    digest = asked(database, document)
    with database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "chi"), by="test", now=NOW)
    assert run(database, lambda pdf, _place: pdf) == 0
    an_operator(database, "dung", Role.LEADER)

    assert asked(database, document, who=Who("dung"), now=LATER) == digest

    report = row(database)
    assert (report.asked_by, report.asked_at, report.trouble, report.trouble_detail) == (
        "dung",
        LATER,
        None,
        None,
    )
    assert list(rings) == ["reports", "reports"]
    assert run(database, lambda pdf, _place: pdf) == 1
    assert [event.actor for event in trail(database, "report.asked")] == ["chi", "dung"]


def test_what_is_signed_stays_with_whoever_asked_for_it(database: Database, document: bytes) -> None:
    asked(database, document)
    run(database, lambda pdf, _place: pdf)

    asked(database, document, who=Who("dung"), now=LATER)

    assert (row(database).asked_by, row(database).asked_at) == ("chi", NOW)


def test_the_clock_rings_for_what_waits(database: Database, document: bytes) -> None:
    asked(database, document)

    with database.reading() as session:
        assert "reports" in bells_due(session, now=NOW)


def test_the_second_of_two_signers_writes_nothing(database: Database, document: bytes) -> None:
    digest = asked(database, document)

    def slow(pdf: bytes, _place: str) -> bytes:
        assert run(database, lambda pdf, _place: pdf + b"first") == 1
        return pdf + b"second"

    assert run(database, slow) == 0
    with database.reading() as session:
        assert fetch(session, digest).endswith(b"first")


def test_a_report_that_nobody_asked_for_is_not_found(database: Database) -> None:
    with database.reading() as session, pytest.raises(NotFound):
        fetch(session, "0" * 64)
