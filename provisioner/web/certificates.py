"""Certificates: the list, each in detail with its history, and those that no longer say what the register says."""

from cryptography import x509
from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import and_, or_, select

from provisioner.certificates.models import Certificate, Issuer, RevocationItem, State
from provisioner.certificates.revoking import REASONS
from provisioner.errors import NotFound, Text
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.operators.roles import Right
from provisioner.tenancy import whole
from provisioner.web.listing import Cell, Choosing, Deed, asked, history, listed, page
from provisioner.web.policies import needs
from provisioner.web.speaking import day, gettext
from provisioner.web.visiting import reach, reading
from provisioner.web.wording import certificate_states, revocation_reasons

pages = Blueprint("certificates", __name__, url_prefix="/certificates")

_PRIMARY = and_(Address.mailbox_id == Mailbox.id, Address.is_primary)


@pages.get("")
@needs(Right.REGISTER)
def index() -> ResponseReturnValue:
    """Certificates, those that end first above."""
    state = asked("state")
    wanted = (
        select(Certificate, Address.address)
        .join(Mailbox, Mailbox.id == Certificate.mailbox_id)
        .join(Address, _PRIMARY)
        .where(
            or_(
                Address.address.contains(asked("q").lower(), autoescape=True),
                Certificate.serial == asked("q").lower(),
            )
        )
        .order_by(Certificate.not_after.is_(None), Certificate.not_after, Certificate.id)
    )
    if state == "stale":
        wanted = wanted.where(Certificate.stale_since.is_not(None), Certificate.revoked_at.is_(None))
    elif state == "revoked":
        wanted = wanted.where(Certificate.revoked_at.is_not(None))
    elif state in set(State):
        wanted = wanted.where(Certificate.state == State(state))
    with reading(Right.REGISTER) as session:
        found = page(session, wanted)
    names = certificate_states()
    rows = [
        [
            Cell(address, url_for("certificates.show", certificate_id=signed.id)),
            Cell(gettext("Revoked") if signed.revoked_at else names[signed.state]),
            Cell(day(signed.not_before)),
            Cell(day(signed.not_after)),
            Cell(signed.serial or "–"),
            Cell(day(signed.stale_since) if signed.stale_since else ""),
        ]
        for signed, address in found.rows
    ]
    heads = [
        gettext("Address"),
        gettext("State"),
        gettext("Good from"),
        gettext("Good until"),
        gettext("Serial number"),
        gettext("Differs from the register since"),
    ]
    choosing = Choosing([signed.id for signed, _ in found.rows], _deeds(), _reasons())
    states = names | {"revoked": gettext("Revoked"), "stale": gettext("Differs from the register")}
    return listed(gettext("Certificates"), heads, rows, found, states=states, choosing=choosing)


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
    subject = x509.load_der_x509_certificate(found.der).subject.rfc4514_string() if found.der else None
    return render_template(
        "certificate.html",
        found=found,
        address=address,
        issuer=issuer,
        subject=subject,
        events=events,
        proposals=proposals if reach(Right.REVOKE) else [],
        states=certificate_states(),
        reason_names=revocation_reasons(),
        deeds=_deeds() if found.der and not found.revoked_at else [],
        reasons=_reasons(),
    )


def _deeds() -> list[Deed]:
    if not reach(Right.REVOKE):
        return []
    return [Deed(gettext("Propose to revoke"), url_for("revocations.propose"), is_grave=True)]


def _reasons() -> list[tuple[str, str]]:
    names = revocation_reasons()
    return [(reason.value, names[reason.value]) for reason in REASONS]
