"""Slips with one-time codes: of chosen mailboxes, of a whole agency, and that they were handed out."""

from collections.abc import Sequence

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from provisioner import connecting
from provisioner.audit import Who
from provisioner.errors import Conflict, Text
from provisioner.mail import codes, handing_out, issuing
from provisioner.mail.slips import print_slips
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.operators.roles import Right
from provisioner.tenancy import whole
from provisioner.web.agencies import the_agency
from provisioner.web.answering import a_file, services
from provisioner.web.mailboxes import chosen
from provisioner.web.policies import needs
from provisioner.web.telling import back_to
from provisioner.web.visiting import changing, reading, the_visitor

pages = Blueprint("slips", __name__)

MOST = 2000
"""Slips of one answer: some seconds of the typesetter."""


@pages.post("/mailboxes/codes")
@needs(Right.CODES, fresh=True)
def of_chosen() -> ResponseReturnValue:
    """New codes for the chosen mailboxes, also those whose owners have a password; earlier slips are void."""
    with reading(Right.CODES) as session:
        addresses = session.scalars(
            select(Address.address)
            .join(Mailbox, Mailbox.id == Address.mailbox_id)
            .where(
                Address.is_primary,
                Mailbox.id.in_(chosen()),
                Mailbox.status == Status.ACTIVE,
                Mailbox.first_synced_at.is_not(None),
            )
            .order_by(Address.address)
        ).all()
        with whole(session):
            holders = [codes.holder_of(session, address) for address in addresses]
    if not holders:
        raise Conflict(
            Text(
                vi="Không hộp thư nào được chọn đang hoạt động trong danh bạ, nên không có mã nào được cấp.",
                en="None of the chosen mailboxes is active in the directory, so no code was made.",
            ),
            code="nobody-needs-a-code",
        )
    return _printed(holders)


@pages.post("/agencies/<int:agency_id>/slips")
@needs(Right.CODES, fresh=True)
def of_agency(agency_id: int) -> ResponseReturnValue:
    """Codes for all of an agency who have no password and, unless the form says so, hold no good code."""
    again, now = "again" in request.form, services().clock()
    with reading(Right.CODES) as session:
        agency = the_agency(session, agency_id)
        with whole(session):
            holders = codes.holders_in(session, agency.code, now=now, again=again, below=False)
    if not holders:
        raise issuing.nobody_needs_one()
    if len(holders) > MOST:
        raise Conflict(
            Text(
                vi=f"Cần in {len(holders):,} phiếu, nhiều hơn {MOST:,}; hãy in bằng «provisioner mail codes issue» trên máy chủ.",
                en=f"{len(holders):,} slips are to be printed, more than {MOST:,}; use “provisioner mail codes issue” on the "
                "server.",
            ),
            code="too-many-slips",
        )
    return _printed(holders)


@pages.post("/agencies/<int:agency_id>/handed-out")
@needs(Right.CODES)
def handed_out(agency_id: int) -> ResponseReturnValue:
    """The slips of an agency reached their owners."""
    with changing(Right.CODES) as session:
        agency = the_agency(session, agency_id)
        with whole(session):
            count = handing_out.deliver(
                session, agency.code, below=False, who=Who(the_visitor().name), now=services().clock()
            )
    said = "slips-handed-out" if count else "no-slips-to-hand-out"
    return back_to(url_for("agencies.show", agency_id=agency_id), said)


def _printed(holders: Sequence[codes.Holder]) -> ResponseReturnValue:
    """The slips as a PDF; the codes are kept nowhere else, and good once all of it is set."""
    found, now = services(), services().clock()
    expires_at = codes.good_until(now, days=found.settings.activation.code_days)
    wanted = [codes.NewCode(holder, codes.new_code()) for holder in holders]
    sheet = connecting.sheet(found.settings, found.password_policy)
    slips = print_slips(wanted, sheet=sheet, now=now, expires_at=expires_at)
    with changing(Right.CODES) as session, whole(session):
        issued = issuing.issue(session, wanted, who=Who(the_visitor().name), now=now, expires_at=expires_at)
    if issued.left_out:
        slips = print_slips(issued.made, sheet=sheet, now=now, expires_at=expires_at)
    return a_file(slips, "slips.pdf")
