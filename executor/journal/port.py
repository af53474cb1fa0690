"""The journal's port: runs and their events, appended under a fence, followed from any number.

**The fence.** Each time a worker takes a run, the run's `epoch` grows. An append that names an epoch is written only if the
run still has it; otherwise LostOwnership is raised and nothing is written. What that worker had paid for goes to a receipt.
Appends without an epoch (a person's answer, a cancel) are no owner's and need no fence.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from executor.events import CallFinished, Event, QuotaGranted, Recorded, RunStatus
from executor.kept import KeptPlans
from executor.quota import NO_QUOTA, Quota, QuotaUse
from executor.session import SessionLimits, SessionUse, Share
from executor.shapes import Shapes
from executor.submission import Submission


class RunRecord(BaseModel):
    """A run's row: what lists show and owners compete for. Everything in it can be derived from the journal, but `owner`."""

    model_config = ConfigDict(frozen=True)

    id: str
    principal: str
    key: str
    goal: str
    status: RunStatus
    seq: int  # of the last event
    epoch: int
    owner: str | None  # the worker that holds the run
    tools: str  # fingerprint of the toolset the run needs; "" until its plan is certified
    created_at: datetime
    updated_at: datetime
    wake_at: datetime | None = None  # when the clock wakes it, while it is waiting


class Recent(BaseModel):
    """Which of a principal's runs are wanted, the last changed first; `before` is the last one of the page before."""

    model_config = ConfigDict(frozen=True)

    statuses: tuple[RunStatus, ...] | None = None
    session: str | None = None
    since: datetime | None = None  # changed then, or later
    before: tuple[datetime, str] | None = None  # updated_at and id


How = Literal["pruned", "erased"]


class Gone(BaseModel):
    """A run that was removed."""

    model_config = ConfigDict(frozen=True)

    run: str
    how: How
    at: datetime

    def told(self) -> str:
        """That it is gone, in words."""
        return f"The run {self.run} was {self.how} on {self.at:%Y-%m-%d}"


class Receipt(BaseModel):
    """A paid result that could not be written as an event, because the run was lost or cancelled meanwhile."""

    model_config = ConfigDict(frozen=True)

    key: str  # of the call: idempotency key, or step and item for a model's call
    finished: CallFinished
    part: bool = False  # a page of a `pages`: it counts, and is never taken for the whole


