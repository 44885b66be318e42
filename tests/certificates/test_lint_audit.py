"""The background audit: everything ever signed is examined once by the other linter, whatever stops it on the way."""

from datetime import timedelta

import pytest
from cryptography import x509
from sqlalchemy import update

from ca.authority import der
from ca.crl import Reason
from provisioner import working
from provisioner.audit import Who
from provisioner.certificates import auditing, second_opinion
from provisioner.certificates.auditing import begin_anew, examine, findings, is_due, standing
from provisioner.certificates.auditing_models import Audited
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.listing import publish_list
from provisioner.certificates.models import Certificate, Issuer
from provisioner.certificates.revoking import revoke
from provisioner.db import Database
from provisioner.services import Services
from provisioner.settings import Settings
from tests.books import NOW
from tests.ca.world import a_certificate, forge, mail_authority, profiles, world
from tests.certificates.holders import certified, every_certificate, many_officials
from tests.certificates.records import authorities_noted, sealed
from tests.province import a_clock, a_desk, journal_of

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What is asked of the books is the same on both; one test says so."""

SOON = NOW + timedelta(minutes=1)
CLOCK = a_clock(SOON)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The serial numbers of the certificates that were examined, in order; nothing is found in them."""
    seen: list[int] = []

    def look(certificate: x509.Certificate, issuer: x509.Certificate | None) -> list[str]:
        assert issuer is not None
        seen.append(certificate.serial_number)
        return []

    monkeypatch.setattr(second_opinion, "certificate_findings", look)
    return seen


def told(database: Database) -> list[tuple[str, int, int]]:
    """Every series: how many were examined, and how many are left."""
    with database.reading() as session:
        return [(one.name, one.examined, one.left) for one in standing(session)]


def found(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(one.subject, one.finding) for one in findings(session)]


def due(database: Database) -> bool:
    with database.reading() as session:
        return is_due(session)


def signed(database: Database, *, people: int) -> int:
    """A record of authorities, a responder and people, and a list with a revocation; how many certificates."""
    certified(database, *many_officials(people))
    authorities = authorities_noted(database)
    assert delegate_answers(database, a_desk(database))
    with database.transaction() as session:
        wanted = {every_certificate(database)[0].id: Reason.superseded}
        assert not revoke(session, wanted, who=Who("lan"), profiles=profiles(), now=NOW)
    assert publish_list(database, mail_authority(), journal_of(database), days=7, clock=CLOCK)
    sealed(database, now=SOON)
    return authorities + 1 + people


def test_every_kind_of_certificate_and_list_is_examined_and_nothing_is_found(database: Database) -> None:
    count = signed(database, people=3)
    with database.transaction() as session:
        root = world()[0].lists["root-g1"]
        values = {"crl": root.public_bytes(second_opinion.Encoding.DER), "crl_number": 1}
        session.execute(update(Issuer).where(Issuer.label == "root-g1").values(**values))
    assert due(database)

    assert examine(database, clock=CLOCK, seconds=60) >= count + 2

    assert found(database) == []
    assert not due(database)
    series = {name: (examined, left) for name, examined, left in told(database)}
    assert series["certificates"] == (count, 0)
    assert series["list mail-g1"] == series["list root-g1"] == (1, 0)
    assert series.get("delta mail-g1", (1, 0)) == (1, 0)


