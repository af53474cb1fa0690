"""Schedules: what is submitted again and again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_schedule",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("cron", sa.String(200), nullable=False),
        sa.Column("zone", sa.String(80), nullable=False),
        sa.Column("submission", sa.Text, nullable=False),
        sa.Column("overlap", sa.String(8), nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("next_at", sa.String(27), nullable=False),
        sa.Column("fired_at", sa.String(27)),
        sa.Column("run", sa.String(32), nullable=False),
        sa.Column("skipped", sa.Integer, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
    )
    op.create_index("planrail_schedule_name", "planrail_schedule", ["principal", "name"], unique=True)
    op.create_index("planrail_schedule_next", "planrail_schedule", ["next_at"])


def downgrade() -> None:
    op.drop_table("planrail_schedule")
