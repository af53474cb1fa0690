"""Subscribers with nothing to be told are out of the workers' sight until their run has a new event: a trigger wakes them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_WAKE = "update planrail_push set asleep = false where run = new.id and asleep"
_SQLITE = f"""
create trigger planrail_push_wake after update of seq on planrail_run when new.seq > old.seq
begin {_WAKE}; end
"""
_POSTGRES = (
    f"create function planrail_push_wake() returns trigger language plpgsql as $$ begin {_WAKE}; return null; end $$",
    "create trigger planrail_push_wake after update of seq on planrail_run"
    " for each row when (new.seq > old.seq) execute function planrail_push_wake()",
)


def upgrade() -> None:
    op.add_column("planrail_push", sa.Column("asleep", sa.Boolean, nullable=False, server_default=sa.false()))
    op.drop_index("planrail_push_next", "planrail_push")
    awake = sa.and_(*(sa.column(name, sa.Boolean).is_(False) for name in ("dead", "closed", "asleep")))  # word for word what
    held = sa.column("holder").is_not(None)  # the queries say: else SQLite does not take the index
    op.create_index("planrail_push_next", "planrail_push", ["next_at"], sqlite_where=awake, postgresql_where=awake)
    op.create_index("planrail_push_held", "planrail_push", ["until"], sqlite_where=held, postgresql_where=held)
    op.create_index("planrail_push_age", "planrail_push", ["created_at"])
    for statement in [_SQLITE] if op.get_bind().dialect.name == "sqlite" else _POSTGRES:
        op.execute(sa.text(statement))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute(sa.text("drop trigger planrail_push_wake"))
    else:
        op.execute(sa.text("drop trigger planrail_push_wake on planrail_run"))
        op.execute(sa.text("drop function planrail_push_wake()"))
    for name in ("planrail_push_age", "planrail_push_held", "planrail_push_next"):
        op.drop_index(name, "planrail_push")
    op.drop_column("planrail_push", "asleep")
    open_rows = sa.text("not dead and not closed")
    op.create_index(
        "planrail_push_next", "planrail_push", ["next_at"], sqlite_where=open_rows, postgresql_where=open_rows
    )  # fmt: skip
