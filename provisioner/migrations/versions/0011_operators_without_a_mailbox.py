"""Where operators without a mailbox are written to, and people whose names were guessed, in their order."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("operators") as batch_op:
        batch_op.add_column(sa.Column("contact_email", sa.String(length=254), nullable=True))
    op.create_index(
        "ix_people_guessed",
        "people",
        ["sort_key", "id"],
        sqlite_where=sa.text("name_confirmed = 0"),
        postgresql_where=sa.text("NOT name_confirmed"),
    )


def downgrade() -> None:
    op.drop_index("ix_people_guessed", "people")
    with op.batch_alter_table("operators") as batch_op:
        batch_op.drop_column("contact_email")
