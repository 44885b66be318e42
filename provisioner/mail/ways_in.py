"""Mailboxes of operators: whoever sets their password can sign in as them, which takes all the rights they hold.

Asked when a code is made and again when it is used, because officials become operators and get roles in between.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.db import MOST_VALUES
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.models import Operator
from provisioner.operators.reach import Powers, powers_of


def beyond(session: Session, mailbox_ids: Sequence[int], *, by: str, now: datetime) -> set[int]:
    """Those of these mailboxes whose owners are operators with rights that `by` does not hold.

    A name that no operator has is that of the command line, where whoever holds the server is not asked, as in
    `operators.standing`. The session must see the whole province.
    """
    maker = session.scalars(select(Operator).where(Operator.name == by)).one_or_none()
    if maker is None:
        return set()
    held = Powers() if maker.disabled_at else powers_of(session, maker.id, now=now)
    tied = select(Mailbox.id, Operator.id.label("operator_id")).join(
        Operator, Operator.person_id == Mailbox.person_id
    )
    return {
        row.id
        for at in range(0, len(mailbox_ids), MOST_VALUES)
        for row in session.execute(tied.where(Mailbox.id.in_(mailbox_ids[at : at + MOST_VALUES])))
        if not held.covers(powers_of(session, row.operator_id, now=now))
    }
