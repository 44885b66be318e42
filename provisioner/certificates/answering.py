"""Answering OCSP: from answers signed ahead, or live where somebody wants a nonce. Unknown is never "good".

What the books say decides: an answer signed ahead falls in the transaction that revokes its certificate, and
a process remembers answers for as long as the books count no other revocation, looking once a second. Whoever
must know this very moment sends a nonce. The authority's key is not needed and not here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key
from sqlalchemy import delete, insert, or_, select
from sqlalchemy.orm import Session

from ca.crl import Reason, Revocation
from ca.errors import Unreadable
from ca.ocsp import (
    ANSWER_DAYS,
    MALFORMED,
    TRY_LATER,
    UNAUTHORIZED,
    Answer,
    Question,
    Responder,
    read_request,
    says,
)
from provisioner.certificates.delegating import key_context
from provisioner.certificates.models import Certificate, Issuer, PresignedAnswer, ResponderKey, State
from provisioner.db import Database, table_of
from provisioner.people.sealing import Sealer

ALGORITHM: Final = "sha1"
"""The hash by which nearly everybody names the issuer (RFC 5019 2.1.1); others are answered live."""

CHUNK: Final = 500

_HALF: Final = timedelta(days=ANSWER_DAYS) / 2

_MINUTE: Final = timedelta(minutes=1)

_SECOND: Final = timedelta(seconds=1)

LONGEST_KEPT: Final = timedelta(minutes=10)
"""How long anybody, we or a cache on the way, may keep an answer without asking the books for it."""

MOST_KEPT: Final = 10_000
"""Answers that one process remembers for an authority: about 1 KiB each."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The bytes to send. `answer` is None for a refusal, which is unsigned and must not be kept."""

    der: bytes
    answer: Answer | None = None
    is_for_everybody: bool = False
    """Whether it has no nonce, so that a cache between us and the next asker may keep it."""


@dataclass(frozen=True, slots=True)
class _Newest:
    """Who answers for a label, as the books had it a moment ago."""

    issuer_id: int | None
    responder: Responder | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class _Kept:
    """A reply, and until when it is given without asking the books for it."""

    reply: Reply
    until: datetime


@dataclass(slots=True)
class _Memory:
    """Replies as they are while the books count so many revocations of their authority."""

    revocations: int
    looked_at: datetime
    kept: dict[tuple[str, int], _Kept] = field(default_factory=dict)


