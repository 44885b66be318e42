"""Rows of a roster that ask for something else than the policies give are marked, for whoever approves it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("roster_plans") as batch_op:
        batch_op.add_column(sa.Column("standing_out", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("roster_rows") as batch_op:
        batch_op.add_column(sa.Column("stands_out", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index(
            "ix_roster_rows_standing_out",
            ["plan_id", "number"],
            sqlite_where=sa.text("stands_out = 1"),
            postgresql_where=sa.text("stands_out"),
        )


def downgrade() -> None:
    with op.batch_alter_table("roster_rows") as batch_op:
        batch_op.drop_index("ix_roster_rows_standing_out")
        batch_op.drop_column("stands_out")
    with op.batch_alter_table("roster_plans") as batch_op:
        batch_op.drop_column("standing_out")
