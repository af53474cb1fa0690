"""Outbox: who outside is told of which run, and how far: one row a subscriber. What it is told stands in the run's journal.

A row is due when its run has events that it was not told of, the time of its next attempt has come, and nobody has it. Whoever
takes it gets its next lease; what is settled names that lease, and counts only while the row has it: a worker that slept
through its lease changes nothing. A configuration that is changed has its next lease too, but stays in the same hand until that
has seen it: nobody else tells it meanwhile. All times are the database's own, so that no two machines' clocks are compared.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    update,
)  # fmt: skip

from executor.errors import UnknownRun
from executor.journal.dialect import Dialect
from executor.journal.readers import Readers
from executor.journal.tables import PUSH_AWAKE, PUSH_HELD
from executor.journal.tables import push_table as push
from executor.journal.tables import run_table as run
from executor.journal.writer import Writer


class Subscriber(BaseModel):
    """Somebody who is told of a run, as the row says. Times are milliseconds since 1970, by the database's clock."""

    model_config = ConfigDict(frozen=True)

    run: str
    id: str
    place: str  # scheme, host and port of where it is told
    body: str  # what its door needs to tell it, sealed
    since: int  # the run's last event when it subscribed: it is told what the run was then, and each event after
    seq: int  # of the last event that it was told of; 0: of none
    part: int  # of what the next event makes, so much was told already
    lease: int
    holder: str | None
    until: int
    next_at: int
    attempts: int
    failing_at: int | None
    told_at: int | None
    problem: str
    dead: bool
    closed: bool
    asleep: bool
    created_at: int
    now: int  # when this was read


class Wish(BaseModel):
    """Who wants to be told of a run, and from which of its events on; None: from the present one."""

    model_config = ConfigDict(frozen=True)

    id: str
    place: str
    body: str
    since: int | None = None


