"""Certificates: the list, each in detail with its history, and those that no longer say what the register says."""

from cryptography import x509
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import ColumnElement, and_, func, select

from ca.lint_names import LABELS
from provisioner.agencies.models import Agency
from provisioner.certificates.models import Certificate, Issuer, RevocationItem, State
from provisioner.certificates.refusals import told
from provisioner.certificates.revoking import REASONS
from provisioner.certificates.staleness import is_stale
from provisioner.errors import NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators.roles import Right
from provisioner.people.models import Person
from provisioner.tenancy import whole
from provisioner.web.answering import services
from provisioner.web.listing import Cell, Choosing, Deed, asked, history, listed, of_mailboxes
from provisioner.web.policies import needs
from provisioner.web.speaking import day, gettext
from provisioner.web.visiting import reach, reading
from provisioner.web.wording import certificate_state, certificate_states, revocation_reasons

pages = Blueprint("certificates", __name__, url_prefix="/certificates")

_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)


@pages.get("")
@needs(Right.REGISTER)
def index() -> ResponseReturnValue:
    """Certificates, those that end first above; found as their mailboxes are, or by serial number."""
    state = asked("state")
    is_open = Certificate.not_after.is_(None).label("is_open")
    wanted = select(is_open, Certificate.not_after, Certificate.id).join(
        Mailbox, Mailbox.id == Certificate.mailbox_id
    )
    ended = and_(Certificate.revoked_at.is_(None), Certificate.not_after <= services().clock())
    if state == "stale":
        wanted = wanted.where(is_stale(services().clock()))
    elif state == "revoked":
        wanted = wanted.where(Certificate.revoked_at.is_not(None))
    elif state == "expired":
        wanted = wanted.where(ended)
    elif state == State.ISSUED:
        wanted = wanted.where(Certificate.state == State.ISSUED, Certificate.revoked_at.is_(None), ~ended)
    elif state in set(State):
        wanted = wanted.where(Certificate.state == State(state))
    with reading(Right.REGISTER) as session:
        found = of_mailboxes(session, wanted, _has_serial(asked("q")))
        beside = (
            select(
                Certificate, Address.address, func.coalesce(Person.full_name, Mailbox.unit_name, Agency.name)
            )
            .join(Mailbox, Mailbox.id == Certificate.mailbox_id)
            .join(Address, _PRIMARY)
            .outerjoin(Person, Person.id == Mailbox.person_id)
            .outerjoin(Agency, Agency.id == Mailbox.agency_id)
            .where(Certificate.id.in_([row.id for row in found.rows]))
        )
        known = {signed.id: (signed, address, owner) for signed, address, owner in session.execute(beside)}
    rows = [
        [
            Cell(address, url_for("certificates.show", certificate_id=signed.id)),
            Cell(owner or "–"),
            Cell(certificate_state(signed)[1]),
            Cell(day(signed.not_before)),
            Cell(day(signed.not_after)),
            Cell(signed.serial or "–"),
            Cell(day(signed.stale_since) if signed.stale_since else ""),
        ]
        for signed, address, owner in (known[row.id] for row in found.rows)
    ]
    heads = [
        gettext("Address"),
        gettext("Owner"),
        gettext("State"),
        gettext("Good from"),
        gettext("Good until"),
        gettext("Serial number"),
        gettext("Differs from the register since"),
    ]
    choosing = Choosing([row.id for row in found.rows], _deeds(), _reasons())
    states = certificate_states() | {"stale": gettext("Differs from the register")}
    return listed(gettext("Certificates"), heads, rows, found, states=states, choosing=choosing)


def _has_serial(written: str) -> ColumnElement[bool]:
    """The certificate with this serial number, however programs write one; by the index, which begins with the issuer."""
    serial = written.lower().replace(":", "").lstrip("0")
    return and_(Certificate.issuer_id.in_(select(Issuer.id)), Certificate.serial == serial)


@pages.get("/<int:certificate_id>")
@needs(Right.REGISTER)
def show(certificate_id: int) -> ResponseReturnValue:
    """One certificate: what it says, who issued it, its life day by day, and its history."""
    with reading(Right.REGISTER) as session:
        found = session.get(Certificate, certificate_id)
        if found is None:
            raise NotFound(
                Text(vi="Không có chứng thư này.", en="There is no such certificate."),
                code="certificate-unknown",
            )
        address = session.scalar(
            select(Address.address).where(Address.mailbox_id == found.mailbox_id, Address.is_primary)
        )
        issuer = session.get(Issuer, found.issuer_id) if found.issuer_id else None
        with whole(session):
            proposals = session.scalars(
                select(RevocationItem.plan_id).where(RevocationItem.certificate_id == certificate_id)
            ).all()
        events = history(session, ("certificate", str(certificate_id)))
    may_be_revoked = (
        found.revoked_at is None and found.not_after is not None and found.not_after > services().clock()
    )
    named = x509.load_der_x509_certificate(found.der).subject if found.der else None
    return render_template(
        "certificate.html",
        found=found,
        address=address,
        trouble=told(found.trouble, found.trouble_detail),
        issuer=issuer,
        subject=named.rfc4514_string(LABELS) if named else None,
        events=events,
        proposals=proposals if reach(Right.REVOKE) else [],
        certificate_state=certificate_state,
        reason_names=revocation_reasons(),
        deeds=_deeds() if may_be_revoked else [],
        reasons=_reasons(),
    )


def _deeds() -> list[Deed]:
    if not reach(Right.REVOKE):
        return []
    return [Deed(gettext("Propose to revoke"), url_for("revocations.propose"), is_grave=True)]


def _reasons() -> list[tuple[str, str]]:
    names = revocation_reasons()
    return [(reason.value, names[reason.value]) for reason in REASONS]
