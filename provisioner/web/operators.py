"""Operators: who may use the site; naming them, their roles, their links, and shutting them out."""

from datetime import date, datetime

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, Row, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.agencies.register import id_of
from provisioner.days import end_of
from provisioner.errors import Invalid, NotFound, ProvisionerError, Text
from provisioner.mail.entering import official_behind
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators import administering, naming
from provisioner.operators.links import GOOD_FOR
from provisioner.operators.models import Grant, LinkPurpose, Operator
from provisioner.operators.reach import has_left
from provisioner.operators.roles import Right, Role
from provisioner.people.models import Person
from provisioner.secret import Secret
from provisioner.web.answering import services
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import spoken
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reading, the_visitor
from provisioner.web.wording import link_purposes, operator_states, role_names

pages = Blueprint("operators", __name__, url_prefix="/operators")

_FIELD_OF = {
    "operator-name": "name",
    "operator-exists": "name",
    "operator-full-name": "full_name",
    "role": "role",
    "more-than-held": "role",
    "agency": "agency",
    "until": "until",
    "role-until": "until",
    "official": "official",
    "official-taken": "official",
    "operator-subject": "subject",
    "operator-contact": "contact",
    "subject-taken": "subject",
}
"""Beside which field an error is shown."""

_FIELDS = ("name", "full_name", "role", "agency", "until", "official", "subject", "contact")


@pages.get("")
@needs(Right.OPERATORS)
def index() -> ResponseReturnValue:
    """All operators by name, with their roles; those whose name holds what the address asks for."""
    q, state = request.args.get("q", "").strip().replace("\x00", "")[:120], request.args.get("state", "")
    wanted = select(Operator).order_by(Operator.name)
    if q:
        wanted = wanted.where(
            or_(
                Operator.name.contains(q.lower(), autoescape=True),
                Operator.full_name.contains(q, autoescape=True),
            )
        )
    if (condition := _in_state(state)) is not None:
        wanted = wanted.where(condition)
    with reading(Right.OPERATORS) as session:
        page = page_of(session, wanted)
        found = [operator for (operator,) in page.rows]
        grants = _grants(session, *(operator.id for operator in found))
    return render_template(
        "operators.html",
        page=page,
        operators=found,
        grants=grants,
        names=role_names(),
        states=operator_states(),
        state_of=_state,
        now=services().clock(),
        q=q,
        state=state,
    )


@pages.get("/new")
@needs(Right.OPERATORS)
def new() -> ResponseReturnValue:
    """The form to invite somebody."""
    return _form({})


@pages.post("/new")
@needs(Right.OPERATORS, fresh=True)
def invite() -> ResponseReturnValue:
    """Name an operator with a role, and show the link by which they set their account up, once."""
    found, values = services(), {name: request.form.get(name, "").strip() for name in _FIELDS}
    now = found.clock()
    try:
        with changing(Right.OPERATORS) as session:
            me = _me(session)
            operator = naming.name_operator(session, values["name"], values["full_name"], by=me.name, now=now)
            _give_role(session, operator, me, values, now=now)
            if values["official"]:
                person = official_behind(session, values["official"])
                administering.tie(session, operator, person, by=me, now=now)
            if values["subject"]:
                administering.identify(session, operator, values["subject"], by=me, now=now)
            if values["contact"]:
                administering.reach_at(session, operator, values["contact"], by=me, now=now)
            token = administering.offer_link(
                session, operator, LinkPurpose.SET_UP, by=me, sealer=found.sealer, now=now
            )
    except ProvisionerError as error:
        if error.kind not in ("invalid", "conflict", "forbidden"):
            raise
        return _form(values, error), 422
    return _link(operator, token)


@pages.get("/<int:operator_id>")
@needs(Right.OPERATORS)
def show(operator_id: int) -> ResponseReturnValue:
    """One operator: roles, ways in, and what may be done."""
    with reading(Right.OPERATORS) as session:
        operator = _get(session, operator_id)
        official = _official(session, operator)
        return render_template(
            "operator.html",
            operator=operator,
            grants=_grants(session, operator.id).get(operator.id, []),
            official=official,
            left=session.scalar(select(has_left(operator.id))),
            names=role_names(),
            states=operator_states(),
            state=_state(operator),
            mine=operator.id == the_visitor().operator_id,
            now=services().clock(),
            purposes=[purpose for purpose in link_purposes().items() if _fits(operator, purpose[0])],
        )