class SqlOutbox:
    """The outbox in the journal's database, which any number of processes share."""

    def __init__(self, readers: Readers, writer: Writer, dialect: Dialect) -> None:
        self._readers = readers
        self._writer = writer
        self._dialect = dialect
        self._now: ColumnElement[int] = literal_column(dialect.clock_ms)
        self._row = (*push.c, self._now.label("now"))
        self._holds = select(push.c.lease).where(_HELD)  # what is asked for each notification is built once
        self._told = update(push).where(_HELD).values(
            seq=bindparam("to_seq"), part=bindparam("to_part"), told_at=self._now, **_UNHURT
        )  # fmt: skip
        self._left = update(push).where(_HELD).values(**_FREE)
        self._left_at = self._left.values(
            seq=bindparam("to_seq"), part=0, asleep=bindparam("asleep_now"), closed=bindparam("over")
        )  # fmt: skip

    async def put(self, run_id: str, wish: Wish, *, most: int) -> Subscriber | None:
        """Subscribe; the same id again changes where and how it is told, and not how far that is.

        None where the run has `most` subscribers already. Raises UnknownRun.
        """
        return await self._writer.write(lambda c: self._put(c, run_id, wish, most), order=_order(run_id))

    def _put(self, connection: Connection, run_id: str, wish: Wish, most: int) -> Subscriber | None:
        name = wish.id
        self._dialect.lock_name(connection, _order(run_id))
        seq = connection.execute(select(run.c.seq).where(run.c.id == run_id)).scalar_one_or_none()
        if seq is None:
            raise UnknownRun(f"There is no run {run_id}.")
        others = select(func.count()).where(push.c.run == run_id, push.c.id != name)
        if connection.execute(others).scalar_one() >= most:
            return None
        new = {
            "run": run_id, "id": name, "place": wish.place, "body": wish.body, "since": wish.since or seq, "seq": 0, "part": 0,
            "lease": 0, "until": 0, "next_at": self._now, "attempts": 0, "problem": "", "dead": False, "closed": False,
            "created_at": self._now, "asleep": False,
        }  # fmt: skip
        made = connection.execute(self._dialect.insert_once(push, "run", "id").values(new).returning(push.c.id)).first()
        if made is None:
            lost = push.c.lease + 1  # whoever tells it now sees that at the next notification, and leaves it
            fresh = {"place": wish.place, "body": wish.body, "next_at": self._now, "lease": lost, "asleep": False, **_UNHURT}
            connection.execute(update(push).where(_is(run_id, name)).values(fresh))
        return self._read_one(connection, run_id, name)

    async def get(self, run_id: str, name: str) -> Subscriber | None:
        return await self._readers.read(lambda c: self._read_one(c, run_id, name))

    def _read_one(self, connection: Connection, run_id: str, name: str) -> Subscriber | None:
        row = connection.execute(select(*self._row).where(_is(run_id, name))).one_or_none()
        return None if row is None else _subscriber(row)

    async def of(self, run_id: str) -> list[Subscriber]:
        """The run's subscribers, by their names."""
        wanted = select(*self._row).where(push.c.run == run_id).order_by(push.c.id)
        return await self._readers.read(lambda c: [_subscriber(row) for row in c.execute(wanted)])

    async def remove(self, run_id: str, name: str) -> bool:
        """Tell it nothing any more; whether it was there."""
        gone = delete(push).where(_is(run_id, name))
        return await self._writer.write(lambda c: c.execute(gone).rowcount > 0, order=_order(run_id))

    async def find(self, *, dead: bool = False, limit: int = 200) -> list[Subscriber]:
        """Those of all runs, the newest first; with `dead` those alone that were given up."""
        wanted = select(*self._row).where(push.c.dead if dead else true())
        wanted = wanted.order_by(push.c.created_at.desc(), push.c.run, push.c.id).limit(limit)
        return await self._readers.read(lambda c: [_subscriber(row) for row in c.execute(wanted)])

    async def count(self) -> Mapping[str, int]:
        """How many there are in all, how many still have something to be told, fail, and were given up."""
        sums = {"all": true(), "open": _OPEN, "failing": and_(_OPEN, push.c.attempts > 0), "dead": push.c.dead}
        wanted = select(*(func.count().filter(which).label(name) for name, which in sums.items())).select_from(push)
        return await self._readers.read(lambda c: dict(c.execute(wanted).one()._mapping))

    async def revive(self, run_id: str | None = None, name: str | None = None) -> int:
        """Try those of a run again that were given up or wait for their next attempt, or the one; how many.

        Without a run: those of all runs that were given up.
        """
        of_run = push.c.dead if run_id is None else and_(push.c.run == run_id, push.c.attempts > 0)
        which = and_(of_run, push.c.id == name if name is not None else true())
        fresh = update(push).where(which).values(next_at=self._now, **_UNHURT)
        order = _LAST if run_id is None else _order(run_id)
        return await self._writer.write(lambda c: c.execute(fresh).rowcount, order=order)

    async def due(self, limit: int, *, full: Collection[str] = ()) -> list[Subscriber]:
        """Those that something is to be told, and nobody has, the longest due first; none at the places that are `full`."""
        return await self._readers.read(lambda c: [_subscriber(row) for row in c.execute(self.due_statement(limit, full))])

    def due_statement(self, limit: int, full: Collection[str] = ()) -> Select[Any]:
        """What `due` asks."""
        free = and_(self._is_free(), push.c.next_at <= self._now, push.c.place.not_in(sorted(full)))
        wanted = select(*self._row).join(run, run.c.id == push.c.run).where(PUSH_AWAKE, run.c.seq > push.c.seq, free)
        return wanted.order_by(push.c.next_at).limit(limit)

    async def next_due_ms(self) -> int | None:
        """How long until an attempt's time comes, or a lease ends; None where nothing will be without an event of a run."""
        first, ends = self.next_statements()

        def read(connection: Connection) -> int | None:
            found = [connection.execute(each).scalar_one_or_none() for each in (first, ends)]
            return min((ms for ms in found if ms is not None), default=None)

        return await self._readers.read(read)

    def next_statements(self) -> tuple[Select[Any], Select[Any]]:
        """What `next_due_ms` asks."""
        first = select(push.c.next_at - self._now).where(PUSH_AWAKE, push.c.next_at > self._now).order_by(push.c.next_at)
        ends = select(push.c.until - self._now).where(PUSH_HELD, push.c.until > self._now).order_by(push.c.until)
        return first.limit(1), ends.limit(1)

    async def take(self, found: Collection[Subscriber], holder: str, *, lease_ms: int) -> list[Subscriber]:
        """Have them, each under its next lease; without those that somebody else was quicker with, or that are gone."""
        mine = {"lease": push.c.lease + 1, "holder": holder, "until": self._now + lease_ms}
        keys = [(each.run, each.id, each.lease) for each in found]
        free = select(push.c.run, push.c.id).where(
            tuple_(push.c.run, push.c.id, push.c.lease).in_(keys), self._is_free(), _OPEN
        )
        free = free.with_for_update(skip_locked=True)  # what another worker takes just now is not waited for
        taken = update(push).where(tuple_(push.c.run, push.c.id).in_(free)).values(mine).returning(*self._row)
        return await self._writer.write(lambda c: [_subscriber(row) for row in c.execute(taken)], order=_LAST)

    async def renew(self, holder: str, *, lease_ms: int) -> None:
        """Keep all that the worker has for so long from now on."""
        kept = update(push).where(push.c.holder == holder).values(until=self._now + lease_ms)
        await self._writer.write(lambda c: c.execute(kept).rowcount, order=_LAST)

    async def holds(self, held: Subscriber) -> bool:
        """Whether the lease is good: it is there, and nobody else has it or has changed it."""
        return await self._readers.read(lambda c: c.execute(self._holds, _lease(held)).first() is not None)

    async def told(self, held: Subscriber, *, seq: int, part: int) -> bool:
        """It was told all events up to `seq`, and `part` of what the next one makes; False where the lease is lost."""
        new = {**_lease(held), "to_seq": seq, "to_part": part}
        return await self._writer.write(lambda c: c.execute(self._told, new).rowcount > 0, order=_order(held.run))

    async def failed(self, held: Subscriber, problem: str, *, wait_ms: int, give_up: bool) -> bool:
        """An attempt failed: let go of it, until its next one, or until somebody revives it."""
        hurt = {
            "attempts": push.c.attempts + 1, "failing_at": func.coalesce(push.c.failing_at, self._now), "problem": problem,
            "next_at": self._now + wait_ms, "dead": give_up, **_FREE,
        }  # fmt: skip
        return await self._settle(held, hurt)

    async def let_go(self, held: Subscriber, *, seq: int | None = None, over: bool = False) -> bool:
        """Let go of it; it was told what there was up to `seq`, if that is said, which is the end of a run that is `over`."""
        left = self._left if seq is None else self._left_at

        def write(connection: Connection) -> bool:
            new: dict[str, Any] = _lease(held)
            if seq is not None:  # nobody appends until this is committed
                whole = connection.execute(_SEQ, {"of": held.run}).scalar_one_or_none() == seq
                new |= {"to_seq": seq, "asleep_now": whole, "over": whole and over}
            return connection.execute(left, new).rowcount > 0

        return await self._writer.write(write, order=_order(held.run))

    async def leave(self, held: Subscriber) -> None:
        """Let go of it after its configuration was changed: somebody tells it by that at once."""
        changed = and_(_HELD, push.c.holder == held.holder)
        free = update(push).where(changed).values(_FREE)
        new = {**_lease(held), "held": held.lease + 1}
        await self._writer.write(lambda c: c.execute(free, new).rowcount, order=_order(held.run))

    async def tidy(self, *, keep_ms: int) -> int:
        """Forget, with their secrets, those of runs that are over, or given up, that nothing was told for so long; how many.

        Where the database's clock was set back, waits and leases that no rule gives end now.
        """
        gone = delete(push).where(push.c.created_at < self._now - keep_ms, or_(push.c.closed, push.c.dead))
        gone = gone.where(func.coalesce(push.c.failing_at, push.c.told_at, push.c.created_at) < self._now - keep_ms)
        late = update(push).where(PUSH_AWAKE, push.c.next_at > self._now + _LONGEST_WAIT_MS).values(next_at=self._now)
        lost = update(push).where(PUSH_HELD, push.c.until > self._now + _LONGEST_LEASE_MS).values(_FREE)

        def write(connection: Connection) -> int:
            for each in (late, lost):
                connection.execute(each)
            return connection.execute(gone).rowcount

        return await self._writer.write(write, order=_LAST)

    async def _settle(self, held: Subscriber, new: Mapping[str, Any]) -> bool:
        settled = update(push).where(_HELD).values(new)
        return await self._writer.write(lambda c: c.execute(settled, _lease(held)).rowcount > 0, order=_order(held.run))

    def _is_free(self) -> ColumnElement[bool]:
        return or_(push.c.holder.is_(None), push.c.until <= self._now)


