"""Delegating OCSP: the signer certifies a key that may answer for its authority, and nothing else (RFC 6960 4.2.2.2).

The key lives sealed in the books, so that the web process can answer; it is new well before its 90 days
are over. Like every signature this one is committed before it is made, and stands in the journal.
"""

from datetime import datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from ca.authority import der
from ca.errors import LintFailure, Unreadable
from ca.keys import KeyKind, generate_key, spki_bytes
from ca.log import issued
from ca.ocsp import delegate
from provisioner.audit import Change, record
from provisioner.certificates.issuing import SIGNER, Desk
from provisioner.certificates.journal import Signed
from provisioner.certificates.models import Issuer, ResponderKey
from provisioner.certificates.recording import note, recorded_profile
from provisioner.db import Database, after_commit
from provisioner.failpoints import failpoint

PROFILE: Final = "ocsp-responder"

RESPONDER: Final = "ocsp"
"""What the journal calls the purpose of such a certificate."""

RENEW_BEFORE: Final = timedelta(days=30)
"""SBR 4.9.9 has no figure; a third of the life leaves time to notice that nothing renewed it."""


def key_context(public_key: bytes) -> str:
    """What a sealed responder's key is bound to: its own public key."""
    return f"responder_keys.key:{public_key.hex()}"


def delegate_answers(database: Database, desk: Desk) -> bool:
    """Make and certify the next responder's key when the newest has 30 days left; whether it did.

    Left unsigned by a signer that was killed: the committed bytes are signed, or, if the journal has them signed
    already, taken from there. Where today's rules would not sign them another key is made at once. Raises
    `Conflict` and `Unavailable` as `issue` does.
    """
    now = desk.journal.now(desk.clock)
    began_at = desk.journal.size()
    row, is_new = _reserve(database, desk, now=now)
    if row is None:
        return False
    failpoint("delegate.reserved")
    line, size = None if is_new else desk.journal.by_serial().get(row.serial), 0
    made_by = line.profile if line else recorded_profile(desk.profiles[PROFILE])
    if line is None:
        try:
            draft = desk.authority.redraft(row.tbs, desk.profiles[PROFILE])
        except (LintFailure, Unreadable) as error:
            _give_up(database, desk, row, error, now=now)
            return delegate_answers(database, desk)
        certificate = der(desk.authority.sign(draft))
        signed = Signed(certificate, PROFILE, RESPONDER, SIGNER.actor, key_by_owner=False)
        size = desk.journal.append([signed], clock=desk.clock)
        # With a token another signer may have been quicker with the same bytes: the first line counts.
        line = desk.journal.by_serial(began_at)[row.serial]
    failpoint("delegate.journalled")
    certificate = der(desk.authority.adopt(row.tbs, line.certificate))
    with database.transaction() as session:
        issuer = session.get_one(Issuer, row.issuer_id, with_for_update=True)
        reserved = session.get_one(ResponderKey, row.id)
        if reserved.certificate is not None:
            return False  # another signer has recorded it meanwhile
        reserved.certificate = certificate
        note(session, [issued(certificate, issuer=desk.authority.label, profile=made_by, at=now)])
        issuer.journal_size = max(issuer.journal_size, size)
        after = {"serial": row.serial, "not_after": row.not_after}
        record(
            session,
            SIGNER,
            [Change("responder.delegated", "issuer", desk.authority.label, after=after)],
            now=now,
        )
        after_commit(session, "answers")
    return True


def _reserve(database: Database, desk: Desk, *, now: datetime) -> tuple[ResponderKey | None, bool]:
    """The key that is to be certified, if any, with its bytes committed; and whether it was made just now."""
    with database.transaction() as session:
        issuer = session.scalars(
            select(Issuer).where(Issuer.label == desk.authority.label).with_for_update()
        ).one_or_none()
        if issuer is None:
            return None, False
        newest = session.scalars(
            select(ResponderKey)
            .where(ResponderKey.issuer_id == issuer.id, ResponderKey.key_sealed.is_not(None))
            .order_by(ResponderKey.not_after.desc())
            .limit(1)
        ).one_or_none()
        if newest is not None and newest.not_after - now >= RENEW_BEFORE:
            return (newest if newest.certificate is None else None), False
        key = generate_key(KeyKind.P256)
        public_key = spki_bytes(key.public_key())
        draft = delegate(desk.authority, desk.profiles[PROFILE], key.public_key(), now=now)
        private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        made = ResponderKey(
            issuer_id=issuer.id,
            serial=f"{draft.serial:x}",
            tbs=draft.tbs,
            public_key=public_key,
            key_sealed=desk.sealer.seal_bytes(private, context=key_context(public_key)),
            not_before=draft.not_before,
            not_after=draft.not_after,
        )
        session.add(made)
    return made, True


def _give_up(
    database: Database, desk: Desk, row: ResponderKey, error: LintFailure | Unreadable, *, now: datetime
) -> None:
    """Destroy this key: whatever may have been signed for it answers for nobody. Its serial number stays known."""
    with database.transaction() as session:
        session.get_one(ResponderKey, row.id).key_sealed = None
        after = {"serial": row.serial, "reason": error.code}
        change = Change("responder.given-up", "issuer", desk.authority.label, after=after)
        record(session, SIGNER, [change], now=now)