class Journal(Protocol):
    """Runs and their events; the plans that ran well, which `append` counts; what tools return."""

    @property
    def kept(self) -> KeptPlans: ...

    @property
    def shapes(self) -> Shapes: ...

    async def create(
        self,
        submission: Submission,
        *,
        run: str,
        key: str,
        now: datetime,
        events: Sequence[Event] = (),
        tools: str = "",
        quota: Quota = NO_QUOTA,
    ) -> RunRecord:
        """Create the run with its RunSubmitted event and these further ones, status `queued`, in one transaction.

        `tools` is what a run needs whose plan is certified among the events.

        If the principal has a run with that key already, return that one; raises KeyTaken if it was another submission, or
        if that run was removed. Raises UnknownRun where the run that it is forked from was removed meanwhile.
        Raises QuotaExceeded where a new run would pass the principal's quota: runs that are queued or running, in whatever
        tenant, and $ that were used today.
        """
        ...

    def append(
        self,
        run: str,
        events: Sequence[Event],
        *,
        epoch: int | None,
        status: RunStatus | None = None,
        tools: str | None = None,
        release: bool = False,
        only_if: Sequence[RunStatus] | None = None,
        quiet_after: int | None = None,
        wake_at: datetime | None = None,
    ) -> Awaitable[int | None]:
        """Append events in order, in one transaction, and return the run's last seq when it is durable.

        `status` and `tools` set the record's fields, `release` gives up the ownership; `events` may be empty. `wake_at` says
        when the clock wakes a run that becomes `waiting`; with any other new status the record has none. With `only_if`
        nothing is written, and None returned, unless the run's status is one of those; with `quiet_after` likewise, unless
        the last event from outside has at most that seq. Raises LostOwnership (fence) and UnknownRun. A caller that is
        cancelled while it waits does not undo the write.
        """
        ...

    async def read(self, run: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        """The run's events with seq > after, in order; an empty list for an unknown run."""
        ...

    async def take(self, run: str, worker: str, *, dead: Sequence[str] = (), principal_runs: int | None = None) -> int | None:
        """Own the run if it is queued, or running without an owner or with an owner that is `dead`; the new epoch, or None.

        A queued run stays queued while its principal has `principal_runs` running ones, in all its tenants.
        """
        ...

    async def get(self, run: str) -> RunRecord | None: ...

    async def gone(self, run: str, principal: str) -> Gone | None:
        """The principal's run of that id, if there was one that was removed; for how long that is known: `planrail prune`."""
        ...

    async def find(
        self,
        *,
        principal: str | None = None,
        statuses: Sequence[RunStatus] | None = None,
        before: str | None = None,
        limit: int = 50,
        oldest_first: bool = False,
        session: str | None = None,
    ) -> list[RunRecord]:
        """Records, newest first, or oldest first; `before` is the id of the last record of the page before."""
        ...

    async def recent(self, principal: str, wish: Recent, *, limit: int = 50) -> tuple[list[RunRecord], int]:
        """A page of records, the last changed first, and how many there are, whatever page is wanted.

        There is no index that sorts so, since it would be written at every event: all runs of the principal are looked at.
        """
        ...

    async def counts(self, principal: str) -> Mapping[RunStatus, int]:
        """How many runs the principal has of each status; of those that it has none of nothing is said."""
        ...

    async def waking(self, *, limit: int = 50) -> list[RunRecord]:
        """Waiting runs that have a `wake_at`, the earliest first."""
        ...

    async def keep_receipt(self, run: str, receipt: Receipt) -> None:
        """Keep a paid result; the first one with its key counts."""
        ...

    async def receipts(self, run: str) -> list[Receipt]: ...

    async def outside(self, worker: str) -> Mapping[str, int]:
        """The worker's running runs → seq of the last event that came from outside (appended without an epoch), if any."""
        ...

    async def reserve(
        self, run: str, session: str, wanted: Share, *, used: Share, limits: SessionLimits, epoch: int
    ) -> Recorded:
        """Append how much of its session the run may take in all: what it wants, cut down to what the others leave of it.

        No two runs of a session reserve at the same time. What a run had reserved stands until it rests; then what it has used
        counts. Raises LostOwnership.
        """
        ...

    async def session(self, principal: str, name: str) -> SessionUse:
        """What the session's runs have used and reserved, without limits."""
        ...

    async def draw(self, run: str, wanted: float, *, used: float, limit: float, epoch: int) -> Recorded:
        """Append how much the run may cost in all: what it wants, cut down to what its principal's other runs leave of the day.

        No two runs of a principal draw at the same time; see `executor.quota`. Raises LostOwnership.
        """
        ...

    async def hold(self, principal: str, name: str, wanted: float, *, used: float, limit: float) -> QuotaGranted:
        """The same for what is no run, and costs something: a preview."""
        ...

    async def settle(self, name: str, used: float) -> None:
        """It has cost so much, and holds nothing more."""
        ...

    async def quota(self, principal: str) -> QuotaUse:
        """What the principal has taken by now, in all its tenants."""
        ...

    def follow(self, run: str, *, after: int = 0) -> AsyncIterator[list[Recorded]]:
        """Yield the run's events with seq > after in batches: first those that are there, if any, then those to come.

        A batch may be empty. An event of another process comes within some milliseconds of its commit.
        """
        ...

    def changes(self, run: str | None = None) -> AsyncIterator[None]:
        """Yield once at once, and again each time the run, or any run, may have changed, in this process or another."""
        ...

    def news(self) -> AsyncIterator[None]:
        """Yield once at once, and again each time an engine may have something to do.

        That is when a run became queued or parked until some time, or something came from outside (an answer, a request to
        cancel).
        """
        ...
