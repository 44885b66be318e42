"""Issuing: what was ordered is reserved, signed and recorded; killed anywhere, the next run signs the same bytes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ca.authority import Authority, Draft
from ca.names import Subject
from provisioner.certificates import issuing
from provisioner.certificates.issuing import issue, key_context
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.certificates.ordering import order
from provisioner.certificates.refusals import told
from provisioner.db import Database
from provisioner.mailboxes.models import Kind, Mailbox
from provisioner.pending import LEASE
from provisioner.people.models import Person, Post
from tests.books import LATER, NOW
from tests.ca.world import mail_authority, world
from tests.certificates.holders import (
    agency_address,
    all_certificates,
    every_certificate,
    many_officials,
    ordered,
    the_certificate,
)
from tests.fakes.directory import FakeDirectory
from tests.province import (
    DIT,
    SEALER,
    a_desk,
    a_province,
    an_official,
    issued,
    plan_rows,
    planned,
    provide,
    synced,
    the_mailbox,
    trail,
)

ANH = "anhnt@lamdong.gov.vn"


class Strike(RuntimeError):
    """The process is killed here."""


def killed_at(monkeypatch: pytest.MonkeyPatch, place: str, database: Database, **named: Any) -> None:
    def strike(name: str) -> None:
        if name == place:
            raise Strike

    with monkeypatch.context() as struck:
        struck.setattr(issuing, "failpoint", strike)
        with pytest.raises(Strike):
            issued(database, **named)


def test_an_order_becomes_a_certificate_of_the_mail_authority(database: Database) -> None:
    ordered(database)

    assert issued(database) == 2

    stored = the_certificate(database, ANH)
    certificate = x509.load_der_x509_certificate(stored.der or b"")
    certificate.verify_directly_issued_by(world()[0].certificates[mail_authority().label])
    assert stored.state is State.ISSUED
    assert stored.issued_at == NOW
    assert stored.serial == f"{certificate.serial_number:x}"
    assert stored.tbs == certificate.tbs_certificate_bytes
    assert (stored.not_before, stored.not_after) == (
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )


def test_the_private_key_is_sealed_for_its_certificate(database: Database) -> None:
    ordered(database)
    issued(database)

    stored = the_certificate(database, ANH)
    assert stored.key_sealed is not None
    assert stored.public_key is not None
    sealed_for = key_context(stored.public_key)
    key = load_der_private_key(
        bytes.fromhex(SEALER.unseal(stored.key_sealed, context=sealed_for).reveal()), password=None
    )
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_der_x509_certificate(stored.der or b"")
    assert key.public_key() == certificate.public_key()


def test_nothing_is_issued_before_its_mailbox_stands_in_the_directory(database: Database) -> None:
    provide(a_province(database), an_official(chung_thu="x"))

    assert issued(database) == 0
    synced(database, FakeDirectory(DIT))
    assert issued(database) == 1


def test_issuing_again_issues_nothing(database: Database) -> None:
    ordered(database)
    issued(database)
    before = [row.der for row in every_certificate(database)]

    assert issued(database, now=LATER) == 0
    assert [row.der for row in every_certificate(database)] == before


def test_small_chunks_come_to_the_same(database: Database) -> None:
    ordered(database, *many_officials(5))

    assert issued(database, chunk=2) == 5
    assert len({row.serial for row in every_certificate(database)}) == 5


def test_a_new_certificate_makes_its_mailbox_pending_and_rings(database: Database, rings: list[str]) -> None:
    ordered(database)
    before = the_mailbox(database, ANH).revision
    rings.clear()

    issued(database)

    assert the_mailbox(database, ANH).revision == before + 1
    assert set(rings) == {"directory", "record"}


def test_what_was_issued_is_in_the_audit_trail_with_serial_and_orderer(database: Database) -> None:
    ordered(database, an_official(chung_thu="x"))
    issued(database)

    (event,) = trail(database, "certificate.issued")
    assert event.actor == "signer"
    assert event.after == {"serial": the_certificate(database, ANH).serial, "ordered_by": "an"}


# The order of things: committed, then signed


def test_serial_and_bytes_are_committed_before_the_authority_signs(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database, an_official(chung_thu="x"))
    signed = []

    class Watched(Authority):
        def sign_all(self, drafts: Sequence[Draft]) -> list[bytes]:
            stored = the_certificate(database, ANH)
            assert stored.state is State.RESERVED
            assert [(stored.serial, stored.tbs)] == [(f"{draft.serial:x}", draft.tbs) for draft in drafts]
            signed.extend(drafts)
            return super().sign_all(drafts)

    original = mail_authority()
    watched = Watched(
        original.certificate,
        original._signer._key,
        base_url="http://pki.lamdong.gov.vn",
        label=original.label,
    )
    assert issue(database, a_desk(database, authority=watched)) == 1
    assert len(signed) == 1


@pytest.mark.parametrize("place", ["issue.reserved", "issue.signed"])
def test_killed_after_the_reservation_the_next_run_signs_the_same_bytes(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    ordered(database)
    killed_at(monkeypatch, place, database)
    reserved = {row.id: (row.serial, row.tbs, row.key_sealed) for row in every_certificate(database)}
    assert {row.state for row in every_certificate(database)} == {State.RESERVED}

    assert issued(database, now=NOW) == 0  # the lease of the one that was killed
    assert issued(database, now=NOW + LEASE) == 2

    for row in every_certificate(database):
        assert (row.serial, row.tbs, row.key_sealed) == reserved[row.id]
        certificate = x509.load_der_x509_certificate(row.der or b"")
        assert certificate.tbs_certificate_bytes == row.tbs


def test_signing_the_same_bytes_twice_gives_the_same_certificate(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database, an_official(chung_thu="x"))
    mail_authority()  # its own ceremony is over by then
    signatures = []
    sign_all = Authority.sign_all

    def remember(authority: Authority, drafts: Sequence[Draft]) -> list[bytes]:
        signed = sign_all(authority, drafts)
        signatures.extend(x509.load_der_x509_certificate(certificate).signature for certificate in signed)
        return signed

    monkeypatch.setattr(Authority, "sign_all", remember)
    killed_at(monkeypatch, "issue.signed", database)
    issued(database, now=LATER)

    assert len(signatures) == 2
    assert signatures[0] == signatures[1]


def test_killed_after_the_recording_nothing_is_left_to_do(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    killed_at(monkeypatch, "issue.recorded", database)

    assert issued(database, now=LATER) == 0
    assert len(trail(database, "certificate.issued")) == 2


# Leases


def steal(database: Database) -> None:
    """Another signer takes every order over."""
    with database.transaction() as session:
        session.execute(update(Certificate).values(fence=Certificate.fence + 1, lease_until=LATER))


def test_a_signer_that_lost_its_lease_before_reserving_signs_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    mail_authority()  # its own ceremony is over by then
    subjects, signed = issuing.subjects, list[Draft]()

    def slow(*arguments: Any) -> Any:
        steal(database)
        return subjects(*arguments)

    monkeypatch.setattr(issuing, "subjects", slow)
    monkeypatch.setattr(Authority, "sign_all", lambda _authority, drafts: signed.extend(drafts) or [])

    assert issued(database) == 0

    assert signed == []
    assert {row.state for row in every_certificate(database)} == {State.ORDERED}
    assert all(row.tbs is None for row in every_certificate(database))


def test_a_signer_that_lost_its_lease_while_signing_records_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    revision = the_mailbox(database, ANH).revision
    monkeypatch.setattr(
        issuing, "failpoint", lambda name: steal(database) if name == "issue.signed" else None
    )

    assert issued(database) == 0

    assert {row.state for row in every_certificate(database)} == {State.RESERVED}
    assert trail(database, "certificate.issued") == []
    assert the_mailbox(database, ANH).revision == revision


def test_orders_that_another_signer_holds_are_left_alone(database: Database) -> None:
    ordered(database)
    with database.transaction() as session:
        session.execute(update(Certificate).values(lease_until=NOW + timedelta(seconds=1)))

    assert issued(database, now=NOW) == 0
    assert issued(database, now=NOW + timedelta(seconds=1)) == 2


# Refusals


def refused(rows: Sequence[Certificate]) -> list[tuple[State, str | None]]:
    return [(row.state, row.trouble) for row in rows]


def test_a_subject_that_breaks_a_rule_is_refused_with_its_code_and_the_others_go_on(
    database: Database,
) -> None:
    ordered(database, an_official("CB1", chung_thu="x"), an_official("CB2", "Lê Văn Bình", chung_thu="x"))
    with database.transaction() as session:
        # As an older version or another program might have left it: a name with a line break.
        session.execute(
            update(Person).where(Person.staff_number == "CB1").values(full_name="Nguyễn\nThị Ánh")
        )

    assert issued(database) == 1

    anh, binh = every_certificate(database)
    assert anh.state is State.REFUSED
    assert anh.trouble == "name.control-character"
    why = told(anh.trouble, anh.trouble_detail)
    assert why is not None
    assert ("ký tự điều khiển" in why.vi, "control" in why.en) == (True, True)
    assert (anh.serial, anh.der, anh.lease_until) == (None, None, None)
    assert binh.state is State.ISSUED
    (event,) = trail(database, "certificate.refused")
    assert (event.subject_id, event.after) == (str(anh.id), {"reason": anh.trouble})


def test_an_owner_without_a_post_is_refused_and_the_others_go_on(database: Database) -> None:
    ordered(database)
    with database.transaction() as session:
        session.execute(delete(Post))

    assert issued(database) == 1

    assert refused([the_certificate(database, ANH)]) == [(State.REFUSED, "subject-unknown")]
    assert the_certificate(database, agency_address(database)).state is State.ISSUED


def test_a_refused_certificate_may_be_asked_for_again(database: Database) -> None:
    ordered(database, an_official("CB1", chung_thu="x"))
    with database.transaction() as session:
        session.execute(update(Person).values(full_name="Nguyễn\nThị Ánh"))
    issued(database)

    again = planned(database, an_official("CB1", chung_thu="x"), now=LATER)
    assert "certificate" in (plan_rows(database, again)[0].changes or {})
    provide(database, an_official("CB1", chung_thu="x"), now=LATER)

    assert issued(database, now=LATER) == 1
    assert [row.state for row in all_certificates(database, ANH)] == [State.ISSUED, State.REFUSED]


def test_a_reservation_that_cannot_be_read_waits_for_a_person_and_is_not_signed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database, an_official(chung_thu="x"))
    killed_at(monkeypatch, "issue.reserved", database)
    with database.transaction() as session:
        session.execute(update(Certificate).values(tbs=b"no certificate at all"))

    assert issued(database, now=LATER) == 0

    assert refused(every_certificate(database)) == [(State.RESERVED, "draft.unreadable")]


# What the database itself knows


def test_a_mailbox_has_one_live_certificate_for_a_purpose(database: Database) -> None:
    ordered(database)
    mailbox = the_mailbox(database, ANH)

    with pytest.raises(IntegrityError), database.transaction() as session:
        order(session, {mailbox.id: Kind.PERSONAL}, by="an", now=NOW)
    with database.transaction() as session:
        session.execute(update(Certificate).values(revoked_at=NOW))
    with database.transaction() as session:
        order(session, {mailbox.id: Kind.PERSONAL}, by="an", now=NOW)

    assert len(all_certificates(database, ANH)) == 2


def test_a_serial_is_used_once_by_an_issuer(database: Database) -> None:
    ordered(database)
    issued(database)
    one, other = every_certificate(database)

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(update(Certificate).where(Certificate.id == one.id).values(serial=other.serial))


def test_a_key_is_certified_once(database: Database) -> None:
    ordered(database)
    issued(database)
    one, other = every_certificate(database)

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(
            update(Certificate).where(Certificate.id == one.id).values(key_fingerprint=other.key_fingerprint)
        )


def test_ordering_rings_for_the_signer_and_ordering_nothing_does_not(
    database: Database, rings: list[str]
) -> None:
    provide(a_province(database), an_official())
    rings.clear()

    with database.transaction() as session:
        order(session, {}, by="an", now=NOW)
    assert rings == []

    with database.transaction() as session:
        order(session, {the_mailbox(database, ANH).id: Kind.PERSONAL}, by="an", now=NOW)
    assert rings == ["signing"]


def test_an_authority_is_known_by_its_label_once(database: Database) -> None:
    a_desk(database)

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(insert(Issuer).values(label=mail_authority().label, certificate=b"x", crl_number=0))


def test_a_mailbox_belongs_to_a_person_or_an_agency_and_not_to_both(database: Database) -> None:
    ordered(database)

    with database.reading() as session:
        agency = session.scalars(select(Mailbox.agency_id).where(Mailbox.kind == Kind.UNIT)).one()

    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.kind == Kind.PERSONAL).values(agency_id=agency))


def a_subject(monkeypatch: pytest.MonkeyPatch) -> list[Subject]:
    """The subjects that the authority is asked to certify from here on."""
    mail_authority()  # its own ceremony is over by then
    asked: list[Subject] = []
    prepare = Authority.prepare

    def remember(authority: Authority, profile: Any, subject: Subject, *more: Any, **named: Any) -> Draft:
        asked.append(subject)
        return prepare(authority, profile, subject, *more, **named)

    monkeypatch.setattr(Authority, "prepare", remember)
    return asked


def test_the_subject_is_what_the_register_says_at_the_moment_of_issuing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = a_subject(monkeypatch)
    ordered(database, an_official("CB1", "Nguyễn Thị Ánh", chuc_vu="Chuyên viên", chung_thu="x"))
    provide(database, an_official("CB1", "Nguyễn Thị Ánh Hồng", ma_co_quan="H36.06"), now=LATER)

    issued(database, now=LATER)

    (subject,) = asked
    assert repr(subject) == (
        "PersonSubject(organization='Sở Tài chính', organization_identifier='GOVVN+35', surname='Nguyễn', "
        "given_name='Thị Ánh Hồng', common_name='Nguyễn Thị Ánh Hồng', serial_number='CB1', "
        "email='anhnt@lamdong.gov.vn', title='Chuyên viên', state='Lâm Đồng')"
    )
