"""Use: mailboxes that nobody uses, and those that are nearly full, to be chosen from a list."""

from flask import Blueprint, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import and_, func, or_, select

from provisioner.agencies.models import Agency
from provisioner.coverage.figures import Measure, percent
from provisioner.mail.sizes import NEARLY, is_filled, quota_column
from provisioner.mail.usage import is_unused
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.mailboxes.searching import ways
from provisioner.operators.roles import Right
from provisioner.people.models import Person, Post, is_last_post
from provisioner.web.answering import services
from provisioner.web.listing import MOST_FOUND, Cell, asked, listed, the_part
from provisioner.web.paging import page_of
from provisioner.web.policies import needs
from provisioner.web.speaking import gettext, language, moment
from provisioner.web.visiting import reading
from provisioner.web.wording import quota

pages = Blueprint("usage", __name__, url_prefix="/usage")

_IDLE = (45, 90, 180)


@pages.get("")
@needs(Right.REGISTER)
def index() -> ResponseReturnValue:
    """Open mailboxes of one kind of use: never used at first; the longest unused, or the fullest, go before."""
    now, quotas = services().clock(), services().quotas
    names = {"never": gettext("Never used")}
    names |= {f"idle-{days}": gettext("Not used for %(days)s days", days=days) for days in _IDLE}
    names |= {
        f"full-{share:.0%}".rstrip("%"): gettext("%(share)s of the quota or more", share=f"{share:.0%}")
        for share in NEARLY
    }
    kind, _, figure = (asked("state") if asked("state") in names else "never").partition("-")
    is_wanted = (
        is_filled(quotas, int(figure) / 100)
        if kind == "full"
        else is_unused(now=now, days=int(figure) if figure else None)
    )
    limit = quota_column(quotas)
    first = func.coalesce(Mailbox.size_bytes, 0) * 1.0 / limit if kind == "full" else None
    wanted = (
        select(Mailbox, Address.address, Person.full_name, Agency.name, limit)
        .join(Address, and_(Address.mailbox_id == Mailbox.id, Address.is_primary))
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .outerjoin(Post, and_(Post.person_id == Person.id, is_last_post()))
        .join(Agency, or_(Agency.id == Mailbox.agency_id, Agency.id == Post.agency_id))
        .where(
            Mailbox.closed_at.is_(None),
            Mailbox.first_synced_at.is_not(None),
            is_wanted,
        )
        .order_by(first.desc() if first is not None else Mailbox.last_used_at, Address.address)
    )
    with reading(Right.REGISTER) as session:
        part = the_part(session)
        if asked("q"):
            wanted = wanted.where(or_(*ways(session, asked("q"), services().reference.words)))
        found = page_of(session, part.of(wanted), most=MOST_FOUND if asked("q") else None)
    rows = [
        [
            Cell(address, url_for("mailboxes.show", mailbox_id=box.id)),
            Cell(person or box.unit_name or "–"),
            Cell(agency),
            Cell(moment(box.first_synced_at)),
            Cell(moment(box.last_used_at)),
            Cell(_filled(box.size_bytes, allowed)),
        ]
        for box, address, person, agency, allowed in found.rows
    ]
    heads = [
        gettext("Address"),
        gettext("Owner"),
        gettext("Agency"),
        gettext("In the directory since"),
        gettext("Last used"),
        gettext("Holds"),
    ]
    return listed(gettext("Use of mailboxes"), heads, rows, found, states=names, part=part)


def _filled(size: int | None, allowed: int) -> str:
    return "–" if size is None else f"{percent(Measure(size, allowed), language())} / {quota(allowed)}"
