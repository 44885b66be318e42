"""The second factor as an operator has it: which key is theirs, and whether a code of it is right."""

from datetime import datetime

from sqlalchemy.orm import Session

from provisioner.errors import Invalid, Text
from provisioner.operators.models import Operator
from provisioner.operators.proving import code_step
from provisioner.operators.reach import powers_of
from provisioner.operators.roles import CODE_NEEDED
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret


def needs_code(session: Session, operator: Operator, *, now: datetime) -> bool:
    """Whether a role of theirs asks for a second factor at this moment."""
    return bool(CODE_NEEDED.intersection(powers_of(session, operator.id, now=now).roles))


def asks_code(session: Session, operator: Operator, *, now: datetime) -> bool:
    """Whether they have to give a code: by a role, or because they chose to."""
    return operator.totp_sealed is not None or needs_code(session, operator, now=now)


def takes_code(session: Session, operator: Operator, code: str, *, sealer: Sealer, now: datetime) -> bool:
    """Whether this code is right, and used up with that; without a key, whether no role asks for one."""
    if operator.totp_sealed is None:
        return not needs_code(session, operator, now=now)
    key = sealer.unseal(operator.totp_sealed, context=totp_context(operator.uid))
    step = code_step(key, code, used=operator.totp_used, now=now)
    if step is None:
        return False
    operator.totp_used = step
    return True


def give_key(operator: Operator, key: Secret, code: str, *, sealer: Sealer, now: datetime) -> None:
    """The key is theirs from now on, since they gave a code of it. Raises `Invalid` for another code."""
    step = code_step(key, code, used=0, now=now)
    if step is None:
        raise Invalid(
            Text(
                vi="Mã xác thực không đúng. Hãy nhập mã 6 chữ số đang hiện trong ứng dụng.",
                en="The code is not right. Enter the six digits that the app shows now.",
            ),
            code="code-wrong",
        )
    operator.totp_sealed = sealer.seal(key, context=totp_context(operator.uid))
    operator.totp_used = step


def totp_context(uid: str) -> str:
    """What the sealed key is bound to: another operator's row has no use for it."""
    return f"operators.totp:{uid}"
