"""Signing in with a name, a password and, where the role asks for it, a code.

Every failure is the same failure: a name that does not exist, a wrong password, a missing or
wrong code and a disabled account answer alike and take the same time (CVE-2025-4404's family;
midPoint 013 and 025 told who exists).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.errors import Forbidden, Text
from provisioner.operators.limits import check_attempts, forget_failures, note_failure
from provisioner.operators.models import Operator, Way
from provisioner.operators.naming import canonical_name
from provisioner.operators.proving import is_password
from provisioner.operators.second_factor import takes_code
from provisioner.operators.sessions import Visitor, begin, renew
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody gives to prove who they are. `code` may be empty where no role asks for one."""

    name: str
    password: Secret
    code: str = ""


class NotProved(Forbidden):
    """Whoever this was, they are not let in; nothing is said about why."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                vi="Tên đăng nhập, mật khẩu hoặc mã xác thực không đúng.",
                en="The name, the password or the code is not right.",
            ),
            code="sign-in-refused",
        )


def sign_in(
    session: Session, proof: Proof, *, source: str, sealer: Sealer, now: datetime
) -> Secret | NotProved:
    """The token of a new session, or the refusal, which is returned so that its count is committed.

    Raises `TooMany`.
    """
    name = canonical_name(proof.name)[:120]
    check_attempts(session, name=name, source=source, now=now)
    operator = session.scalars(
        select(Operator).where(Operator.name == name, Operator.disabled_at.is_(None))
    ).one_or_none()
    right = is_password(proof.password, operator.password_hash if operator else None)
    return conclude(
        session,
        operator.id if operator and right else None,
        proof.code,
        name=name,
        way=Way.PASSWORD,
        source=source,
        sealer=sealer,
        now=now,
    )


def prove_again(
    session: Session, visitor: Visitor, proof: Proof, *, source: str, sealer: Sealer, now: datetime
) -> Secret | NotProved:
    """Step up: the same proof as at sign-in, for a session that is there; the token it goes on with.

    Raises `TooMany`.
    """
    check_attempts(session, name=visitor.name, source=source, now=now)
    kept = session.scalar(select(Operator.password_hash).where(Operator.id == visitor.operator_id))
    right = is_password(proof.password, kept)
    return conclude_again(
        session, visitor, right, proof.code, name=visitor.name, source=source, sealer=sealer, now=now
    )


def conclude(
    session: Session,
    operator_id: int | None,
    code: str,
    *,
    name: str,
    way: Way,
    source: str,
    sealer: Sealer,
    now: datetime,
    second_factor: bool = False,
) -> Secret | NotProved:
    """Let in the operator whose first factor was right, given the second; None for a first factor that was not.

    `name` is what failures are counted by; `second_factor` says that somebody we trust saw one already.
    """
    operator = _locked(session, operator_id)
    if operator is None or not (second_factor or takes_code(session, operator, code, sealer=sealer, now=now)):
        note_failure(session, name=name, source=source, now=now)
        return NotProved()
    forget_failures(session, name=name)
    change = Change("operator.signed-in", "operator", operator.name, after={"way": way.value})
    record(session, Who(operator.name), [change], now=now)
    return begin(session, operator, way=way, source=source, now=now)


def conclude_again(
    session: Session,
    visitor: Visitor,
    right: bool,
    code: str,
    *,
    name: str,
    source: str,
    sealer: Sealer,
    now: datetime,
    second_factor: bool = False,
) -> Secret | NotProved:
    """The same for a session that is there: it goes on under the token given back."""
    operator = _locked(session, visitor.operator_id) if right else None
    if operator is None or not (second_factor or takes_code(session, operator, code, sealer=sealer, now=now)):
        note_failure(session, name=name, source=source, now=now)
        return NotProved()
    forget_failures(session, name=name)
    return renew(session, visitor, now=now)


def _locked(session: Session, operator_id: int | None) -> Operator | None:
    """The operator, unless shut out, as the books have them once nobody else writes: what of theirs was used meanwhile is used."""
    wanted = select(Operator).where(Operator.id == operator_id, Operator.disabled_at.is_(None))
    return session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).one_or_none()
