"""Issuing anew what its owner has lost: whatever is good of it is revoked, and another is on order."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.crl import Reason
from ca.profiles import Profile
from provisioner.audit import Who, record
from provisioner.certificates.finding import open_mailbox_of, primary_of
from provisioner.certificates.models import Certificate, Purpose, State, is_good_or_held, is_live
from provisioner.certificates.ordering import order_again, ordered
from provisioner.certificates.revoking import revoke_one
from provisioner.certificates.subjects import require_certifiable
from provisioner.days import day_of
from provisioner.errors import Conflict, Text


def reissue(
    session: Session,
    address: str,
    *,
    purpose: Purpose,
    reason: Reason,
    who: Who,
    profiles: Mapping[str, Profile],
    per_hour: int,
    now: datetime,
) -> Sequence[str]:
    """Revoke every good certificate of this mailbox and purpose and see that another is on order; their serials.

    A renewal that was not handed over yet is as good as the one it follows, and nobody says which was lost; one that
    is only ordered has a key of its own and is what comes next. Raises `NotFound` for the address, `Conflict` for a
    closed mailbox or when nothing is good, and as `require_certifiable` and `revoke_one`.
    """
    mailbox = open_mailbox_of(session, address)
    require_certifiable(session, [mailbox.id], purpose, today=day_of(now))
    ours = (Certificate.mailbox_id == mailbox.id, Certificate.purpose == purpose)
    good = session.execute(
        select(Certificate.id, Certificate.serial)
        .where(*ours, Certificate.not_after > now, is_good_or_held())
        .order_by(Certificate.id)
    ).all()
    if not good:
        raise Conflict(
            Text(
                vi=f"{address} không có chứng thư nào còn hiệu lực.", en=f"{address} has no live certificate."
            ),
            code="nothing-to-reissue",
        )
    for row in good:
        revoke_one(session, row.id, reason=reason, who=who, profiles=profiles, per_hour=per_hour, now=now)
    live = session.scalars(select(Certificate).where(*ours, is_live()).with_for_update()).one_or_none()
    if live is None or live.state is State.ISSUED:
        order_again(session, live or session.get_one(Certificate, good[-1].id), by=who.actor, now=now)
        record(session, who, [ordered(primary_of(session, mailbox.id), purpose)], now=now)
    return [row.serial or "" for row in good]
