"""Handing a certificate over to its owner: once, and with the key if the service made it.

A key made by the service leaves as a PKCS#12 file under a password of twenty random characters
that travels on another channel (SBR 6.1.2). In the same transaction the sealed key is gone from
the books: a lost file is never made again, the certificate is revoked and another one issued. The
certificate that this one takes the place of is revoked now (superseded), and not before.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ca.crl import Reason
from ca.pkcs12 import new_password, pack
from provisioner.audit import Change, Who, record
from provisioner.certificates.finding import chain_of, open_mailbox_of, primary_of
from provisioner.certificates.issuing import key_context
from provisioner.certificates.models import Certificate, Purpose, State, is_good_or_held, is_live
from provisioner.certificates.revoking import revoke
from provisioner.errors import Conflict, Text
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret

HAND_OVER: Final = "hand-over"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What its owner gets: a PKCS#12 file with its password, or certificates in PEM and no password."""

    serial: str
    address: str
    content: bytes
    password: Secret | None

    @property
    def suffix(self) -> str:
        return ".p12" if self.password else ".pem"


def hand_over(
    session: Session,
    address: str,
    *,
    sealer: Sealer,
    who: Who,
    now: datetime,
    purpose: Purpose = Purpose.MAIL,
) -> HandedOver:
    """Give this mailbox's certificate of this purpose to its owner and forget the key.

    A certificate whose key its owner made is given as PEM with its chain, as often as wished. Raises
    `NotFound` for the address, and `Conflict` when nothing is issued, the key was handed over before, the mailbox is
    closed or its owner has left.
    """
    mailbox = open_mailbox_of(session, address)
    _require_in_post(session, mailbox, address)
    certificate = session.scalars(
        select(Certificate)
        .where(
            Certificate.mailbox_id == mailbox.id,
            Certificate.purpose == purpose,
            Certificate.state == State.ISSUED,
            is_live(),
            Certificate.not_after > now,
        )
        .with_for_update()
    ).one_or_none()
    if certificate is None or certificate.der is None or certificate.public_key is None:
        raise Conflict(
            Text(
                vi=f"Chưa có chứng thư nào của {address} đã cấp và còn hiệu lực.",
                en=f"No certificate of {address} is issued and live.",
            ),
            code="nothing-to-hand-over",
        )
    primary = primary_of(session, mailbox.id)
    leaf = x509.load_der_x509_certificate(certificate.der)
    chain = chain_of(session, certificate.issuer_id)
    password: Secret | None = None
    if certificate.key_sealed is not None:
        password = Secret(new_password())
        plain = sealer.unseal(certificate.key_sealed, context=key_context(certificate.public_key))
        key = load_der_private_key(bytes.fromhex(plain.reveal()), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
        content = pack(key, leaf, chain, password.reveal(), primary)
        certificate.key_sealed = None
    elif certificate.key_by_owner:
        content = b"".join(each.public_bytes(Encoding.PEM) for each in (leaf, *chain))
    else:
        raise Conflict(
            Text(
                vi=f"Khóa của {address} đã được bàn giao và không còn ở đây. Nếu đã mất, hãy thu hồi và cấp "
                f"lại: «provisioner certificates reissue {address}».",
                en=f"The key of {address} was handed over and is not here any more. If it is lost, revoke and "
                f"issue anew: “provisioner certificates reissue {address}”.",
            ),
            code="key-gone",
        )
    certificate.handed_over_at = certificate.handed_over_at or now
    # Under a name of its own: what a hand-over ends does not count against what its officer may revoke alone.
    _supersede(session, certificate, who=Who(HAND_OVER, on_behalf_of=who.actor), now=now)
    after = {"serial": certificate.serial, "with_key": password is not None}
    record(
        session,
        who,
        [Change("certificate.handed-over", "certificate", str(certificate.id), after=after)],
        now=now,
    )
    return HandedOver(certificate.serial or "", primary, content, password)


def _require_in_post(session: Session, mailbox: Mailbox, address: str) -> None:
    """Who has left signs for no agency any more."""
    in_post = exists().where(Post.person_id == mailbox.person_id, Post.until.is_(None))
    if mailbox.person_id is not None and not session.scalar(select(in_post)):
        raise Conflict(
            Text(
                vi=f"Chủ của {address} không còn giữ vị trí nào nên không được bàn giao chứng thư.",
                en=f"The owner of {address} holds no post any more: no certificate is handed over.",
            ),
            code="owner-left",
        )


def _supersede(session: Session, certificate: Certificate, *, who: Who, now: datetime) -> None:
    """End whatever else its owner has for this purpose, also what is on hold: nothing comes back beside this one."""
    good = session.scalars(
        select(Certificate.id).where(
            Certificate.mailbox_id == certificate.mailbox_id,
            Certificate.purpose == certificate.purpose,
            Certificate.id != certificate.id,
            Certificate.not_after > now,
            is_good_or_held(),
        )
    )
    revoke(session, dict.fromkeys(good, Reason.superseded), who=who, profiles={}, now=now)