def test_it_goes_on_where_it_stopped_and_examines_each_once(
    database: Database, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = signed(database, people=5)
    monkeypatch.setattr(auditing, "BATCH", 2)

    calls = 0
    while due(database):
        examine(database, clock=CLOCK, seconds=0)
        calls += 1

    assert calls >= count // 2
    assert len(looked_at) == len(set(looked_at)) == count
    assert examine(database, clock=CLOCK) == 0
    assert len(looked_at) == count


@ONCE
def test_killed_before_it_wrote_down_it_examines_that_batch_again_and_counts_it_once(
    database: Database, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = signed(database, people=2)

    with monkeypatch.context() as patch:
        patch.setattr(auditing, "_keep", lambda *_given, **_named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            examine(database, clock=CLOCK)
    assert examine(database, clock=CLOCK, seconds=60) >= count

    assert ("certificates", count, 0) in told(database)


def test_of_two_workers_at_the_same_batch_one_writes_it_down(
    database: Database, looked_at: list[int]
) -> None:
    count = signed(database, people=2)
    kept = auditing._keep

    def both(database: Database, batch: auditing._Batch, found: object, *, now: object) -> None:
        for _ in range(2):
            kept(database, batch, [(subject, "WARNING of a test") for subject, _ in batch.subjects], now=SOON)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auditing, "_keep", both)
        examine(database, clock=CLOCK, seconds=60)

    assert ("certificates", count, 0) in told(database)
    assert len(found(database)) == len(set(found(database)))


def test_a_certificate_that_breaks_a_rule_is_named(database: Database) -> None:
    signed(database, people=1)
    (row,) = every_certificate(database)
    names = x509.SubjectAlternativeName([x509.RFC822Name("other@lamdong.gov.vn"), x509.DNSName("a.gov.vn")])
    bent = forge(a_certificate(), change=lambda extensions: extensions.update({names.oid: (names, False)}))
    with database.transaction() as session:
        session.execute(update(Certificate).values(der=der(bent)))

    examine(database, clock=CLOCK, seconds=60)

    assert {subject for subject, _ in found(database)} == {f"mail-g1 {row.serial}"}
    assert any("dns" in finding.lower() for _, finding in found(database))


@ONCE
def test_a_certificate_that_is_gone_from_the_books_is_named(database: Database, looked_at: list[int]) -> None:
    signed(database, people=1)
    (row,) = every_certificate(database)
    with database.transaction() as session:
        session.execute(update(Certificate).values(der=None))

    examine(database, clock=CLOCK, seconds=60)

    assert [(subject, finding.split(":")[0]) for subject, finding in found(database)] == [
        (f"mail-g1 {row.serial}", "ERROR certificate-gone")
    ]


@ONCE
def test_what_the_linter_stumbles_over_is_named_and_stops_nothing(database: Database) -> None:
    count = signed(database, people=2)
    first = every_certificate(database)[0]
    with database.transaction() as session:
        session.execute(update(Certificate).where(Certificate.id == first.id).values(der=b"no certificate"))

    examine(database, clock=CLOCK, seconds=60)

    assert [(subject, finding.split(":")[0]) for subject, finding in found(database)] == [
        (f"mail-g1 {first.serial}", "ERROR cannot-be-examined")
    ]
    assert ("certificates", count, 0) in told(database)


@ONCE
def test_another_version_of_the_linter_and_a_person_begin_anew(
    database: Database, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = signed(database, people=2)
    examine(database, clock=CLOCK, seconds=60)
    assert len(looked_at) == count

    with monkeypatch.context() as patch:
        patch.setattr(auditing, "linter", lambda: "pkilint 99")
        assert due(database)
        assert ("certificates", 0, count) in told(database)
        examine(database, clock=CLOCK, seconds=60)
        assert not due(database)
        assert ("certificates", count, 0) in told(database)
    assert len(looked_at) == 2 * count

    with database.transaction() as session:
        begin_anew(session)
    examine(database, clock=CLOCK, seconds=60)
    assert len(looked_at) == 3 * count


@ONCE
def test_it_waits_while_anything_else_does(database: Database, looked_at: list[int]) -> None:
    signed(database, people=2)
    busy = iter([False, True])

    examine(database, clock=CLOCK, seconds=60, is_busy=lambda: next(busy))

    assert looked_at == []  # the list, which comes first, and no more
    with database.reading() as session:
        assert [row.series for row in session.query(Audited)] == ["list mail-g1"]


@ONCE
def test_its_bell_rings_and_its_work_is_done_only_when_no_other_waits(
    database: Database, database_url: str, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = signed(database, people=1)
    others = ["signing"]
    monkeypatch.setattr(working, "bells_due", lambda *_given, **_named: list(others))
    services = Services(Settings.load(database={"url": database_url}), clock=CLOCK, ring=lambda _bell: None)

    assert services.bells_due() == ["signing"]
    assert services.audit_certificates() == 0

    others.clear()
    assert services.bells_due() == ["audit"]
    while services.audit_certificates():
        pass
    assert len(looked_at) == count
    assert services.bells_due() == []
    services.close()


@ONCE
def test_where_something_always_waits_it_gets_a_slice_once_it_has_waited_for_long(
    database: Database, database_url: str, looked_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that could not be signed once kept it from ever being done."""
    count = signed(database, people=3)
    monkeypatch.setattr(working, "bells_due", lambda *_given, **_named: ["lists"])
    now = [NOW + auditing.LATEST - timedelta(seconds=1)]
    services = Services(
        Settings.load(database={"url": database_url}), clock=lambda: now[0], ring=lambda _bell: None
    )

    def turns() -> tuple[bool, bool]:
        """Whether it is rung for, and whether it then does something."""
        return "audit" in services.bells_due(), services.audit_certificates() > 0

    assert turns() == (False, False)
    now[0] += timedelta(minutes=2)
    assert turns() == (True, True)
    assert len(looked_at) == count
    with database.transaction() as session:
        session.execute(update(Audited).where(Audited.series == auditing.CERTIFICATES).values(position=0))

    assert turns() == (False, False)
    now[0] += auditing.LATEST
    assert turns() == (True, True)
    assert len(looked_at) == 2 * count
    services.close()
