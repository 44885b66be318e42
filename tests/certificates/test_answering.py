"""OCSP answers come from the books of this moment; an unknown serial is never good."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus
from sqlalchemy import delete, func, select, update

from ca.crl import Reason
from ca.profiles import Profile
from provisioner.audit import Who
from provisioner.certificates import answering, delegating
from provisioner.certificates.answering import Answers, Reply
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.models import Certificate, PresignedAnswer, ResponderKey
from provisioner.certificates.recovering import recover, require_balance
from provisioner.certificates.revoking import release, revoke
from provisioner.db import Database
from provisioner.working import bells_due
from tests.books import LATER, NOW, count
from tests.ca import second_opinion
from tests.ca.world import a_certificate, mail_authority, profiles
from tests.certificates.backups import backup, restore
from tests.certificates.holders import certified, every_certificate
from tests.province import SEALER, a_clock, a_desk, journal_of, trail

MAIL = mail_authority().certificate
LABEL = mail_authority().label
A_DAY = timedelta(days=1)


def answers(database: Database, *, now: datetime = LATER) -> Answers:
    return Answers(database, SEALER, clock=a_clock(now))


def delegated(database: Database, *, now: datetime = NOW) -> bool:
    return delegate_answers(database, a_desk(database, now=now))


def a_request(certificate: bytes | None, *, nonce: bytes = b"", algorithm: Any = None) -> bytes:
    asked = x509.load_der_x509_certificate(certificate or b"")
    builder = ocsp.OCSPRequestBuilder().add_certificate(asked, MAIL, algorithm or hashes.SHA1())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def asked(
    database: Database, row: Certificate, *, now: datetime = LATER, **how: Any
) -> tuple[Reply, ocsp.OCSPResponse]:
    reply = answers(database, now=now).reply(LABEL, a_request(row.der, **how))
    return reply, ocsp.load_der_ocsp_response(reply.der)


def ready(database: Database) -> tuple[Certificate, Certificate]:
    """Two certificates, a responder, and an answer signed ahead for each."""
    certified(database)
    assert delegated(database)
    assert answers(database).sign_ahead() == 2
    first, second = every_certificate(database)
    return first, second


def revoked(database: Database, row: Certificate, *, reason: Reason = Reason.superseded) -> None:
    with database.transaction() as session:
        assert not revoke(session, {row.id: reason}, who=Who("lan"), profiles=profiles(), now=LATER)


def test_a_live_certificate_is_good_by_an_answer_signed_ahead(database: Database) -> None:
    first, _ = ready(database)

    reply, response = asked(database, first)

    assert response.certificate_status is OCSPCertStatus.GOOD
    assert reply.is_for_everybody
    with database.reading() as session:
        assert session.get_one(PresignedAnswer, first.id).der == reply.der
    assert response.next_update_utc - response.this_update_utc == 4 * A_DAY - timedelta(seconds=1)
    assert second_opinion.ocsp_findings(response) == []


@pytest.mark.parametrize("reason", [Reason.key_compromise, Reason.certificate_hold], ids=lambda r: r.value)
def test_from_the_moment_of_revocation_the_answer_is_revoked(database: Database, reason: Reason) -> None:
    first, second = ready(database)

    revoked(database, first, reason=reason)

    _, response = asked(database, first)
    assert response.certificate_status is OCSPCertStatus.REVOKED
    assert (response.revocation_time_utc, response.revocation_reason) == (LATER, reason)
    assert answers(database).sign_ahead() == 1
    assert asked(database, first)[1].certificate_status is OCSPCertStatus.REVOKED
    assert asked(database, second)[1].certificate_status is OCSPCertStatus.GOOD


def test_a_released_hold_is_good_again_at_once(database: Database) -> None:
    first, _ = ready(database)
    revoked(database, first, reason=Reason.certificate_hold)
    answers(database).sign_ahead()

    with database.transaction() as session:
        release(session, first.id, who=Who("lan"), now=LATER)

    assert asked(database, first)[1].certificate_status is OCSPCertStatus.GOOD


def test_an_answer_signed_ahead_that_the_books_contradict_is_not_given(database: Database) -> None:
    first, second = ready(database)
    with database.transaction() as session:
        gone = update(Certificate).where(Certificate.id == first.id)
        session.execute(gone.values(revoked_at=NOW, revocation_reason="keyCompromise"))

    _, response = asked(database, first)
    assert (response.revocation_time_utc, response.revocation_reason) == (NOW, Reason.key_compromise)
    assert asked(database, second)[1].certificate_status is OCSPCertStatus.GOOD


def test_what_a_process_remembers_falls_within_a_second_of_a_revocation(database: Database) -> None:
    first, second = ready(database)
    moments = [LATER]
    remembering = Answers(database, SEALER, clock=lambda: moments[-1])

    def status(row: Certificate) -> OCSPCertStatus:
        reply = remembering.reply(LABEL, a_request(row.der))
        return ocsp.load_der_ocsp_response(reply.der).certificate_status

    assert status(first) is status(second) is OCSPCertStatus.GOOD
    revoked(database, first)
    moments.append(LATER + timedelta(seconds=1))

    assert status(first) is OCSPCertStatus.REVOKED
    assert status(second) is OCSPCertStatus.GOOD


def test_a_nonce_is_answered_from_the_books_whatever_the_process_remembers(database: Database) -> None:
    first, _ = ready(database)
    remembering = answers(database)
    remembering.reply(LABEL, a_request(first.der))
    revoked(database, first)

    reply = remembering.reply(LABEL, a_request(first.der, nonce=b"0123456789abcdef"))

    assert ocsp.load_der_ocsp_response(reply.der).certificate_status is OCSPCertStatus.REVOKED


def test_an_answer_is_remembered_for_ten_minutes(database: Database) -> None:
    first, _ = ready(database)
    moments = [LATER]
    remembering = Answers(database, SEALER, clock=lambda: moments[-1])
    before = remembering.reply(LABEL, a_request(first.der)).der
    with database.transaction() as session:
        session.execute(delete(PresignedAnswer))

    moments.append(LATER + timedelta(minutes=9))
    assert remembering.reply(LABEL, a_request(first.der)).der == before
    moments.append(LATER + timedelta(minutes=10))
    assert remembering.reply(LABEL, a_request(first.der)).der != before


def test_no_more_is_remembered_than_fits(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = ready(database)
    monkeypatch.setattr(answering, "MOST_KEPT", 1)
    remembering = answers(database)

    for row in (first, second, first):
        reply = remembering.reply(LABEL, a_request(row.der))
        assert ocsp.load_der_ocsp_response(reply.der).serial_number == int(row.serial or "", 16)

    ((_, memory),) = remembering._memories.items()
    assert len(memory.kept) == 1


def test_a_nonce_comes_back_in_an_answer_made_for_it(database: Database) -> None:
    first, _ = ready(database)

    reply, response = asked(database, first, nonce=b"0123456789abcdef")

    (extension,) = response.extensions
    assert extension.value == x509.OCSPNonce(b"0123456789abcdef")
    assert not reply.is_for_everybody
    assert response.certificate_status is OCSPCertStatus.GOOD


def test_the_issuer_may_be_named_by_sha256(database: Database) -> None:
    first, _ = ready(database)

    reply, response = asked(database, first, algorithm=hashes.SHA256())

    assert isinstance(response.hash_algorithm, hashes.SHA256)
    assert response.certificate_status is OCSPCertStatus.GOOD
    assert reply.is_for_everybody


def test_what_the_books_do_not_know_is_never_good(database: Database) -> None:
    ready(database)
    never_recorded = a_certificate().public_bytes(Encoding.DER)

    reply = answers(database).reply(LABEL, a_request(never_recorded))

    assert ocsp.load_der_ocsp_response(reply.der).response_status is OCSPResponseStatus.UNAUTHORIZED
    assert reply.answer is None


@pytest.mark.parametrize(
    ("label", "request_of", "status"),
    [
        ("nobody-g1", lambda row: a_request(row.der), OCSPResponseStatus.UNAUTHORIZED),
        ("root-g1", lambda row: a_request(row.der), OCSPResponseStatus.TRY_LATER),
        (LABEL, lambda _row: b"what?", OCSPResponseStatus.MALFORMED_REQUEST),
    ],
)
def test_what_is_not_ours_to_answer_is_refused(
    database: Database, label: str, request_of: Any, status: OCSPResponseStatus
) -> None:
    first, _ = ready(database)

    reply = answers(database).reply(label, request_of(first))

    assert ocsp.load_der_ocsp_response(reply.der).response_status is status


def test_answers_are_signed_again_at_half_their_life_and_no_sooner(database: Database) -> None:
    first, _ = ready(database)

    assert answers(database, now=LATER + A_DAY).sign_ahead() == 0
    assert answers(database, now=LATER + 2 * A_DAY).sign_ahead() == 2
    assert count(database, PresignedAnswer) == 2
    assert asked(database, first, now=LATER + 2 * A_DAY)[1].this_update_utc == LATER + 2 * A_DAY


def test_without_answers_signed_ahead_they_are_signed_live(database: Database) -> None:
    first, _ = ready(database)
    with database.transaction() as session:
        session.execute(delete(PresignedAnswer))

    assert asked(database, first)[1].certificate_status is OCSPCertStatus.GOOD


def test_the_responder_is_certified_for_ninety_days_and_new_before_they_end(database: Database) -> None:
    certified(database)

    assert delegated(database)
    assert not delegated(database, now=NOW + 59 * A_DAY)
    assert delegated(database, now=NOW + 61 * A_DAY)

    with database.reading() as session:
        old, new = session.scalars(select(ResponderKey).order_by(ResponderKey.id)).all()
    assert old.public_key != new.public_key
    assert new.not_after - new.not_before == 90 * A_DAY - timedelta(seconds=1)
    assert len([e for e in journal_of(database).read() if e.purpose == "ocsp"]) == 2
    require_balance(database, journal_of(database))


def test_a_signer_killed_before_the_signature_signs_the_same_bytes_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    certified(database)

    def strike(name: str) -> None:
        raise RuntimeError(name)

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(delegating, "failpoint", strike)
            with pytest.raises(RuntimeError):
                delegated(database)
    assert delegated(database)

    assert count(database, ResponderKey) == 1
    assert not delegated(database)


def killed_at(place: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Delegate, and be killed there."""

    def strike(name: str) -> None:
        if name == place:
            raise RuntimeError(name)

    with monkeypatch.context() as patch:
        patch.setattr(delegating, "failpoint", strike)
        with pytest.raises(RuntimeError):
            delegated(database)


