"""Administering: what one operator may do for another, and what nobody does for themselves.

Each of these could become a way into the other's rights, so whoever does it has to hold all of them already.
A link renews one factor and asks for the other: who resets somebody's password or telephone cannot come in by it, as
long as they have two. Who has one is told of the link (`noticing`).
Nor by saying that an account with two factors is somebody else's: only whoever holds the server ties those anew.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from provisioner.errors import Conflict, Forbidden, Text
from provisioner.operators import links, naming
from provisioner.operators.models import LinkPurpose, Operator
from provisioner.operators.reach import powers_of
from provisioner.operators.second_factor import asks_code, needs_code
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret


def offer_link(
    session: Session, operator: Operator, purpose: LinkPurpose, *, by: Operator, sealer: Sealer, now: datetime
) -> Secret:
    """The token of a link for this operator: an invitation, or one factor anew.

    Raises `Forbidden` for oneself, for somebody with rights that `by` does not hold, and for links that sign
    in by themselves; `Conflict` when the operator is not in a state for it.
    """
    _check(session, by, operator, now=now)
    if purpose is LinkPurpose.SIGN_IN:
        raise _more_than_held()
    if purpose is LinkPurpose.SET_UP and operator.password_hash is not None:
        raise Conflict(
            Text(
                vi="Người này đã thiết lập tài khoản; chỉ đặt lại được mật khẩu hoặc mã xác thực.",
                en="This account is set up already; reset the password or the second factor instead.",
            ),
            code="set-up-already",
        )
    if purpose is not LinkPurpose.SET_UP:
        _check_other_factor(session, operator, purpose, now=now)
    return links.make_link(session, operator, purpose, by=by.name, sealer=sealer, now=now, made_by_id=by.id)


def renew_own(
    session: Session, operator: Operator, purpose: LinkPurpose, *, sealer: Sealer, now: datetime
) -> Secret:
    """The token of a link by which an operator, having proved themselves anew, replaces one of their own factors.

    Raises `Conflict` without the other one, `Forbidden` for any other kind of link.
    """
    if purpose not in (LinkPurpose.PASSWORD, LinkPurpose.SECOND_FACTOR):
        raise _more_than_held()
    _check_other_factor(session, operator, purpose, now=now)
    return links.make_link(session, operator, purpose, by=operator.name, sealer=sealer, now=now)


def enable(session: Session, operator: Operator, *, by: Operator, now: datetime) -> None:
    """Let an operator in again, with the roles they have. Raises `Forbidden` as above."""
    _check(session, by, operator, now=now)
    naming.enable(session, operator, by=by.name, now=now)


def tie(session: Session, operator: Operator, person_id: int | None, *, by: Operator, now: datetime) -> None:
    """Say which official an operator is. Raises `Forbidden` as above, `Conflict`."""
    _check(session, by, operator, now=now)
    if person_id not in (None, operator.person_id):
        _check_has_one_factor(session, operator, now=now)
    naming.tie(session, operator, person_id, by=by.name, now=now)


def identify(
    session: Session, operator: Operator, subject: str | None, *, by: Operator, now: datetime
) -> None:
    """Say who an operator is to the province's sign-on. Raises `Forbidden` as above, `Invalid`, `Conflict`."""
    _check(session, by, operator, now=now)
    if subject not in (None, operator.subject):
        _check_has_one_factor(session, operator, now=now)
    naming.identify(session, operator, subject, by=by.name, now=now)


def reach_at(
    session: Session, operator: Operator, address: str | None, *, by: Operator, now: datetime
) -> None:
    """Say where an operator without a mailbox is written to. Raises `Forbidden` as above, `Invalid`."""
    _check(session, by, operator, now=now)
    naming.reach_at(session, operator, address, by=by.name, now=now)


def _check(session: Session, by: Operator, operator: Operator, *, now: datetime) -> None:
    if by.id == operator.id:
        raise Forbidden(
            Text(
                vi="Không ai tự làm việc này cho mình; cần một quản trị viên khác.",
                en="Nobody does this for themselves; another administrator must.",
            ),
            code="two-people",
        )
    if not powers_of(session, by.id, now=now).covers(powers_of(session, operator.id, now=now)):
        raise _more_than_held()


def _check_other_factor(session: Session, operator: Operator, purpose: LinkPurpose, *, now: datetime) -> None:
    """A new password is taken for a code, a new key for the password: without it the link would be a way in alone."""
    password = purpose is LinkPurpose.PASSWORD
    other = operator.totp_sealed if password else operator.password_hash
    if operator.password_hash is None or (other is None and needs_code(session, operator, now=now)):
        raise Conflict(
            Text(
                vi="Người này không còn yếu tố xác thực nào khác; dùng «provisioner operators link» trên máy chủ.",
                en="They have no other factor left to prove themselves; use “provisioner operators link” on the server.",
            ),
            code="no-other-factor",
        )


def _check_has_one_factor(session: Session, operator: Operator, *, now: datetime) -> None:
    """The provider's word may count for both factors: an account that was set up would change hands by it."""
    if operator.password_hash is not None and asks_code(session, operator, now=now):
        raise Conflict(
            Text(
                vi="Tài khoản này đã thiết lập với mã xác thực; chỉ gắn lại được bằng «provisioner operators tie» "
                "hoặc «identify» trên máy chủ.",
                en="This account is set up with a second factor; tie it anew with “provisioner operators tie” "
                "or “identify” on the server.",
            ),
            code="set-up-already",
        )


def _more_than_held() -> Forbidden:
    return Forbidden(
        Text(
            vi="Người này có quyền mà bạn không có, nên bạn không làm được việc này cho họ.",
            en="They hold rights that you do not, so you cannot do this for them.",
        ),
        code="more-than-held",
    )
