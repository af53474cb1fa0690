"""Rows: the runs as a list shows them: what their rows say, and, where it is cheap to know, what their journals do."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from executor.early_reads import AHEAD
from executor.events import RunEnded
from executor.journal.port import Journal, RunRecord
from executor.run import Run, fold, is_over

_MOST_EVENTS = 1_000  # of a run that is folded for a list; of a longer one the list says what its row does
_LAST_EVENTS = 5  # among which the end of one that is over stands
_OF_JOURNAL = ("playbook", "ended_at", "questions", "steps_done", "steps", "usd", "tokens", "reason")
_STATES, _ROWS = 64, 4_000  # that are remembered: runs that go on, and rows


@dataclass
class _Row:
    seq: int
    told: dict[str, Any]


class Rows:
    """Rows of runs, each worked out once for as long as nothing happens to it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: OrderedDict[str, _Row] = OrderedDict()
        self._states: OrderedDict[str, Run] = OrderedDict()
        self._folding = asyncio.Lock()

    async def of(self, records: Sequence[RunRecord]) -> list[dict[str, Any]]:
        """In their order."""
        async with self._folding:
            return [await self._row(record) for record in records]

    async def _row(self, record: RunRecord) -> dict[str, Any]:
        known = self._rows.pop(record.id, None)
        if known is None or known.seq != record.seq or known.told["status"] != record.status:
            run = await self._folded(record)
            known = _Row(record.seq, row_of(record, run) if run is not None else await self._short(record))
        self._rows[record.id] = known
        while len(self._rows) > _ROWS:
            self._rows.popitem(last=False)
        return known.told

    async def _folded(self, record: RunRecord) -> Run | None:
        """The run, as far as its row goes; None for one that is too long to be folded for this."""
        run = self._states.pop(record.id, None) or Run(record.id)
        if record.seq - run.seq > _MOST_EVENTS:
            return None
        fold(run, await self._journal.read(record.id, after=run.seq))
        if not is_over(run.status):
            self._states[record.id] = run
        while len(self._states) > _STATES:
            self._states.popitem(last=False)
        return run

    async def _short(self, record: RunRecord) -> dict[str, Any]:
        """The row of a run that is not folded: None stands for what is not known. How it ended its last events tell."""
        told = _head(record) | dict.fromkeys(_OF_JOURNAL)
        if is_over(record.status):
            for recorded in await self._journal.read(record.id, after=record.seq - _LAST_EVENTS):
                if isinstance(recorded.event, RunEnded):
                    told |= {"ended_at": _moment(recorded.at), "reason": recorded.event.reason, "questions": 0}
        return told


def _head(record: RunRecord) -> dict[str, Any]:
    return record.model_dump(mode="json", include={"id", "goal", "status", "created_at", "updated_at", "wake_at"})


def row_of(record: RunRecord, run: Run) -> dict[str, Any]:
    """A run's row."""
    done, of = _progress(run)
    return _head(record) | {
        "playbook": "" if run.origin is None else run.origin.playbook,
        "ended_at": _moment(run.ended_at),
        "questions": 0 if is_over(run.status) else len(run.open_questions),
        "steps_done": done,
        "steps": of,
        "usd": round(run.usage.usd, 6),
        "tokens": run.usage.tokens,
        "reason": "" if run.ended is None else run.ended.reason,
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _progress(run: Run) -> tuple[int, int | None]:
    """How many steps have all their calls behind them, and how many there are at most; those that are skipped are not done."""
    begun: dict[str, bool] = {}
    for (step, _), call in run.calls.items():
        if step != AHEAD and not step.startswith("$"):
            begun[step] = begun.get(step, True) and call.finished is not None
    of = None if run.certified is None else run.certified.certificate.worst_case.steps
    done = sum(begun.values())
    if of is None or run.status == "done":  # what a run that is done left out, it had no reason to do
        return done, None if of is None else done
    return min(done, of), of