@pages.post("/<int:operator_id>/give")
@needs(Right.OPERATORS, fresh=True)
def give(operator_id: int) -> ResponseReturnValue:
    """Give a role for an agency and all below it, until a day or for good."""
    with changing(Right.OPERATORS) as session:
        values = {name: request.form.get(name, "").strip() for name in _FIELDS}
        _give_role(session, _get(session, operator_id), _me(session), values, now=services().clock())
    return back_to(url_for("operators.show", operator_id=operator_id), "role-given")


@pages.post("/<int:operator_id>/take")
@needs(Right.OPERATORS, fresh=True)
def take(operator_id: int) -> ResponseReturnValue:
    """Take a role back."""
    with changing(Right.OPERATORS) as session:
        operator, agency = _get(session, operator_id), _agency(session, request.form.get("agency", ""))
        naming.withdraw(session, operator, _role(), agency, by=_me(session), now=services().clock())
    return back_to(url_for("operators.show", operator_id=operator_id), "role-taken")


@pages.post("/<int:operator_id>/link")
@needs(Right.OPERATORS, fresh=True)
def link(operator_id: int) -> ResponseReturnValue:
    """Show a new link, once: to set the account up, or to replace one factor."""
    found, purpose = services(), request.form.get("purpose", "")
    if purpose not in set(LinkPurpose):
        raise Invalid(
            Text(vi="Không có loại liên kết này.", en="There is no such link."), code="link-purpose"
        )
    with changing(Right.OPERATORS) as session:
        operator = _get(session, operator_id)
        token = administering.offer_link(
            session,
            operator,
            LinkPurpose(purpose),
            by=_me(session),
            sealer=found.sealer,
            now=found.clock(),
        )
    return _link(operator, token)


@pages.post("/<int:operator_id>/disable")
@needs(Right.OPERATORS, fresh=True)
def disable(operator_id: int) -> ResponseReturnValue:
    """Shut an operator out; their sessions end with this."""
    with changing(Right.OPERATORS) as session:
        naming.disable(session, _get(session, operator_id), by=the_visitor().name, now=services().clock())
    return back_to(url_for("operators.show", operator_id=operator_id), "operator-disabled")


@pages.post("/<int:operator_id>/enable")
@needs(Right.OPERATORS, fresh=True)
def enable(operator_id: int) -> ResponseReturnValue:
    """Let an operator in again."""
    with changing(Right.OPERATORS) as session:
        administering.enable(session, _get(session, operator_id), by=_me(session), now=services().clock())
    return back_to(url_for("operators.show", operator_id=operator_id), "operator-enabled")


@pages.post("/<int:operator_id>/tie")
@needs(Right.OPERATORS, fresh=True)
def tie(operator_id: int) -> ResponseReturnValue:
    """Say which official an operator is, by their mailbox, and who they are to the province's sign-on."""
    address, subject = request.form.get("official", "").strip(), request.form.get("subject", "").strip()
    with changing(Right.OPERATORS) as session:
        operator, me, now = _get(session, operator_id), _me(session), services().clock()
        official = _official(session, operator)
        if address != (official.address if official else ""):
            person = official_behind(session, address) if address else None
            administering.tie(session, operator, person, by=me, now=now)
        administering.identify(session, operator, subject or None, by=me, now=now)
    return back_to(url_for("operators.show", operator_id=operator_id), "operator-tied")


@pages.post("/<int:operator_id>/contact")
@needs(Right.OPERATORS, fresh=True)
def contact(operator_id: int) -> ResponseReturnValue:
    """Say where an operator without a mailbox is written to."""
    with changing(Right.OPERATORS) as session:
        operator, address = _get(session, operator_id), request.form.get("contact")
        administering.reach_at(session, operator, address, by=_me(session), now=services().clock())
    return back_to(url_for("operators.show", operator_id=operator_id), "operator-contact-set")