class Answers:
    """Answers for every authority that has delegated it; one object for a process, used by its threads."""

    def __init__(self, database: Database, sealer: Sealer, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock
        self._opened: dict[int, Responder] = {}
        self._newest: dict[str, _Newest] = {}
        self._memories: dict[int, _Memory] = {}
        self._lock = Lock()

    def reply(self, label: str, request: bytes) -> Reply:
        """The answer to this request (DER) put to the authority of this label."""
        try:
            question = read_request(request)
        except Unreadable:
            return Reply(MALFORMED)
        now = self._clock()
        newest = self._newest_of(label, now)
        responder = newest.responder
        if responder is None and newest.issuer_id is not None:
            return Reply(TRY_LATER)
        if newest.issuer_id is None or responder is None or not responder.is_about_ours(question):
            return Reply(UNAUTHORIZED)
        if question.nonce is not None:
            return self._from_books(newest.issuer_id, responder, question, now)
        # Taken before the books are asked: what they say then is as new as the count, or newer.
        kept, key = self._memory(newest.issuer_id, now).kept, (question.algorithm, question.serial)
        known = kept.get(key)
        if known is not None and now < known.until:
            return known.reply
        reply = self._from_books(newest.issuer_id, responder, question, now)
        if reply.answer is not None:
            if len(kept) >= MOST_KEPT:
                kept.clear()
            kept[key] = _Kept(reply, min(now + LONGEST_KEPT, reply.answer.next_update))
        return reply

    def _memory(self, issuer_id: int, now: datetime) -> _Memory:
        """What is remembered for this authority; empty again when the books count another revocation."""
        memory = self._memories.get(issuer_id)
        if memory is not None and memory.looked_at <= now < memory.looked_at + _SECOND:
            return memory
        with self._database.reading() as session:
            revocations = session.scalar(select(Issuer.revocations).where(Issuer.id == issuer_id)) or 0
        if memory is None or memory.revocations != revocations:
            memory = self._memories[issuer_id] = _Memory(revocations, now)
        memory.looked_at = now
        return memory

    def _from_books(self, issuer_id: int, responder: Responder, question: Question, now: datetime) -> Reply:
        with self._database.reading() as session:
            found = session.execute(
                select(
                    Certificate.serial,
                    Certificate.revoked_at,
                    Certificate.revocation_reason,
                    PresignedAnswer.der,
                    PresignedAnswer.this_update,
                    PresignedAnswer.next_update,
                )
                .outerjoin(PresignedAnswer, PresignedAnswer.certificate_id == Certificate.id)
                .where(
                    Certificate.issuer_id == issuer_id,
                    Certificate.serial == f"{question.serial:x}",
                    Certificate.state == State.ISSUED,
                )
            ).one_or_none()
        if found is None:
            return Reply(UNAUTHORIZED)
        if (
            question.nonce is None
            and question.algorithm == ALGORITHM
            and found.der
            and found.next_update > now
            and says(found.der, _revocation(found))
        ):
            ahead = Answer(found.der, found.this_update, found.next_update)
            return Reply(ahead.der, ahead, is_for_everybody=True)
        live = responder.answer(question, _revocation(found), now=now)
        return Reply(live.der, live, is_for_everybody=question.nonce is None)

    def sign_ahead(self) -> int:
        """Sign an answer for every live certificate whose last one is missing or half over; how many."""
        signed = 0
        with self._database.reading() as session:
            issuers = session.scalars(select(Issuer.id).order_by(Issuer.id)).all()
        for issuer_id in issuers:
            while count := self._sign_some(issuer_id):
                signed += count
        return signed

    def _sign_some(self, issuer_id: int) -> int:
        now = self._clock()
        with self._database.transaction() as session:
            responder = self._responder(session, issuer_id, now)
            if responder is None:
                return 0
            # The rows stay locked until the answers stand: a revocation comes before or after, never between.
            rows = session.execute(
                select(
                    Certificate.id, Certificate.serial, Certificate.revoked_at, Certificate.revocation_reason
                )
                .outerjoin(PresignedAnswer, PresignedAnswer.certificate_id == Certificate.id)
                .where(
                    Certificate.issuer_id == issuer_id,
                    Certificate.state == State.ISSUED,
                    Certificate.not_after > now,
                    or_(
                        PresignedAnswer.this_update.is_(None),
                        PresignedAnswer.this_update <= now - _HALF,
                        PresignedAnswer.next_update <= now,
                    ),
                )
                .order_by(Certificate.id)
                .limit(CHUNK)
                .with_for_update(of=table_of(Certificate))
            ).all()
            ids = {int(row.serial, 16): row.id for row in rows if row.serial}
            answers = responder.presign(
                ((int(row.serial, 16), _revocation(row)) for row in rows if row.serial),
                now=now,
                algorithm=ALGORITHM,
            )
            made = [
                {
                    "certificate_id": ids[serial],
                    "der": answer.der,
                    "this_update": answer.this_update,
                    "next_update": answer.next_update,
                }
                for serial, answer in answers
            ]
            session.execute(delete(PresignedAnswer).where(PresignedAnswer.certificate_id.in_(ids.values())))
            if made:
                session.execute(insert(table_of(PresignedAnswer)), made)
        return len(made)

    def _newest_of(self, label: str, now: datetime) -> "_Newest":
        """The responder of this label, looked up once a minute: it changes every 60 days."""
        known = self._newest.get(label)
        if known is not None and known.seen_at <= now < known.seen_at + _MINUTE and known.responder:
            return known
        with self._database.reading() as session:
            issuer_id = session.scalar(select(Issuer.id).where(Issuer.label == label))
            responder = self._responder(session, issuer_id, now) if issuer_id is not None else None
        newest = _Newest(issuer_id, responder, now)
        if issuer_id is not None:  # what anybody asks for is not remembered
            self._newest[label] = newest
        return newest

    def _responder(self, session: Session, issuer_id: int, now: datetime) -> Responder | None:
        """The newest responder of this authority that is certified and valid, opened once for the process."""
        row = session.scalars(
            select(ResponderKey)
            .where(
                ResponderKey.issuer_id == issuer_id,
                ResponderKey.certificate.is_not(None),
                ResponderKey.key_sealed.is_not(None),
                ResponderKey.not_before <= now,
                ResponderKey.not_after > now,
            )
            .order_by(ResponderKey.not_after.desc())
            .limit(1)
        ).one_or_none()
        if row is None or row.certificate is None or row.key_sealed is None:
            return None
        with self._lock:
            if row.id not in self._opened:
                issuer = session.get_one(Issuer, issuer_id)
                key = load_der_private_key(
                    self._sealer.unseal_bytes(row.key_sealed, context=key_context(row.public_key)), None
                )
                assert isinstance(key, ec.EllipticCurvePrivateKey)
                self._opened[row.id] = Responder(
                    x509.load_der_x509_certificate(issuer.certificate),
                    x509.load_der_x509_certificate(row.certificate),
                    key,
                )
            return self._opened[row.id]


def _revocation(row: Any) -> Revocation | None:
    """What the books say of a certificate, as its answer needs it; None for good."""
    if row.revoked_at is None:
        return None
    return Revocation(int(row.serial, 16), row.revoked_at, Reason(row.revocation_reason))
