"""MemoryJournal: the journal of one process and one event loop, gone with it: for tests, trials and runs nobody resumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from executor.errors import KeyTaken, LostOwnership, UnknownRun
from executor.events import Event, PlanDoubted, PlanVerified, QuotaGranted, Recorded, RunStatus, RunSubmitted
from executor.journal.bell import Bell
from executor.journal.codec import decode_event, decode_receipt, encode, title_of
from executor.journal.port import Gone, Receipt, Recent, RunRecord
from executor.kept import MemoryKept
from executor.quota import NO_QUOTA, Quota, QuotaUse, Stint, check, day_of, drawn, granted, rested, with_stint
from executor.run import Run, fold
from executor.session import SessionLimits, SessionUse, Share, counted, grant, used_by
from executor.shapes import MemoryShapes
from executor.submission import Submission
from executor.tenant import account


@dataclass
class _Kept:
    """A run's row, and its events and receipts as text: what is read back is what a database would give."""

    record: RunRecord
    digest: str
    outside: int = 0
    events: list[tuple[datetime, str]] = field(default_factory=list)
    receipts: dict[str, str] = field(default_factory=dict)
    session: str | None = None
    share: Share = field(default_factory=Share)  # what it has reserved of its session
    stints: list[Stint] = field(default_factory=list)  # what it has reserved of its principal's days

    def update(self, **new: Any) -> None:
        self.record = self.record.model_copy(update=new)