def changed_profiles() -> dict[str, Profile]:
    """Those of the day after a change by which nothing that was reserved before would pass the lint."""
    return {name: replace(profile, days=profile.days - 1) for name, profile in profiles().items()}


def responders(database: Database) -> list[ResponderKey]:
    with database.reading() as session:
        return list(session.scalars(select(ResponderKey).order_by(ResponderKey.id)))


def test_a_responder_that_was_journalled_is_taken_as_it_is_whatever_the_profiles_say_today(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    certified(database)
    killed_at("delegate.journalled", database, monkeypatch)

    assert delegate_answers(database, a_desk(database, now=LATER, profiles=changed_profiles()))

    (row,) = responders(database)
    (line,) = (entry for entry in journal_of(database).read() if entry.purpose == "ocsp")
    assert (row.serial, row.certificate) == (line.serial, line.certificate)
    require_balance(database, journal_of(database))


def test_reserved_bytes_that_todays_rules_would_not_sign_are_given_up_with_their_key(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The authority answers all the same, and its bell is not rung for ever."""
    certified(database)
    first, _ = every_certificate(database)
    killed_at("delegate.reserved", database, monkeypatch)

    assert delegate_answers(database, a_desk(database, now=LATER, profiles=changed_profiles()))

    earlier, row = responders(database)
    assert (earlier.key_sealed, earlier.certificate) == (None, None)
    assert row.certificate is not None
    assert [entry.serial for entry in journal_of(database).read() if entry.purpose == "ocsp"] == [row.serial]
    assert [event.after["serial"] for event in trail(database, "responder.given-up")] == [earlier.serial]
    assert asked(database, first)[1].certificate_status is OCSPCertStatus.GOOD
    with database.reading() as session:
        assert "responders" not in bells_due(session, now=LATER)


def test_the_responders_key_lies_sealed_in_the_books(database: Database) -> None:
    ready(database)

    with database.reading() as session:
        row = session.scalars(select(ResponderKey)).one()
    assert row.key_sealed
    plain = SEALER.unseal_bytes(row.key_sealed, context=delegating.key_context(row.public_key))
    assert plain not in row.key_sealed


def test_a_responder_lost_with_the_books_is_known_again_and_another_is_made(database: Database) -> None:
    certified(database)
    kept = backup(database)
    delegated(database)
    restore(database, kept)

    recover(database, journal_of(database), who=Who("quantri"), now=LATER)

    require_balance(database, journal_of(database))
    first, _ = every_certificate(database)
    refused = ocsp.load_der_ocsp_response(answers(database).reply(LABEL, a_request(first.der)).der)
    assert refused.response_status is OCSPResponseStatus.TRY_LATER
    assert delegated(database, now=LATER)
    assert asked(database, first)[1].certificate_status is OCSPCertStatus.GOOD
    with database.reading() as session:
        assert session.scalar(select(func.count(ResponderKey.key_sealed))) == 1
