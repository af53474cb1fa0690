"""Who outside is told of which run, and how far."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_push",
        sa.Column("run", sa.String(200), sa.ForeignKey("planrail_run.id"), primary_key=True),
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("since", sa.Integer, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("lease", sa.Integer, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failing_at", sa.BigInteger),
        sa.Column("told_at", sa.BigInteger),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("dead", sa.Boolean, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    open_rows = sa.text("not dead and not closed")
    op.create_index(
        "planrail_push_next", "planrail_push", ["next_at"], sqlite_where=open_rows, postgresql_where=open_rows
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("planrail_push")
