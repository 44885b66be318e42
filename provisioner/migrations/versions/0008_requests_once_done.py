"""A request that was done stays done; the end of another authority's certificate is a day in Vietnam."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_NO_END = datetime(9999, 12, 30, tzinfo=UTC)


def upgrade() -> None:
    with op.batch_alter_table("requests") as batch_op:
        batch_op.add_column(sa.Column("done_at", sa.DateTime(timezone=True), nullable=True))
    # Whose askers were told was done then, whatever was revoked since; the clock sees the others.
    op.execute(
        "UPDATE requests SET done_at = (SELECT min(notices.queued_at) FROM notices "
        "WHERE notices.reason = 'request-done' AND notices.about = 'request:' || requests.id)"
    )
    foreign = sa.table("foreign_certificates", sa.column("not_after", sa.DateTime(timezone=True)))
    op.execute(foreign.update().where(foreign.c.not_after > _NO_END).values(not_after=_NO_END))


def downgrade() -> None:
    with op.batch_alter_table("requests") as batch_op:
        batch_op.drop_column("done_at")
