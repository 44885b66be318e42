"""Who or what locked a mailbox, which was read off the sentence that gave the reason."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIMERS = {
    "unused": "không sử dụng / not in use",
    "left": "chủ hộp thư đã thôi giữ chức vụ / its owner left office",
}
"""What the timers wrote until now."""


def upgrade() -> None:
    words = sa.Enum("person", "unused", "left", name="lockedby", native_enum=False, length=16)
    op.add_column("mailboxes", sa.Column("locked_by", words, nullable=True))
    mailboxes = sa.table(
        "mailboxes", *map(sa.column, ("id", "status", "status_reason", "status_since", "locked_by"))
    )
    rows = sa.table("roster_rows", *map(sa.column, ("mailbox_id", "outcome", "applied_at")))
    locked = sa.update(mailboxes).where(mailboxes.c.status == "locked")
    op.execute(locked.values(locked_by="person"))
    for word, sentence in _TIMERS.items():
        op.execute(locked.where(mailboxes.c.status_reason == sentence).values(locked_by=word))
    # Rosters and letters lock only whom they let leave, in the very transaction that applies the row.
    here = mailboxes.alias("here")
    by_decision = (
        sa.select(here.c.id)
        .join(rows, (rows.c.mailbox_id == here.c.id) & (rows.c.applied_at == here.c.status_since))
        .where(rows.c.outcome == "change")
    )
    op.execute(locked.where(mailboxes.c.id.in_(by_decision)).values(locked_by="left"))


def downgrade() -> None:
    op.drop_column("mailboxes", "locked_by")
