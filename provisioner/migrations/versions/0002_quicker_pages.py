"""What is drawn of coverage may be remembered, and people are found by an index of the words of their names."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coverage_editions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_editions")),
    )
    if op.get_context().dialect.name == "postgresql":
        op.create_index(
            "ix_people_words",
            "people",
            [sa.text("array_to_tsvector(string_to_array(search_key, ' '))")],
            postgresql_using="gin",
        )


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_index("ix_people_words", table_name="people")
    op.drop_table("coverage_editions")
