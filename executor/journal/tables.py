"""The journal's tables, as SQLAlchemy Core sees them; migrations/ brings a database there, and a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    false,
)

HEAD = "0013"  # the newest migration; a test holds it equal to Alembic's head, so that Alembic loads only when it is needed
REVISION_TABLE = "planrail_revision"  # Alembic's table, under a name that cannot meet a pack's or a host's own

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class UtcTime(TypeDecorator[datetime]):
    """An instant as text of fixed width (`2026-11-22T10:11:29.000123Z`): sorts as time does, the same in every database."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot stand in the journal")
        return value.astimezone(UTC).strftime(_FORMAT)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


metadata = MetaData()

run_table = Table(
    "planrail_run",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("principal", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("digest", String(64), nullable=False),  # of the submission: tells a repeat from another one with the same key
    Column("goal", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("seq", Integer, nullable=False),  # of the last event
    Column("outside", Integer, nullable=False),  # seq of the last event that was appended without an epoch; 0: none
    Column("epoch", Integer, nullable=False),
    Column("owner", Text),
    Column("tools", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("wake_at", UtcTime),  # when the clock wakes a waiting run
    UniqueConstraint("principal", "key", name="planrail_run_key"),
)
Index("planrail_run_newest", run_table.c.created_at, run_table.c.id)
Index("planrail_run_status", run_table.c.status, run_table.c.created_at, run_table.c.id)
Index("planrail_run_principal", run_table.c.principal, run_table.c.created_at, run_table.c.id)
Index("planrail_run_principal_status", run_table.c.principal, run_table.c.status, run_table.c.created_at, run_table.c.id)
Index("planrail_run_owner", run_table.c.owner, run_table.c.status)
_WAKES = run_table.c.wake_at.is_not(None)
Index(
    "planrail_run_wake", run_table.c.status, run_table.c.wake_at, run_table.c.id, sqlite_where=_WAKES, postgresql_where=_WAKES
)

event_table = Table(
    "planrail_event",
    metadata,
    Column("run", String(200), ForeignKey("planrail_run.id"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("epoch", Integer),  # the epoch it was appended under; null: from outside
    Column("type", String(40), nullable=False),
    Column("body", Text, nullable=False),  # JSON
)

receipt_table = Table(
    "planrail_receipt",
    metadata,
    Column("run", String(200), ForeignKey("planrail_run.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("body", Text, nullable=False),  # JSON
)

artifact_table = Table(
    "planrail_artifact",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes
    Column("rows", BigInteger),
    Column("at", UtcTime, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

worker_table = Table(
    "planrail_worker",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("beats", BigInteger, nullable=False),  # grows while the worker's event loop moves; no clock is compared
)

session_table = Table(
    "planrail_session",
    metadata,
    Column("run", String(200), ForeignKey("planrail_run.id"), primary_key=True),
    Column("principal", Text, nullable=False),
    Column("name", String(200), nullable=False),
    Column("calls", BigInteger, nullable=False),  # what the run counts for: reserved while it is held, else used
    Column("usd", Double, nullable=False),
    Column("held", Boolean, nullable=False),
)
Index("planrail_session_name", session_table.c.principal, session_table.c.name)

quota_table = Table(
    "planrail_quota",
    metadata,
    Column("run", String(200), primary_key=True),  # or what else costs something: a preview
    Column("number", Integer, primary_key=True, autoincrement=False),  # of the run's days
    Column("account", Text, nullable=False),  # the principal, in whatever tenant
    Column("day", String(10), nullable=False),  # of UTC, by the database's clock
    Column("base", Double, nullable=False),  # what the run had cost, or reserved, before: this is what comes on top of it
    Column("usd", Double, nullable=False),  # reserved while it is held, else used
    Column("held", Boolean, nullable=False),
)
Index("planrail_quota_day", quota_table.c.account, quota_table.c.day)

plan_table = Table(
    "planrail_plan",
    metadata,
    Column("id", String(64), primary_key=True),  # the template's
    Column("principal", Text, nullable=False),
    Column("kind", String(16), nullable=False),  # of the principal: user, agent
    Column("anchor", String(16), nullable=False),  # digest of words that every goal of its form has
    Column("least_words", Integer, nullable=False),  # of a goal of its form
    Column("most_words", Integer, nullable=False),
    Column("goal", Text, nullable=False),  # the form, with {slots}
    Column("runs", Integer, nullable=False),  # that went well
    Column("used_at", UtcTime, nullable=False),
    Column("body", Text, nullable=False),  # JSON
)
Index("planrail_plan_anchor", plan_table.c.principal, plan_table.c.kind, plan_table.c.anchor)
Index("planrail_plan_used", plan_table.c.principal, plan_table.c.kind, plan_table.c.used_at)

shape_table = Table(
    "planrail_shape",
    metadata,
    Column("tool", String(200), primary_key=True),
    Column("contract", String(16), primary_key=True),  # digest of the tool's schemas and of what it says is trusted
    Column("version", Integer, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("body", Text, nullable=False),  # JSON
)

push_table = Table(
    "planrail_push",
    metadata,
    Column("run", String(200), ForeignKey("planrail_run.id"), primary_key=True),
    Column("id", String(200), primary_key=True),  # the subscriber's, among those of the run
    Column("place", Text, nullable=False),  # scheme, host and port of where it is told
    Column("body", Text, nullable=False),  # what its door needs to tell it, sealed
    Column("since", Integer, nullable=False),  # the run's last event when it subscribed
    Column("seq", Integer, nullable=False),  # of the last event that it was told of; 0: of none
    Column("part", Integer, nullable=False),  # of what the next event makes, so much was told already
    Column("lease", Integer, nullable=False),  # grows whenever somebody takes it, and fences what they settle
    Column("holder", Text),  # the worker that has it
    Column("until", BigInteger, nullable=False),  # the holder's lease; these times are the database's, ms since 1970
    Column("next_at", BigInteger, nullable=False),  # no attempt before
    Column("attempts", Integer, nullable=False),  # that failed, since one went well
    Column("failing_at", BigInteger),  # since when
    Column("told_at", BigInteger),  # when an attempt went well last
    Column("problem", Text, nullable=False),  # of the last attempt
    Column("dead", Boolean, nullable=False),  # given up, until somebody says "retry"
    Column("closed", Boolean, nullable=False),  # the run is over, and it was told everything
    Column("created_at", BigInteger, nullable=False),
    Column(
        "asleep", Boolean, nullable=False, server_default=false()
    ),  # nothing to be told; an event of the run wakes it, by a trigger
)
PUSH_AWAKE = and_(push_table.c.dead.is_(False), push_table.c.closed.is_(False), push_table.c.asleep.is_(False))
PUSH_HELD = push_table.c.holder.is_not(None)
Index("planrail_push_next", push_table.c.next_at, sqlite_where=PUSH_AWAKE, postgresql_where=PUSH_AWAKE)
Index("planrail_push_held", push_table.c.until, sqlite_where=PUSH_HELD, postgresql_where=PUSH_HELD)
Index("planrail_push_age", push_table.c.created_at)

signing_table = Table(
    "planrail_signing_key",
    metadata,
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("kid", String(64), nullable=False),
    Column("public", Text, nullable=False),  # JSON
    Column("sealed", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("retired_at", UtcTime),
)

key_table = Table(
    "planrail_key",
    metadata,
    Column("hash", String(80), primary_key=True),  # of the key's text, which nobody keeps
    Column("name", String(200), nullable=False),  # one at most of those that are good
    Column("principal", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("scopes", Text, nullable=False),  # JSON
    Column("tenants", Text, nullable=False),  # JSON
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    Column("used_at", UtcTime),  # roughly
)
Index("planrail_key_name", key_table.c.name)

schedule_table = Table(
    "planrail_schedule",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("principal", Text, nullable=False),
    Column("name", String(200), nullable=False),
    Column("cron", String(200), nullable=False),
    Column("zone", String(80), nullable=False),
    Column("submission", Text, nullable=False),  # JSON
    Column("overlap", String(8), nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("next_at", UtcTime, nullable=False),
    Column("fired_at", UtcTime),
    Column("run", String(32), nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("problem", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)
Index("planrail_schedule_name", schedule_table.c.principal, schedule_table.c.name, unique=True)
Index("planrail_schedule_next", schedule_table.c.next_at)

gone_table = Table(
    "planrail_gone",
    metadata,
    Column("run", String(200), primary_key=True),
    Column("whose", String(64), nullable=False),  # digest of its principal
    Column("key", String(64), nullable=False),  # digest of its principal and its idempotency key: it stays taken for a while
    Column("how", String(8), nullable=False),  # pruned, erased
    Column("created_at", UtcTime, nullable=False),  # the run's
    Column("at", UtcTime, nullable=False),
)
Index("planrail_gone_key", gone_table.c.key)
Index("planrail_gone_at", gone_table.c.at)

salt_table = Table(
    "planrail_salt",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("salt", String(64), nullable=False),  # of the digests in planrail_gone; made with the table
)

removal_table = Table(
    "planrail_removal",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(8), nullable=False),  # prune, erase
    Column("by", Text, nullable=False),
    Column("salt", String(32), nullable=False),
    Column("subject", String(128), nullable=False),  # its salted hash; "" where there is none
    Column("begun_at", UtcTime, nullable=False),
    Column("done_at", UtcTime),  # null: it was stopped in the middle, or goes on
    Column("counts", Text, nullable=False),  # JSON
)
Index("planrail_removal_begun", removal_table.c.begun_at)

spent_table = Table(
    "planrail_spent",
    metadata,
    Column("hour", String(13), primary_key=True),  # 2026-11-29T14, of UTC
    Column("what", String(8), primary_key=True),  # model, tools, runs
    Column("model", Text, primary_key=True),
    Column("runs", BigInteger, nullable=False),  # that were removed, by the hour of their last change
    Column("model_calls", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("cached_input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("estimated", BigInteger, nullable=False),  # calls whose figures were counted here
    Column("usd", Double, nullable=False),
)

session_past_table = Table(
    "planrail_session_past",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("runs", BigInteger, nullable=False),  # of the session that were removed, and what they had used
    Column("calls", BigInteger, nullable=False),
    Column("usd", Double, nullable=False),
    Column("at", UtcTime, nullable=False),  # of the last one's removal
)

loose_table = Table(
    "planrail_loose",
    metadata,
    Column("hash", String(64), primary_key=True),  # of an artifact that a removed run had
    Column("used_at", UtcTime, nullable=False),  # when that run was last changed
)
