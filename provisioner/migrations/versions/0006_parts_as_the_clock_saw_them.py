"""Parts of the system as the clock last saw them, and since when one does not answer."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    names = ("clock", "directory", "redis", "worker", "signer", "mail", "entries")
    op.create_table(
        "parts",
        sa.Column("name", sa.Enum(*names, name="name", native_enum=False, length=16), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble_vi", sa.String(length=500), nullable=True),
        sa.Column("trouble_en", sa.String(length=500), nullable=True),
        sa.Column("present", sa.Integer(), nullable=True),
        sa.Column("waiting", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_parts")),
    )


def downgrade() -> None:
    op.drop_table("parts")
