"""Workers that show by a heartbeat that they live (on SQLite they hold a file lock instead)."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_worker",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("beats", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("planrail_worker")
