"""Schedules: goals that are submitted again and again. What the doors and the timer do to them.

A due time makes one run, whoever fires it and however often: the run's key is made of the schedule and the due time. Where
several due times have passed unseen (nobody was running), one run is made for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from executor.errors import JournalUnreachable, UnknownRun
from executor.journal.port import RunRecord
from executor.run import is_over
from executor.submission import Principal, Submission
from executor.timetable import Fired, Schedule, Timetable
from planner.errors import PlanrailError
from planrail.cron import next_due
from planrail.runs import Runs

_AT_ONCE = 50  # schedules that are fired in one look


class ScheduleError(PlanrailError):
    """There is no such schedule, or there is one already."""

    fault = "user"


class Schedules:
    """The schedules of one house. A principal sees its own only."""

    def __init__(self, timetable: Timetable, runs: Runs, *, now: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._timetable = timetable
        self._runs = runs
        self._now = now
        self._new_id = new_id
        self._looked: datetime | None = None  # when `fire` was last called

    async def add(
        self, submission: Submission, *, name: str, cron: str, zone: str, overlap: Literal["skip", "allow"] = "skip"
    ) -> Schedule:
        """A new schedule; raises CronError and ScheduleError."""
        made = Schedule(
            id=self._new_id(), name=name, principal=submission.principal.id, cron=" ".join(cron.split()), zone=zone,
            submission=submission, overlap=overlap, next_at=next_due(cron, zone, self._now()), created_at=self._now(),
        )  # fmt: skip
        if not await self._timetable.add(made):
            raise ScheduleError(
                f"There is a schedule {name} already.", hint=f"planrail schedule remove {name}, or another --name."
            )
        return made

    async def find(self, principal: Principal) -> Sequence[Schedule]:
        """The principal's schedules, by when they are due."""
        return await self._timetable.find(principal.id)

    async def get(self, name: str, principal: Principal) -> Schedule:
        """The principal's schedule of that name; raises ScheduleError."""
        found = await self.find(principal)
        for each in found:
            if each.name == name:
                return each
        known = ", ".join(s.name for s in found) or "none"
        raise ScheduleError(f"There is no schedule {name}.", hint=f"There are: {known}.")

    async def pause(self, name: str, principal: Principal) -> Schedule:
        """Let it make no runs until it is resumed."""
        await self.get(name, principal)
        await self._timetable.pause(principal.id, name, next_at=None)
        return await self.get(name, principal)

    async def resume(self, name: str, principal: Principal) -> Schedule:
        """Let it go on with the next due time; what has passed meanwhile is not made up for."""
        known = await self.get(name, principal)
        if known.paused:
            await self._timetable.pause(principal.id, name, next_at=next_due(known.cron, known.zone, self._now()))
        return await self.get(name, principal)

    async def remove(self, name: str, principal: Principal) -> Schedule:
        """Forget it; its runs stay."""
        known = await self.get(name, principal)
        await self._timetable.remove(principal.id, name)
        return known

    async def run_now(self, name: str, principal: Principal) -> RunRecord:
        """A run besides, whatever is due."""
        known = await self.get(name, principal)
        return await self._runs.submit(known.submission, key=f"schedule:{known.id}:now:{self._new_id()}")

    # -- the timer

    async def fire(self) -> list[RunRecord]:
        """Make the runs that are due now; those that others make at the same time are the same runs."""
        made: list[RunRecord] = []
        now = self._now()
        if self._looked is None or now < self._looked:
            await self._anchored(now)
        self._looked = now
        for schedule in await self._timetable.due(now, _AT_ONCE):
            fired, record = await self._fired(schedule)
            if await self._timetable.fired(schedule.id, fired) and record is not None:
                made.append(record)
        return made

    async def _anchored(self, now: datetime) -> None:
        """Bring due times back that lie behind the next one: the clock had been set forward, and was set back.

        None is brought back to a time that was fired before.
        """
        for schedule in await self._timetable.find():
            last = schedule.fired_at
            due = next_due(schedule.cron, schedule.zone, now if last is None else max(now, last))
            if not schedule.paused and due < schedule.next_at:
                await self._timetable.fired(schedule.id, Fired(due=schedule.next_at, next_at=due))

    async def _fired(self, schedule: Schedule) -> tuple[Fired, RunRecord | None]:
        due = schedule.next_at
        fired = Fired(due=due, next_at=next_due(schedule.cron, schedule.zone, max(due, self._now())))
        if schedule.overlap == "skip" and await self._goes_on(schedule):
            return fired.model_copy(update={"skipped": 1}), None
        try:
            record = await self._runs.submit(
                schedule.submission, key=f"schedule:{schedule.id}:{due.astimezone(UTC):%Y%m%dT%H%M}"
            )
        except JournalUnreachable:
            raise
        except PlanrailError as error:  # the session is spent, a quota is used up: the next due time may find it otherwise
            return fired.model_copy(update={"problem": error.message}), None
        return fired.model_copy(update={"run": record.id}), record

    async def _goes_on(self, schedule: Schedule) -> bool:
        """Whether the run before is not over."""
        if not schedule.run:
            return False
        try:
            return not is_over((await self._runs.record(schedule.run, schedule.submission.principal)).status)
        except UnknownRun:  # it was removed, so it was over
            return False

    async def next_at(self) -> datetime | None:
        """When somebody has to look again; None while there is nothing that will be due."""
        return await self._timetable.next_at()
