"""Delegating OCSP: the signer certifies a key that may answer for its authority, and nothing else (RFC 6960 4.2.2.2).

The key lives sealed in the books, so that the web process can answer; it is new well before its 90 days
are over. Like every signature this one is committed before it is made, and stands in the journal.
"""

from datetime import timedelta
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from ca.authority import der
from ca.keys import KeyKind, generate_key, spki_bytes
from ca.ocsp import delegate
from provisioner.audit import Change, record
from provisioner.certificates.issuing import SIGNER, Desk
from provisioner.certificates.journal import Signed
from provisioner.certificates.models import Issuer, ResponderKey
from provisioner.certificates.recording import note_issued
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

    Raises `Conflict` and `Unavailable` as `issue` does.
    """
    now = desk.journal.now(desk.clock)
    profile = desk.profiles[PROFILE]
    with database.transaction() as session:
        issuer = session.scalars(
            select(Issuer).where(Issuer.label == desk.authority.label).with_for_update()
        ).one_or_none()
        if issuer is None:
            return False
        row = session.scalars(
            select(ResponderKey)
            .where(ResponderKey.issuer_id == issuer.id, ResponderKey.key_sealed.is_not(None))
            .order_by(ResponderKey.not_after.desc())
            .limit(1)
        ).one_or_none()
        if row is None or row.not_after - now < RENEW_BEFORE:
            key = generate_key(KeyKind.P256)
            public_key = spki_bytes(key.public_key())
            draft = delegate(desk.authority, profile, key.public_key(), now=now)
            private = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
            row = ResponderKey(
                issuer_id=issuer.id,
                serial=f"{draft.serial:x}",
                tbs=draft.tbs,
                public_key=public_key,
                key_sealed=desk.sealer.seal_bytes(private, context=key_context(public_key)),
                not_before=draft.not_before,
                not_after=draft.not_after,
            )
            session.add(row)
        elif row.certificate is not None:
            return False
    failpoint("delegate.reserved")
    # Made by us now, or left unsigned by a signer that was killed: the committed bytes are signed.
    certificate = der(desk.authority.sign(desk.authority.redraft(row.tbs, profile)))
    signed = Signed(certificate, profile.name, RESPONDER, SIGNER.actor, key_by_owner=False)
    size = desk.journal.append([signed], clock=desk.clock)
    failpoint("delegate.journalled")
    with database.transaction() as session:
        issuer = session.get_one(Issuer, row.issuer_id, with_for_update=True)
        reserved = session.get_one(ResponderKey, row.id)
        if reserved.certificate is not None:
            return False  # another signer has recorded it meanwhile
        reserved.certificate = certificate
        note_issued(session, [(certificate, profile)], issuer=desk.authority.label, now=now)
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
