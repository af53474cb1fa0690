"""Plans that ran well, by whose goals they are for and by words that these have."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_plan",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("anchor", sa.String(16), nullable=False),
        sa.Column("least_words", sa.Integer, nullable=False),
        sa.Column("most_words", sa.Integer, nullable=False),
        sa.Column("goal", sa.Text, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("used_at", sa.String(27), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("planrail_plan_anchor", "planrail_plan", ["principal", "kind", "anchor"])
    op.create_index("planrail_plan_used", "planrail_plan", ["principal", "kind", "used_at"])


def downgrade() -> None:
    op.drop_table("planrail_plan")
