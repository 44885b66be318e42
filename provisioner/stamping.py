"""The province's seal on documents: a key beside the authorities', certified by the document authority.

The seal's key is made where the authorities' keys live, in files or in a module, and never leaves. Its certificate is
an agency's document certificate like any other: ordered, issued, renewed and revoked in the same way.
"""

import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.errors import CaError
from ca.keys import KeyKind, PrivateKey, spki_fingerprint
from provisioner.adapters.time_stamps import lists_of, stamper_at
from provisioner.audit import Who
from provisioner.certificates.enrolling import enrol_key
from provisioner.certificates.finding import chain_of, mailbox_of
from provisioner.certificates.models import Certificate, Issuer, PresignedAnswer, Purpose, State
from provisioner.certificates.pausing import SIGNER, waits_for_a_person
from provisioner.errors import Conflict, Misconfigured, Text, Unavailable
from provisioner.mailboxes.models import Kind
from provisioner.reports.pades import Evidence, Signatory, signed
from provisioner.reports.signing_asked import sign_asked
from provisioner.services import Services
from provisioner.signing import keystore

_SEAL: Final = "seal-"
"""How the labels of seals' keys begin; the rest is random, for each certificate has a key of its own."""


def order_seal(services: Services, address: str, *, by: str) -> str:
    """Make a key and order the document certificate of the agency whose mailbox this is; the key's label.

    A seal that stands stays good until it is revoked. Raises `NotFound` for the address, `Conflict` for a person's
    mailbox, and what the key store raises.
    """
    with services.database.reading() as session:
        if mailbox_of(session, address).kind is not Kind.UNIT:
            raise Conflict(
                Text(
                    vi=f"{address} là hộp thư cá nhân; con dấu số thuộc về cơ quan.",
                    en=f"{address} is a person's mailbox; a seal belongs to an agency.",
                ),
                code="seal-of-a-person",
            )
    label = f"{_SEAL}{secrets.token_hex(8)}"
    key = keystore(services.settings).generate(label, KeyKind.P256)
    with services.database.transaction() as session:
        enrol_key(
            session,
            address,
            key.public_key(),
            who=Who(by),
            now=services.clock(),
            purpose=Purpose.DOCUMENT,
        )
    return label


def seal_document(services: Services, pdf: bytes, *, place: str) -> bytes:
    """The document with the province's seal, and in it what proves the seal later.

    With a time-stamping authority in the settings the signature is of level B-LT.
    Raises `Conflict` while there is no seal, `Unavailable` when its key cannot be used or nobody stamps the
    time, and `Invalid` for a certificate that is not good now.
    """
    now = services.clock()
    section = services.settings.signatures
    stamper = stamper_at(section.timestamps) if section.timestamps else None
    with services.database.reading() as session:
        _require_unpaused(session)
        certificate, key, row = _seal(services, session, now)
        chain = chain_of(session, row.issuer_id)
        published = session.execute(select(Issuer.crl, Issuer.delta)).all()
        answers = session.scalars(
            select(PresignedAnswer.der).where(
                PresignedAnswer.certificate_id == row.id, PresignedAnswer.next_update > now
            )
        ).all()
    evidence = Evidence(
        roots=(chain[-1], *_stampers_roots(section.timestamps_ca_file)),
        authorities=tuple(chain[:-1]),
        lists=(*(one for pair in published for one in pair if one), *(lists_of(stamper) if stamper else ())),
        answers=tuple(answers),
        moment=now,
    )
    signatory = Signatory.with_key(key, certificate, chain, now=now)
    return signed(pdf, signatory, place=place, evidence=evidence, stamper=stamper)


def seal_reports(services: Services) -> int:
    """Seal the reports that were asked for on the site; how many."""
    return sign_asked(
        services.database,
        lambda pdf, place: seal_document(services, pdf, place=place),
        who=SIGNER,
        clock=services.clock,
    )


def _require_unpaused(session: Session) -> None:
    if any(map(waits_for_a_person, session.scalars(select(Issuer)))):
        raise Unavailable(
            Text(
                vi="Thiết bị giữ khóa đã từ chối mã PIN; hãy chạy «provisioner ca resume».",
                en="The token that holds the keys refused the PIN; run “provisioner ca resume”.",
            ),
            code="authority-paused",
        )


def _seal(
    services: Services, session: Session, now: datetime
) -> tuple[x509.Certificate, PrivateKey, Certificate]:
    """The newest seal's certificate that is good now, with its key."""
    wanted = (
        select(Certificate)
        .where(
            Certificate.purpose == Purpose.DOCUMENT,
            Certificate.key_by_owner,
            Certificate.state == State.ISSUED,
            Certificate.revoked_at.is_(None),
            Certificate.not_after > now,
        )
        .order_by(Certificate.id.desc())
    )
    store = keystore(services.settings)
    try:
        keys = [store.load(label) for label in store.labels() if label.startswith(_SEAL)]
    except CaError as error:
        raise Unavailable(Text(vi=error.text.vi, en=error.text.en), code=error.code) from error
    by_fingerprint = {spki_fingerprint(key.public_key()): key for key in keys}
    for row in session.scalars(wanted):
        key = by_fingerprint.get(row.key_fingerprint or "")
        if key is not None and row.der is not None:
            return x509.load_der_x509_certificate(row.der), key, row
    raise Conflict(
        Text(
            vi="Chưa có con dấu số nào còn hiệu lực; hãy chạy «provisioner ca seal».",
            en="There is no seal that is good now; run “provisioner ca seal”.",
        ),
        code="no-seal",
    )


def _stampers_roots(path: str) -> list[x509.Certificate]:
    if not path:
        return []
    try:
        return x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(
            Text(
                vi=f"Cài đặt signatures.timestamps_ca_file không dùng được: {error}.",
                en=f"The setting signatures.timestamps_ca_file cannot be used: {error}.",
            ),
            code="setting-wrong",
        ) from error
