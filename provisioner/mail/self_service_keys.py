"""The certificate of a mailbox for a key that its owner made in the browser: ordered, waited for, taken.

An owner orders for themselves what was approved for them: a certificate that is on order or was issued and not revoked, also
past its end. The first one takes a
request and two people, like everything else.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ca.errors import KeyRefused
from provisioner.audit import Who
from provisioner.certificates.enrolling import enrol
from provisioner.certificates.finding import chain_of
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.models import Certificate, Purpose, State, is_live
from provisioner.certificates.refusals import OVERTAKEN
from provisioner.errors import Conflict, Invalid, NotFound, Text
from provisioner.mail.accounts import Account
from provisioner.operators.limits import TooMany
from provisioner.people.sealing import Sealer

MOST_A_DAY = 5
"""Keys that an owner may have certified within a day: one that was lost on the way is made again, a loop is stopped."""


@dataclass(frozen=True, slots=True)
class OwnOrder:
    """How far an order is; once it is issued, the certificate and those of the authorities above it, DER."""

    state: State
    chain: tuple[bytes, ...] = ()
    is_overtaken: bool = False
    """Refused because its owner made another key before it was signed."""


def live_certificate(session: Session, account: Account) -> Certificate | None:
    """The mail certificate on order or issued for this mailbox that nothing has taken the place of; it may be past its end."""
    return session.scalars(
        select(Certificate).where(
            Certificate.mailbox_id == account.mailbox_id,
            Certificate.purpose == Purpose.MAIL,
            is_live(),
        )
    ).one_or_none()


def order_own(session: Session, account: Account, request: bytes, *, now: datetime) -> int:
    """Order a certificate for the key of this request (PKCS#10, DER); the id of the order.

    Raises `Invalid` for a request that will not do, `Conflict` with `certificate-not-approved` when none was approved for this
    mailbox or with `being-issued`, and `TooMany`.
    """
    if live_certificate(session, account) is None:
        raise Conflict(
            Text(
                vi="Chưa có chứng thư nào được duyệt cho hộp thư này; hãy đề nghị bộ phận tổ chức của cơ quan.",
                en="No certificate was approved for this mailbox; ask your agency's HR office.",
            ),
            code="certificate-not-approved",
        )
    today = session.scalar(
        select(func.count()).where(
            Certificate.mailbox_id == account.mailbox_id,
            Certificate.ordered_by == account.address,
            Certificate.ordered_at > now - timedelta(days=1),
        )
    )
    if (today or 0) >= MOST_A_DAY:
        raise TooMany(
            Text(
                vi=f"Mỗi ngày chỉ tạo được {MOST_A_DAY} khóa; hãy thử lại vào ngày mai.",
                en=f"{MOST_A_DAY} keys a day can be made; try again tomorrow.",
            ),
            code="too-many-keys",
        )
    try:
        return enrol(session, account.address, request, who=Who(account.address), now=now).id
    except KeyRefused as error:
        raise Invalid(Text(vi=error.text.vi, en=error.text.en), code=error.code) from error


def own_order(session: Session, account: Account, order_id: int) -> OwnOrder:
    """How far this order is. Raises `NotFound` for an order that is not this owner's, or whose key they did not make."""
    order = session.get(Certificate, order_id)
    if order is None or order.mailbox_id != account.mailbox_id or not order.key_by_owner:
        raise NotFound(
            Text(vi="Không có yêu cầu chứng thư này.", en="There is no such order."), code="order-unknown"
        )
    if order.state is not State.ISSUED or order.der is None:
        return OwnOrder(order.state, is_overtaken=order.trouble == OVERTAKEN)
    above = chain_of(session, order.issuer_id)
    return OwnOrder(order.state, (order.der, *(each.public_bytes(Encoding.DER) for each in above)))


def take_own(
    session: Session, account: Account, order_id: int, *, sealer: Sealer, now: datetime
) -> x509.Certificate:
    """The owner has saved it with its key: it is handed over, and what it takes the place of is revoked.

    Raises `NotFound` as `own_order`, and `Conflict` while it is not issued or when another took its place.
    """
    order = own_order(session, account, order_id)
    live = live_certificate(session, account)
    if not order.chain or live is None or live.id != order_id:
        raise Conflict(
            Text(
                vi="Chứng thư này chưa cấp hoặc đã được thay.",
                en="It is not issued, or another took its place.",
            ),
            code="nothing-to-hand-over",
        )
    hand_over(session, account.address, sealer=sealer, who=Who(account.address), now=now)
    return x509.load_der_x509_certificate(order.chain[0])
