"""The first tables: runs, events, receipts, artifacts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_run",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("goal", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("outside", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("tools", sa.Text, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.UniqueConstraint("principal", "key", name="planrail_run_key"),
    )
    op.create_index("planrail_run_newest", "planrail_run", ["created_at", "id"])
    op.create_index("planrail_run_status", "planrail_run", ["status", "created_at", "id"])
    op.create_index("planrail_run_principal", "planrail_run", ["principal", "created_at", "id"])
    op.create_index("planrail_run_principal_status", "planrail_run", ["principal", "status", "created_at", "id"])
    op.create_index("planrail_run_owner", "planrail_run", ["owner", "status"])
    op.create_table(
        "planrail_event",
        sa.Column("run", sa.String(200), sa.ForeignKey("planrail_run.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("epoch", sa.Integer),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "planrail_receipt",
        sa.Column("run", sa.String(200), sa.ForeignKey("planrail_run.id"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "planrail_artifact",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    for name in ("planrail_artifact", "planrail_receipt", "planrail_event", "planrail_run"):
        op.drop_table(name)
