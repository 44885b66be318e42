"""Naming operators: who they are, which roles they get, and when they are shut out."""

import re
from datetime import datetime
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provisioner.agencies.contacts import is_address
from provisioner.agencies.models import Agency
from provisioner.audit import Change, Who, record
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound, Text
from provisioner.operators.models import Grant, OneTimeLink, Operator, SignedIn
from provisioner.operators.reach import Held, Powers, powers_of
from provisioner.operators.roles import Role

LONGEST_ADDRESS = 254
"""Of a mail address (RFC 5321, 4.5.3.1.3, without its brackets)."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def canonical_name(text: str) -> str:
    """A name as it is kept: lower case, without blanks around it; NUL, which PostgreSQL cannot even ask for, is none."""
    return text.replace("\x00", "\ufffd").strip().lower()


def find_operator(session: Session, name: str) -> Operator:
    """The operator of this name. Raises `NotFound`."""
    found = session.scalars(select(Operator).where(Operator.name == canonical_name(name))).one_or_none()
    if found is None:
        raise NotFound(
            Text(vi=f"Không có người dùng {name}.", en=f"There is no operator {name}."),
            code="operator-unknown",
        )
    return found


def name_operator(session: Session, name: str, full_name: str, *, by: str, now: datetime) -> Operator:
    """Add an operator, with no role and no way in yet. Raises `Invalid` and `Conflict`."""
    canonical = canonical_name(name)
    if not _NAME.fullmatch(canonical):
        raise Invalid(
            Text(
                vi="Tên đăng nhập gồm chữ thường không dấu, chữ số, dấu chấm, gạch; tối đa 64 ký tự.",
                en="A name consists of lower-case letters, digits, dots and dashes; 64 characters at most.",
            ),
            code="operator-name",
        )
    if not 1 <= len(full_name.strip()) <= 120:
        raise Invalid(
            Text(vi="Hãy ghi họ và tên, tối đa 120 ký tự.", en="Give the full name, 120 characters at most."),
            code="operator-full-name",
        )
    if session.scalar(select(Operator.id).where(Operator.name == canonical)):
        raise Conflict(
            Text(vi=f"Đã có người dùng {canonical}.", en=f"There is an operator {canonical} already."),
            code="operator-exists",
        )
    operator = Operator(
        uid=uuid4().hex, name=canonical, full_name=full_name.strip(), created_at=now, created_by=by
    )
    session.add(operator)
    session.flush()  # the id is needed by whoever gives roles
    record(session, Who(by), [Change("operator.named", "operator", canonical)], now=now)
    return operator


def grant(
    session: Session,
    operator: Operator,
    role: Role,
    agency: Agency | None,
    *,
    by: Operator | None,
    now: datetime,
    until: datetime | None = None,
) -> None:
    """Give a role for an agency and all below it, or for the whole province; given again, only its end changes.

    `by` is None on the command line. Raises `Forbidden` to whoever gives a role to themselves, or one
    with rights that they do not hold; `Invalid` for an end that has passed.
    """
    if by is not None:
        _may_give(session, by, operator, role, agency, now=now)
    if until is not None and until <= now:
        raise Invalid(
            Text(vi="Ngày hết hạn đã qua.", en="The day the role ends has passed."), code="role-until"
        )
    same = select(Grant).where(
        Grant.operator_id == operator.id,
        Grant.role == role,
        Grant.agency_id == agency.id if agency else Grant.agency_id.is_(None),
    )
    if (known := session.scalars(same).one_or_none()) is not None:
        if known.until != until:
            _end_links_of_others(session, operator, by)
            known.until, known.granted_by_id = until, by.id if by else None
            _told(session, "operator.role-given", operator, role, agency, by=by, now=now, until=until)
        return
    _end_links_of_others(session, operator, by)
    session.add(
        Grant(
            operator_id=operator.id,
            role=role,
            agency_id=agency.id if agency else None,
            granted_at=now,
            granted_by_id=by.id if by else None,
            until=until,
        )
    )
    _told(session, "operator.role-given", operator, role, agency, by=by, now=now, until=until)


def withdraw(
    session: Session,
    operator: Operator,
    role: Role,
    agency: Agency | None,
    *,
    by: Operator | None,
    now: datetime,
) -> None:
    """Take a role back; it ends with the next request of whoever had it."""
    session.execute(
        delete(Grant).where(
            Grant.operator_id == operator.id,
            Grant.role == role,
            Grant.agency_id == agency.id if agency else Grant.agency_id.is_(None),
        )
    )
    _told(session, "operator.role-taken", operator, role, agency, by=by, now=now)


def disable(session: Session, operator: Operator, *, by: str, now: datetime) -> None:
    """Shut an operator out: sessions and links end with this transaction. Raises `Forbidden` to oneself."""
    if by == operator.name:
        raise Forbidden(
            Text(vi="Không thể tự khóa mình.", en="Nobody shuts themselves out."), code="two-people"
        )
    operator.disabled_at = operator.disabled_at or now
    _end_sessions(session, operator)
    session.execute(delete(OneTimeLink).where(OneTimeLink.operator_id == operator.id))
    record(session, Who(by), [Change("operator.disabled", "operator", operator.name)], now=now)


def enable(session: Session, operator: Operator, *, by: str, now: datetime) -> None:
    """Let an operator in again, with the roles they have; sessions do not come back."""
    operator.disabled_at = None
    record(session, Who(by), [Change("operator.enabled", "operator", operator.name)], now=now)


def tie(session: Session, operator: Operator, person_id: int | None, *, by: str, now: datetime) -> None:
    """The operator is this official, who signs in with their own mailbox from now on; None unties them.

    Sessions end with a change: they may be of whoever it was before. Raises `Conflict` when the official is another operator already.
    """
    other = select(Operator.id).where(Operator.person_id == person_id, Operator.id != operator.id)
    if person_id is not None and session.scalar(other):
        raise Conflict(
            Text(
                vi="Cán bộ này đã gắn với một người dùng khác.",
                en="This official is another operator already.",
            ),
            code="official-taken",
        )
    if operator.person_id != person_id:
        _end_sessions(session, operator)
    operator.person_id = person_id
    told = {"person": person_id}
    record(session, Who(by), [Change("operator.tied", "operator", operator.name, after=told)], now=now)


def identify(session: Session, operator: Operator, subject: str | None, *, by: str, now: datetime) -> None:
    """Who the operator is to the province's sign-on; None takes it back. Sessions end with a change.

    Raises `Invalid` and `Conflict`.
    """
    wanted = (subject or "").strip() or None
    if wanted is not None and not (wanted.isascii() and wanted.isprintable() and len(wanted) <= 255):
        raise Invalid(
            Text(
                vi="Mã định danh (sub) có tối đa 255 ký tự ASCII.",
                en="A subject (sub) has 255 ASCII characters at most (OpenID Connect Core, 2).",
            ),
            code="operator-subject",
        )
    other = select(Operator.id).where(Operator.subject == wanted, Operator.id != operator.id)
    if wanted is not None and session.scalar(other):
        raise Conflict(
            Text(
                vi="Mã định danh này đã thuộc một người dùng khác.",
                en="This subject is another operator already.",
            ),
            code="subject-taken",
        )
    if operator.subject != wanted:
        _end_sessions(session, operator)
    operator.subject = wanted
    record(session, Who(by), [Change("operator.identified", "operator", operator.name)], now=now)


def reach_at(session: Session, operator: Operator, address: str | None, *, by: str, now: datetime) -> None:
    """Where the operator is written to while they have no mailbox of their own; None takes it back. Raises `Invalid`."""
    wanted = (address or "").strip() or None
    if wanted is not None and not (is_address(wanted) and len(wanted) <= LONGEST_ADDRESS):
        raise Invalid(
            Text(
                vi="Hãy ghi đúng một địa chỉ thư, như an@skhcn.example, không kèm tên.",
                en="Give exactly one mail address, such as an@skhcn.example, without a name.",
            ),
            code="operator-contact",
        )
    before, operator.contact_email = operator.contact_email, wanted
    change = Change(
        "operator.contact-set",
        "operator",
        operator.name,
        before={"contact_email": before},
        after={"contact_email": wanted},
    )
    record(session, Who(by), [change], now=now)


def _end_links_of_others(session: Session, operator: Operator, by: Operator | None) -> None:
    """Whoever made a link must not come in through it by the powers that come now."""
    session.execute(
        delete(OneTimeLink).where(
            OneTimeLink.operator_id == operator.id,
            OneTimeLink.made_by_id.is_not(None),
            OneTimeLink.made_by_id != (by.id if by else 0),
        )
    )


def _end_sessions(session: Session, operator: Operator) -> None:
    session.execute(delete(SignedIn).where(SignedIn.operator_id == operator.id))


def _may_give(
    session: Session, by: Operator, operator: Operator, role: Role, agency: Agency | None, *, now: datetime
) -> None:
    if by.id == operator.id:
        raise Forbidden(
            Text(
                vi="Không ai được tự cấp vai trò cho mình; cần một quản trị viên khác.",
                en="Nobody gives a role to themselves; another administrator must.",
            ),
            code="two-people",
        )
    given = Powers.of([Held(role, agency.path if agency else None)])
    if not powers_of(session, by.id, now=now).covers(given):
        raise Forbidden(
            Text(
                vi="Vai trò này có quyền mà bạn không có nên bạn không cấp được.",
                en="This role brings rights that you do not hold, so you cannot give it.",
            ),
            code="more-than-held",
        )


def _told(
    session: Session,
    action: str,
    operator: Operator,
    role: Role,
    agency: Agency | None,
    *,
    by: Operator | None,
    now: datetime,
    until: datetime | None = None,
) -> None:
    told = {"role": role.value, "agency": agency.code if agency else "*"} | (
        {"until": until.isoformat()} if until else {}
    )
    who = Who(by.name if by else "command line")
    record(session, who, [Change(action, "operator", operator.name, after=told)], now=now)
