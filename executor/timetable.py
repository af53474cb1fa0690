"""Timetable: the schedules of a database: what is submitted again and again, by whom, when next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from executor.submission import Submission


class Schedule(BaseModel):
    """One schedule. Its runs are the principal's of the submission, and so is it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str  # one of that name a principal
    principal: str
    cron: str
    zone: str  # of the IANA time zone database
    submission: Submission
    overlap: Literal["skip", "allow"] = "skip"  # when the run before is not over
    paused: bool = False
    next_at: datetime  # when it is due
    fired_at: datetime | None = None  # the due time that it was last fired for
    run: str = ""  # the last run
    skipped: int = 0  # due times that were left out because the run before was not over
    problem: str = ""  # why the last due time brought no run, if it did not
    created_at: datetime


class Fired(BaseModel):
    """What became of one due time, and when the next one is."""

    model_config = ConfigDict(frozen=True)

    due: datetime
    next_at: datetime
    run: str = ""  # "" where none was begun
    skipped: int = 0
    problem: str = ""


class Timetable(Protocol):
    """The schedules of a database, which all its processes share."""

    async def add(self, schedule: Schedule) -> bool:
        """Keep it; False, and nothing is kept, where its principal has one of that name."""
        ...

    async def find(self, principal: str | None = None) -> Sequence[Schedule]:
        """All of a principal, or of everybody, by when they are due."""
        ...

    async def due(self, at: datetime, limit: int) -> Sequence[Schedule]:
        """Those that are due by then and not paused, the earliest first."""
        ...

    async def next_at(self) -> datetime | None:
        """When the earliest is due that is not paused."""
        ...

    async def fired(self, schedule: str, what: Fired) -> bool:
        """Note what became of a due time; False where somebody else has, or the schedule is another by now."""
        ...

    async def pause(self, principal: str, name: str, *, next_at: datetime | None) -> bool:
        """Pause it, or with `next_at` let it go on at that time; False where there is none."""
        ...

    async def remove(self, principal: str, name: str) -> bool:
        """Forget it; its runs stay. False where there is none."""
        ...
