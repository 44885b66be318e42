"""Agencies as they were until a day: names, blocs, levels and parents, for reports of days gone by."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_agencies",
        sa.Column("agency_id", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("short_name", sa.String(length=64), nullable=True),
        sa.Column("bloc", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agencies.id"], name=op.f("fk_former_agencies_agency_id_agencies")
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["agencies.id"], name=op.f("fk_former_agencies_parent_id_agencies")
        ),
        sa.PrimaryKeyConstraint("agency_id", "until", name=op.f("pk_former_agencies")),
    )


def downgrade() -> None:
    op.drop_table("former_agencies")
