"""What runs take of their principals' days."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_quota",
        sa.Column("run", sa.String(200), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("base", sa.Double, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
    )
    op.create_index("planrail_quota_day", "planrail_quota", ["account", "day"])


def downgrade() -> None:
    op.drop_table("planrail_quota")
