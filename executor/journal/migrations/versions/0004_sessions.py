"""What the runs of a session count for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_session",
        sa.Column("run", sa.String(200), sa.ForeignKey("planrail_run.id"), primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
    )
    op.create_index("planrail_session_name", "planrail_session", ["principal", "name"])


def downgrade() -> None:
    op.drop_table("planrail_session")
