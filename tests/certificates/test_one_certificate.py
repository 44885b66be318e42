"""One order is one serial and one certificate: run twice, killed anywhere, signed by two signers at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ca.authority import Authority
from provisioner.certificates import issuing
from provisioner.certificates.issuing import issue
from provisioner.certificates.models import Certificate, State
from provisioner.certificates.recovering import require_balance
from provisioner.db import Database
from provisioner.errors import ProvisionerError
from provisioner.pending import LEASE
from tests.books import NOW, on_postgresql
from tests.certificates.holders import every_certificate, many_officials, ordered
from tests.province import a_desk, journal_of

SOON = NOW + LEASE + timedelta(seconds=1)

PLACES = ("issue.reserved", "issue.signed", "issue.journalled", "issue.recorded")


class Killed(RuntimeError):
    """The process is killed here."""


def holds(database: Database, *, certificates: int) -> None:
    """One serial and one DER for each order, in the books and in the journal; every key is its own."""
    rows = every_certificate(database)
    assert [row.state for row in rows] == [State.ISSUED] * certificates
    assert len({row.serial for row in rows}) == len({row.key_fingerprint for row in rows}) == certificates
    lines = {(entry.serial, entry.certificate) for entry in journal_of(database).read()}
    assert lines == {(row.serial, row.der) for row in rows}
    require_balance(database, journal_of(database))


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_every_place_and_run_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    ordered(database, *many_officials(3))

    def strike(name: str) -> None:
        if name == place:
            raise Killed(name)

    for moment in (NOW, SOON):
        with monkeypatch.context() as patch:
            patch.setattr(issuing, "failpoint", strike)
            try:
                issue(database, a_desk(database, now=moment), chunk=2)
            except Killed:
                continue
    issue(database, a_desk(database, now=SOON + LEASE + timedelta(seconds=1)))

    holds(database, certificates=3)


def test_two_signers_at_once(database: Database) -> None:
    ordered(database, *many_officials(12))
    desk = a_desk(database)
    both = Barrier(2)

    def signer(_number: int) -> int:
        both.wait()
        return issue(database, desk, chunk=3)

    with ThreadPoolExecutor(2) as signers:
        issued = list(signers.map(signer, range(2)))

    assert sum(issued) == 12
    holds(database, certificates=12)


def test_a_second_signer_takes_over_while_the_first_is_signing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is frozen past its lease with a signature in its hands; both sign the same bytes."""
    ordered(database)
    first = a_desk(database)  # now: the first desk of a process holds the ceremony, which signs, too
    seen: list[bytes] = []
    sign_all = Authority.sign_all

    def slowly(authority: Authority, drafts: Sequence[issuing.Draft]) -> list[bytes]:
        certificates = sign_all(authority, drafts)
        seen.extend(certificates)
        if len(seen) == 2:
            assert issue(database, a_desk(database, now=SOON)) == 2
        return certificates

    # The journal's clock is the first signer's, which has stood still: it must not sign on.
    with monkeypatch.context() as patch:
        patch.setattr(Authority, "sign_all", slowly)
        with pytest.raises(ProvisionerError) as refused:
            issue(database, first)

    assert refused.value.code == "clock-behind"
    assert len(seen) == 4
    assert len(set(seen)) == 2
    holds(database, certificates=2)


def test_a_record_that_the_database_refuses_leaves_no_orphan(database: Database) -> None:
    """Boulder's trick: the signature exists, and the one statement that records it fails."""
    ordered(database)
    with database.transaction() as session:
        for statement in _refuse_records(database):
            session.execute(text(statement))

    with pytest.raises((DBAPIError, ProvisionerError)):
        issue(database, a_desk(database))
    assert {row.state for row in every_certificate(database)} == {State.RESERVED}
    assert len(list(journal_of(database).read())) == 2

    with database.transaction() as session:
        session.execute(text("DROP TRIGGER refuse" + (" ON certificates" if on_postgresql(database) else "")))
    assert issue(database, a_desk(database, now=SOON)) == 2
    holds(database, certificates=2)


def test_an_audit_event_that_cannot_be_written_stops_the_record(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)

    def full(*_given: object, **_named: object) -> None:
        raise Killed("the audit trail is full")

    with monkeypatch.context() as patch:
        patch.setattr(issuing, "record", full)
        with pytest.raises(Killed):
            issue(database, a_desk(database))

    with database.reading() as session:
        assert session.query(Certificate).filter(Certificate.der.is_not(None)).count() == 0
    assert issue(database, a_desk(database, now=SOON)) == 2
    holds(database, certificates=2)


def _refuse_records(database: Database) -> tuple[str, ...]:
    """Statements that make the database refuse to record any certificate."""
    if not on_postgresql(database):
        raised = "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
        return (f"CREATE TRIGGER refuse BEFORE UPDATE ON certificates WHEN NEW.state = 'issued' {raised}",)
    function = (
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'refused by the test'; END $$"
    )
    trigger = (
        "CREATE TRIGGER refuse BEFORE UPDATE ON certificates FOR EACH ROW WHEN (NEW.state = 'issued') "
        "EXECUTE FUNCTION refuse()"
    )
    return function, trigger
