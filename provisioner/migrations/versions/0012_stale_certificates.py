"""Certificates that differ from the register are counted by an index of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_certificates_stale",
        "certificates",
        ["stale_since"],
        sqlite_where=sa.text("stale_since IS NOT NULL AND revoked_at IS NULL"),
        postgresql_where=sa.text("stale_since IS NOT NULL AND revoked_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_certificates_stale", table_name="certificates")
