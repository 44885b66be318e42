"""Enrolling a key that its owner made: in a browser, on a token, in a mail client. The service never has it.

Of a request (PKCS#10) only the public key is taken, and that its sender has the private one is checked;
what stands in the certificate comes from the register. A key is certified once in its life: not twice, not
for two people, not again after a revocation, and never an authority's.
"""

from datetime import datetime
from typing import Final

from cryptography import x509
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ca.csr_bundle import read_csr_bundle
from ca.errors import CaError, KeyRefused
from ca.errors import Text as CaText
from ca.keys import PublicKey, public_key_of, read_csr, spki_bytes, spki_fingerprint
from provisioner.audit import Change, Who, record
from provisioner.certificates.finding import open_mailbox_of
from provisioner.certificates.models import Certificate, Issuer, Purpose, State, is_live
from provisioner.certificates.ordering import PROFILES, order_again
from provisioner.certificates.refusals import OVERTAKEN
from provisioner.certificates.subjects import require_certifiable
from provisioner.days import day_of
from provisioner.db import after_commit
from provisioner.errors import Conflict, ProvisionerError, Text
from provisioner.mailboxes.models import Mailbox

Enrolled = tuple[str, Certificate | ProvisionerError | CaError]
"""The name of a request in a bundle, and its order or the reason why there is none."""

_ENDINGS: Final = (".csr", ".req", ".p10", ".pem", ".der")


def enrol(
    session: Session,
    address: str,
    request: bytes,
    *,
    who: Who,
    now: datetime,
    purpose: Purpose = Purpose.MAIL,
) -> Certificate:
    """Order a certificate for this mailbox and the key of this request (DER or PEM); the order.

    An open order gets the key, or makes room for another when it has an owner's key already; a live certificate
    gets a successor and stays good until that one is handed over. Raises `NotFound` for the address, KeyRefused for the request or a key seen before, and `Conflict`
    when a certificate is just being issued or the mailbox is closed.
    """
    return enrol_key(session, address, read_csr(request), who=who, now=now, purpose=purpose)


def enrol_bundle(
    session: Session, bundle: bytes, *, who: Who, now: datetime, purpose: Purpose = Purpose.MAIL
) -> list[Enrolled]:
    """Enrol every request of a ZIP, each for the mailbox that its file is named after: `anhnt@lamdong.gov.vn.csr`.

    What is wrong with one request stops no other; of several for one mailbox the first counts. Raises KeyRefused for
    a file that is no such bundle.
    """
    enrolled: list[Enrolled] = []
    mailboxes: set[int | None] = set()
    for name, key in read_csr_bundle(bundle):
        if isinstance(key, KeyRefused):
            enrolled.append((name, key))
            continue
        stem = next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)
        try:
            with session.begin_nested():
                order = enrol_key(session, stem, key, who=who, now=now, purpose=purpose)
                if order.mailbox_id in mailboxes:
                    raise _named_twice(stem)
            mailboxes.add(order.mailbox_id)
            enrolled.append((name, order))
        except (ProvisionerError, CaError) as error:
            enrolled.append((name, error))
    return enrolled


def _named_twice(address: str) -> Conflict:
    return Conflict(
        Text(
            vi=f"Tệp ZIP có nhiều yêu cầu cho hộp thư {address}; chỉ yêu cầu đầu tiên được nhận.",
            en=f"The ZIP has several requests for the mailbox {address}; only the first was taken.",
        ),
        code="mailbox-named-twice",
    )


def enrol_key(
    session: Session,
    address: str,
    public_key: PublicKey,
    *,
    who: Who,
    now: datetime,
    purpose: Purpose = Purpose.MAIL,
) -> Certificate:
    """As `enrol`, for a key whose owner is known to have the private one."""
    mailbox = open_mailbox_of(session, address)
    require_certifiable(session, [mailbox.id], purpose, today=day_of(now))
    _require_unseen(session, public_key)
    order = _order_for(session, mailbox, purpose, who=who, now=now)
    order.key_by_owner = True
    order.public_key = spki_bytes(public_key)
    order.key_fingerprint = spki_fingerprint(public_key)
    session.flush()  # the trail names the order by its id
    after = {"mailbox": mailbox.account_id, "key": order.key_fingerprint}
    record(session, who, [Change("certificate.enrolled", "certificate", str(order.id), after=after)], now=now)
    after_commit(session, "signing")
    return order


def _require_unseen(session: Session, public_key: PublicKey) -> None:
    fingerprint = spki_fingerprint(public_key)
    seen = session.scalar(select(exists().where(Certificate.key_fingerprint == fingerprint)))
    ours = (x509.load_der_x509_certificate(data) for data in session.scalars(select(Issuer.certificate)))
    if seen or fingerprint in {spki_fingerprint(public_key_of(authority)) for authority in ours}:
        raise KeyRefused(
            "key.seen-before",
            CaText(
                vi="Khóa này đã được dùng trong một chứng thư khác; hãy tạo khóa mới.",
                en="This key stands in another certificate already; make a new one.",
            ),
        )


def _order_for(
    session: Session, mailbox: Mailbox, purpose: Purpose, *, who: Who, now: datetime
) -> Certificate:
    live = session.scalars(
        select(Certificate)
        .where(
            Certificate.mailbox_id == mailbox.id,
            Certificate.purpose == purpose,
            is_live(),
        )
        .with_for_update()
    ).one_or_none()
    if live is not None and live.state is State.ORDERED:
        # A signer that has claimed it would make a key of its own: the raised fence takes its claim away.
        live.fence += 1
        live.lease_until = None
        return _instead_of(session, live, who=who, now=now) if live.key_by_owner else live
    if live is not None and live.state is State.RESERVED:
        raise Conflict(
            Text(
                vi="Một chứng thư cho hộp thư này đang được ký; hãy thử lại sau ít phút.",
                en="A certificate for this mailbox is just being signed; try again in a few minutes.",
            ),
            code="being-issued",
        )
    if live is not None:
        return order_again(session, live, by=who.actor, now=now)
    order = Certificate(
        mailbox_id=mailbox.id,
        purpose=purpose,
        profile=PROFILES[purpose, mailbox.kind],
        ordered_at=now,
        ordered_by=who.actor,
    )
    session.add(order)
    return order


def _instead_of(session: Session, earlier: Certificate, *, who: Who, now: datetime) -> Certificate:
    """An order for a key that comes after another one; the earlier key's comes to nothing.

    Not the same order with another key: whoever waits for it with the earlier key, in another window, would take a
    certificate that does not fit it.
    """
    earlier.state, earlier.trouble = State.REFUSED, OVERTAKEN
    session.flush()  # the earlier one has to make room first
    change = Change("certificate.refused", "certificate", str(earlier.id), after={"reason": OVERTAKEN})
    record(session, who, [change], now=now)
    order = Certificate(
        mailbox_id=earlier.mailbox_id,
        purpose=earlier.purpose,
        profile=earlier.profile,
        ordered_at=now,
        ordered_by=who.actor,
        replaces_id=earlier.replaces_id,
    )
    session.add(order)
    return order
