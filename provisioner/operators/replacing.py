"""Replacing one factor through a link, with the other one proved: neither the link nor that one lets anybody in alone."""

from datetime import datetime

from sqlalchemy.orm import Session

from provisioner.operators.limits import check_attempts, forget_failures, note_failure
from provisioner.operators.links import take, use_up
from provisioner.operators.models import LinkPurpose
from provisioner.operators.proving import hash_password, is_password
from provisioner.operators.second_factor import give_key, takes_code
from provisioner.operators.signing_in import NotProved
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret


def replace_password(
    session: Session,
    token: Secret,
    password: Secret,
    code: str,
    *,
    source: str,
    sealer: Sealer,
    now: datetime,
) -> NotProved | None:
    """The password is another from now on, given a code where they have a second factor; all sessions end.

    Raises `Invalid` for a password that will not do, `NotFound` for a dead link, `TooMany`. A refusal is
    returned, so that its count is committed.
    """
    link, found = take(session, token, LinkPurpose.PASSWORD, sealer=sealer, now=now)
    operator = found.operator
    check_attempts(session, name=operator.name, source=source, now=now)
    hashed = hash_password(password, name=operator.name)
    if not takes_code(session, operator, code, sealer=sealer, now=now):
        note_failure(session, name=operator.name, source=source, now=now)
        return NotProved()
    operator.password_hash = hashed
    forget_failures(session, name=operator.name)
    use_up(session, link, operator, now=now)
    return None


def replace_key(
    session: Session,
    token: Secret,
    password: Secret,
    code: str,
    *,
    source: str,
    sealer: Sealer,
    now: datetime,
) -> NotProved | None:
    """The key that the link's page shows is theirs from now on, given the password and a code of it.

    Raises and returns the same.
    """
    link, found = take(session, token, LinkPurpose.SECOND_FACTOR, sealer=sealer, now=now)
    operator = found.operator
    check_attempts(session, name=operator.name, source=source, now=now)
    if not is_password(password, operator.password_hash):
        note_failure(session, name=operator.name, source=source, now=now)
        return NotProved()
    give_key(operator, found.key, code, sealer=sealer, now=now)
    forget_failures(session, name=operator.name)
    use_up(session, link, operator, now=now)
    return None