class MemoryJournal:
    """A journal in memory. `clock` gives the events' times."""

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._runs: dict[str, _Kept] = {}
        self._keys: dict[tuple[str, str], _Kept] = {}
        self._further: dict[str, tuple[str, list[Stint]]] = {}  # by name of what is no run: whose, and what it takes
        self._bell = Bell()
        self.kept = MemoryKept()
        self.shapes = MemoryShapes()

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
        principal = submission.principal.id
        if there := self._keys.get((principal, key)):
            if there.digest != submission.digest():
                raise KeyTaken("The idempotency key belongs to another submission.", hint="Use a new key for a new submission.")
            return there.record
        if quota != NO_QUOTA:
            check(principal, quota, self._quota(principal), self._clock())
        record = RunRecord(
            id=run, principal=principal, key=key, goal=title_of(submission), status="queued", seq=1 + len(events), epoch=0,
            owner=None, tools=tools, created_at=now, updated_at=now,
        )  # fmt: skip
        first = [RunSubmitted(submission=submission, now=now), *events]
        told = [(now, encode(event)) for event in first]
        kept = _Kept(record, submission.digest(), session=submission.session, events=told)
        self._runs[run] = self._keys[principal, key] = kept
        self._bell.ring((run,))
        return record

    async def append(
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
    ) -> int | None:
        kept = self._known(run)
        if epoch is not None and epoch != kept.record.epoch:
            raise LostOwnership(f"Run {run} is at epoch {kept.record.epoch}; epoch {epoch} may not write into it any more.")
        if only_if is not None and kept.record.status not in only_if:
            return None
        if quiet_after is not None and kept.outside > quiet_after:
            return None
        now = self._clock()
        kept.events.extend([(now, encode(e)) for e in events])
        for event in events:
            if isinstance(event, PlanVerified | PlanDoubted):
                self.kept.count(event, now)
        seq = len(kept.events)
        if events and epoch is None:
            kept.outside = seq
        new: dict[str, object] = {"status": status, "tools": tools}
        kept.update(seq=seq, updated_at=now, **{name: value for name, value in new.items() if value is not None})
        if status is not None:
            kept.update(wake_at=wake_at if status == "waiting" else None)
        if release:
            kept.update(owner=None)
        self._bell.ring((run,), news=epoch is None or status == "queued" or wake_at is not None)
        return seq

    async def read(self, run: str, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
        kept = self._runs.get(run)
        if kept is None:
            return []
        after = max(after, 0)
        page = kept.events[after:] if limit is None else kept.events[after : after + limit]
        return [decode_event(seq, at, body) for seq, (at, body) in enumerate(page, after + 1)]

    async def take(self, run: str, worker: str, *, dead: Sequence[str] = (), principal_runs: int | None = None) -> int | None:
        kept = self._runs.get(run)
        if kept is None:
            return None
        held = kept.record
        orphaned = held.status == "running" and (held.owner is None or held.owner in dead)
        queued = held.status == "queued" and self._has_room(held.principal, principal_runs)
        if not queued and not orphaned:
            return None
        kept.update(status="running", owner=worker, epoch=held.epoch + 1, updated_at=self._clock(), wake_at=None)
        self._bell.ring((run,), news=False)
        return kept.record.epoch

    async def get(self, run: str) -> RunRecord | None:
        kept = self._runs.get(run)
        return None if kept is None else kept.record

    async def gone(self, run: str, principal: str) -> Gone | None:
        return None  # nothing is removed: it is gone as a whole, with its process

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
        if before is not None and before not in self._runs:
            return []
        last = None if before is None else _age(self._runs[before].record)
        wanted = [
            r
            for r in (kept.record for kept in self._runs.values() if session in (None, kept.session))
            if (principal is None or r.principal == principal)
            and (statuses is None or r.status in statuses)
            and (last is None or (_age(r) > last if oldest_first else _age(r) < last))
        ]
        return sorted(wanted, key=_age, reverse=not oldest_first)[:limit]

    async def recent(self, principal: str, wish: Recent, *, limit: int = 50) -> tuple[list[RunRecord], int]:
        found = [
            r
            for r in (kept.record for kept in self._runs.values() if wish.session in (None, kept.session))
            if r.principal == principal
            and (wish.statuses is None or r.status in wish.statuses)
            and (wish.since is None or r.updated_at >= wish.since)
        ]
        page = [r for r in found if wish.before is None or (r.updated_at, r.id) < wish.before]
        return sorted(page, key=lambda r: (r.updated_at, r.id), reverse=True)[:limit], len(found)

    async def counts(self, principal: str) -> Mapping[RunStatus, int]:
        return Counter(kept.record.status for kept in self._runs.values() if kept.record.principal == principal)

    async def waking(self, *, limit: int = 50) -> list[RunRecord]:
        records = (kept.record for kept in self._runs.values())
        asleep = [(r.wake_at, r.id, r) for r in records if r.status == "waiting" and r.wake_at is not None]
        return [record for _, _, record in sorted(asleep, key=lambda each: each[:2])[:limit]]

    async def keep_receipt(self, run: str, receipt: Receipt) -> None:
        self._known(run).receipts.setdefault(receipt.key, encode(receipt))
        self._bell.ring((run,), news=False)

    async def receipts(self, run: str) -> list[Receipt]:
        kept = self._runs.get(run)
        return [] if kept is None else [decode_receipt(body) for body in kept.receipts.values()]

    async def outside(self, worker: str) -> Mapping[str, int]:
        return {
            run: kept.outside
            for run, kept in self._runs.items()
            if kept.record.owner == worker and kept.record.status == "running" and kept.outside
        }

    def _has_room(self, principal: str, limit: int | None) -> bool:
        return limit is None or sum(kept.record.status == "running" for kept in self._of(principal)) < limit

    def _of(self, principal: str) -> list[_Kept]:
        """The principal's runs, in all its tenants."""
        return [kept for kept in self._runs.values() if account(kept.record.principal) == account(principal)]

    async def reserve(
        self, run: str, session: str, wanted: Share, *, used: Share, limits: SessionLimits, epoch: int
    ) -> Recorded:
        kept = self._known(run)
        use = self._use(kept.record.principal, session, but=run)
        granted = grant(session, limits, wanted=wanted, used=used, others=use.used + use.reserved)
        seq = await self.append(run, [granted], epoch=epoch)
        assert seq is not None
        kept.share = counted(granted, wanted)
        return Recorded(seq=seq, at=kept.record.updated_at, event=granted)

    async def session(self, principal: str, name: str) -> SessionUse:
        return self._use(principal, name)

    def _use(self, principal: str, name: str, *, but: str = "") -> SessionUse:
        of_it = [k for k in self._runs.values() if (k.record.principal, k.session) == (principal, name) and k.record.id != but]
        used, reserved = Share(), Share()
        for kept in of_it:
            if kept.record.status == "running":
                reserved += kept.share
                continue
            used += self._used(kept)
        return SessionUse(name=name, runs=len(of_it), used=used, reserved=reserved)

    def _used(self, kept: _Kept) -> Share:
        state = fold(Run(kept.record.id), (decode_event(n, at, body) for n, (at, body) in enumerate(kept.events, 1)))
        receipts = (decode_receipt(body) for body in kept.receipts.values())
        return used_by(state, ((r.key, r.finished) for r in receipts))

    async def draw(self, run: str, wanted: float, *, used: float, limit: float, epoch: int) -> Recorded:
        kept = self._known(run)
        stint = self._drawn(kept.record.principal, kept.stints, wanted, used, limit)
        event = granted(kept.record.principal, limit, stint)
        seq = await self.append(run, [event], epoch=epoch)
        assert seq is not None
        kept.stints = with_stint(kept.stints, stint)
        return Recorded(seq=seq, at=kept.record.updated_at, event=event)

    async def hold(self, principal: str, name: str, wanted: float, *, used: float, limit: float) -> QuotaGranted:
        _, own = self._further.get(name, (principal, []))
        stint = self._drawn(principal, own, wanted, used, limit)
        self._further[name] = principal, with_stint(own, stint)
        return granted(principal, limit, stint)

    async def settle(self, name: str, used: float) -> None:
        if name in self._further:
            principal, own = self._further[name]
            self._further[name] = principal, rested(own, used)

    def _drawn(self, principal: str, own: list[Stint], wanted: float, used: float, limit: float) -> Stint:
        day = day_of(self._clock())
        self._settle(principal)
        others = sum(s.usd for stints in self._shared(principal) if stints is not own for s in stints if s.day == day)
        return drawn(day, limit, wanted, used, own, others)

    def _settle(self, principal: str) -> None:
        """Put what runs that rest have used in the place of what they had reserved: others may have that from now on."""
        for kept in self._of(principal):
            if kept.stints and kept.record.status != "running":
                kept.stints = rested(kept.stints, self._used(kept).usd)

    def _shared(self, principal: str) -> Iterator[list[Stint]]:
        """What each of the principal's runs, and what else it does, has used or reserved."""
        for kept in self._of(principal):
            rests = bool(kept.stints) and kept.record.status != "running"
            yield rested(kept.stints, self._used(kept).usd) if rests else kept.stints
        yield from (own for who, own in self._further.values() if account(who) == account(principal))

    async def quota(self, principal: str) -> QuotaUse:
        return self._quota(principal)

    def _quota(self, principal: str) -> QuotaUse:
        day, own = day_of(self._clock()), self._of(principal)
        stints = [s for stints in self._shared(principal) for s in stints if s.day == day]
        used, reserved = (round(sum(s.usd for s in stints if s.held is held), 9) for held in (False, True))
        runs = sum(kept.record.status in ("queued", "running") for kept in own)
        return QuotaUse(account=account(principal), day=day, runs=runs, used=used, reserved=reserved)

    async def follow(self, run: str, *, after: int = 0) -> AsyncIterator[list[Recorded]]:
        async for _ in self._bell.listen(run):
            batch = await self.read(run, after=after)
            yield batch
            after = batch[-1].seq if batch else after

    def changes(self, run: str | None = None) -> AsyncIterator[None]:
        return self._bell.listen(run)

    def news(self) -> AsyncIterator[None]:
        return self._bell.news()

    def _known(self, run: str) -> _Kept:
        try:
            return self._runs[run]
        except KeyError:
            raise UnknownRun(f"There is no run {run}.") from None


def _age(record: RunRecord) -> tuple[datetime, str]:
    return record.created_at, record.id
