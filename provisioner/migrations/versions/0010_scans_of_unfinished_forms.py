"""A scan that came with the form of a request which was not kept yet, for a day."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_scans",
        sa.Column("uid", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("uid", name=op.f("pk_kept_scans")),
    )
    op.create_index(op.f("ix_kept_scans_kept_at"), "kept_scans", ["kept_at"])


def downgrade() -> None:
    op.drop_table("kept_scans")