def _official(session: Session, operator: Operator) -> Row[str, str] | None:
    """The official who an operator is, and the address of their mailbox, or of their last one."""
    return session.execute(
        select(Person.full_name, Address.address)
        .join(Mailbox, Mailbox.person_id == Person.id)
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .where(Person.id == operator.person_id)
        .order_by(Mailbox.closed_at.is_(None).desc(), Mailbox.id.desc())
    ).first()


def _form(values: dict[str, str], error: ProvisionerError | None = None) -> str:
    where = _FIELD_OF.get(error.code) if error else None

    def problem(field: str) -> str | None:
        return spoken(error.text) if error and field == where else None

    return render_template(
        "operator-form.html",
        values=values,
        error=error if where is None else None,
        problem=problem,
        roles=role_names().items(),
    )


def _link(operator: Operator, token: Secret) -> str:
    address = url_for("links.show", token=token.reveal(), _external=True)
    return render_template(
        "operator-link.html", operator=operator, address=address, hours=int(GOOD_FOR.total_seconds() // 3600)
    )


def _get(session: Session, operator_id: int) -> Operator:
    found = session.get(Operator, operator_id)
    if found is None:
        raise NotFound(
            Text(vi="Không có người dùng này.", en="There is no such operator."), code="operator-unknown"
        )
    return found


def _me(session: Session) -> Operator:
    return session.get_one(Operator, the_visitor().operator_id)


def _give_role(
    session: Session, operator: Operator, me: Operator, values: dict[str, str], *, now: datetime
) -> None:
    agency = _agency(session, values["agency"])
    naming.grant(session, operator, _role(), agency, by=me, now=now, until=_until(values["until"]))


def _role() -> Role:
    wanted = request.form.get("role", "")
    if wanted not in set(Role):
        raise Invalid(Text(vi="Hãy chọn vai trò.", en="Choose a role."), code="role")
    return Role(wanted)


def _agency(session: Session, code: str) -> Agency | None:
    """The agency of this code; None for none, which is the whole province. Raises `Invalid`."""
    code = code.strip().replace("\x00", "")
    found = session.get(Agency, id_of(session, code) or 0)
    if code and found is None:
        raise Invalid(
            Text(vi="Không có cơ quan mang mã này.", en="There is no agency with this code."), code="agency"
        )
    return found


def _until(text: str) -> datetime | None:
    """The end of the last day in Vietnam; None for good. Raises `Invalid`."""
    if not text:
        return None
    try:
        return end_of(date.fromisoformat(text))
    except (ValueError, OverflowError):
        raise Invalid(
            Text(vi="Hãy ghi ngày theo dạng năm-tháng-ngày.", en="Give the day as year-month-day."),
            code="until",
        ) from None


def _grants(session: Session, *operator_ids: int) -> dict[int, list[tuple[Grant, Agency | None]]]:
    rows = session.execute(
        select(Grant, Agency)
        .outerjoin(Agency, Agency.id == Grant.agency_id)
        .where(Grant.operator_id.in_(operator_ids))
        .order_by(Grant.id)
    )
    found: dict[int, list[tuple[Grant, Agency | None]]] = {}
    for grant, agency in rows:
        found.setdefault(grant.operator_id, []).append((grant, agency))
    return found


def _state(operator: Operator) -> str:
    if operator.disabled_at is not None:
        return "disabled"
    return "ready" if operator.password_hash or operator.person_id or operator.subject else "invited"


def _in_state(state: str) -> ColumnElement[bool] | None:
    way_in = or_(
        Operator.password_hash.is_not(None), Operator.person_id.is_not(None), Operator.subject.is_not(None)
    )
    open_ = Operator.disabled_at.is_(None)
    conditions = {"disabled": ~open_, "ready": open_ & way_in, "invited": open_ & ~way_in}
    return conditions.get(state)


def _fits(operator: Operator, purpose: str) -> bool:
    """Whether a link of this kind makes sense: before the account is set up, or after."""
    return (purpose == LinkPurpose.SET_UP) is (operator.password_hash is None)
