"""What stays of runs that were removed: that they are gone, whose keys are taken, what they had cost; and receipts of it."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "planrail_gone",
        sa.Column("run", sa.String(200), primary_key=True),
        sa.Column("whose", sa.String(64), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("how", sa.String(8), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
    )
    op.create_index("planrail_gone_key", "planrail_gone", ["key"])
    op.create_index("planrail_gone_at", "planrail_gone", ["at"])
    salts = op.create_table(
        "planrail_salt",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("salt", sa.String(64), nullable=False),
    )
    op.bulk_insert(salts, [{"id": 1, "salt": secrets.token_hex(32)}])
    op.create_table(
        "planrail_removal",
        sa.Column("id", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("begun_at", sa.String(27), nullable=False),
        sa.Column("done_at", sa.String(27)),
        sa.Column("counts", sa.Text, nullable=False),
    )
    op.create_index("planrail_removal_begun", "planrail_removal", ["begun_at"])
    op.create_table(
        "planrail_spent",
        sa.Column("hour", sa.String(13), primary_key=True),
        sa.Column("what", sa.String(8), primary_key=True),
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("runs", sa.BigInteger, nullable=False),
        sa.Column("model_calls", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
    )
    op.create_table(
        "planrail_session_past",
        sa.Column("principal", sa.Text, primary_key=True),
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("runs", sa.BigInteger, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Double, nullable=False),
        sa.Column("at", sa.String(27), nullable=False),
    )
    op.create_table(
        "planrail_loose",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("used_at", sa.String(27), nullable=False),
    )


def downgrade() -> None:
    for name in ("loose", "session_past", "spent", "removal", "salt", "gone"):
        op.drop_table(f"planrail_{name}")