_OPEN = and_(push.c.dead.is_(False), push.c.closed.is_(False))
_LONGEST_WAIT_MS = 25 * 3_600_000  # a receiver may ask for a day
_LONGEST_LEASE_MS = 120_000
_FREE: Mapping[str, Any] = {"holder": None, "until": 0}
_UNHURT: Mapping[str, Any] = {"attempts": 0, "failing_at": None, "problem": "", "dead": False}


def reopen(connection: Connection, run_id: str) -> None:
    """A run goes on: whoever was told its end is told of it again."""
    connection.execute(update(push).where(push.c.run == run_id, push.c.closed).values(closed=False, asleep=False))


def _is(run_id: str, name: str) -> ColumnElement[bool]:
    return and_(push.c.run == run_id, push.c.id == name)


_HELD = and_(
    push.c.run == bindparam("of"), push.c.id == bindparam("name"),
    push.c.lease == bindparam("held"), push.c.created_at == bindparam("made"),  # one that was made anew begins its leases anew
)  # fmt: skip
_SEQ = select(run.c.seq).where(run.c.id == bindparam("of")).with_for_update(read=True)
_LAST = "~push"  # after all others: what it locks is many runs', and then nothing is waited for any more


def _lease(held: Subscriber) -> dict[str, Any]:
    return {"of": held.run, "name": held.id, "held": held.lease, "made": held.created_at}


def _order(run_id: str) -> str:
    """What its writes are ordered by. No run's name: those who follow the run do not hear of them."""
    return f"push/{run_id}"


def _subscriber(row: Row[Any]) -> Subscriber:
    return Subscriber.model_validate(dict(row._mapping))
