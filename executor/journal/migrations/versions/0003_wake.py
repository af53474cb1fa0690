"""When the clock wakes a parked run."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("planrail_run", sa.Column("wake_at", sa.String(27)))
    is_set = sa.text("wake_at IS NOT NULL")
    columns = ["status", "wake_at", "id"]
    op.create_index("planrail_run_wake", "planrail_run", columns, sqlite_where=is_set, postgresql_where=is_set)


def downgrade() -> None:
    op.drop_index("planrail_run_wake", "planrail_run")
    op.drop_column("planrail_run", "wake_at")
