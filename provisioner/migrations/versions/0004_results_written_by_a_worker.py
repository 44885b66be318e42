"""Results of large rosters are written by a worker and kept for a day."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "roster_results",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("format", sa.String(length=4), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows_written", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(length=64), nullable=True),
        sa.Column("trouble_detail", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "(made_at IS NULL) = (content_sealed IS NULL)", name=op.f("ck_roster_results_made_whole")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["roster_plans.id"], name=op.f("fk_roster_results_plan_id_roster_plans")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_results")),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("roster_results")
