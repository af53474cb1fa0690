"""Carrier: runs a worker's segments and deals with whatever becomes of them. An engine decides which; this is how."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from executor.engine.port import Advance
from executor.errors import JournalNewer, JournalUnreachable, LostOwnership, UnknownRun
from executor.events import RunEnded
from executor.journal.port import Journal
from executor.nudge import Nudge
from planner.here import Here, working_for

log = logging.getLogger(__name__)


class Carrier:
    """The segments that one worker has in hand."""

    def __init__(self, journal: Journal, advance: Advance, *, worker: str) -> None:
        self._journal = journal
        self._advance = advance
        self._worker = worker
        self._segments: dict[str, Nudge] = {}  # run -> nudge
        self._draining = False
        self._empty = asyncio.Event()  # set when the last segment has ended while the worker drains
        self._nudged: dict[str, int] = {}  # run -> seq of the last event from outside that its segment was told of
        self.unreadable: set[str] = set()  # runs with events of a newer Planrail: not for this worker

    def __contains__(self, run: str) -> bool:
        return run in self._segments

    def __len__(self) -> int:
        return len(self._segments)

    def begin(self, run: str, outside: int) -> None:
        """Count the run as in hand; `outside` is the seq of its last event from outside, which the segment reads itself."""
        self._segments[run] = nudge = Nudge()
        self._nudged[run] = outside
        if self._draining:
            nudge.drain()

    def begin_to_drain(self) -> None:
        """Have every segment start nothing new, and give its run back when what is in flight has settled."""
        self._draining = True
        for nudge in self._segments.values():
            nudge.drain()

    async def drain(self, within_s: float) -> None:
        """Drain; return when every segment has ended, or after so long."""
        self.begin_to_drain()
        if self._segments:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._empty.wait()

    def forget_all(self) -> None:
        """Nothing is in hand any more."""
        self._segments.clear()
        self._nudged.clear()

    async def nudge(self) -> None:
        """Tell the segments that got news from outside."""
        if not self._segments:
            return
        for run, seq in (await self._journal.outside(self._worker)).items():
            if run in self._segments and seq > self._nudged[run]:
                self._nudged[run] = seq
                self._segments[run].set()

    async def carry(self, run: str, epoch: int) -> None:
        """One segment of a run that has begun: the run never hangs, and no other segment is troubled."""
        with working_for(Here(run, epoch, self._worker)):
            await self._carried(run, epoch)

    async def _carried(self, run: str, epoch: int) -> None:
        try:
            released = await self._advance(run, epoch, self._segments[run])
            if not released and await self._holds(run, epoch):
                raise _Unfinished
        except (LostOwnership, UnknownRun):
            log.info("run %s was taken over, ended or removed elsewhere", run)
        except JournalNewer:
            log.warning("run %s needs a newer Planrail than this worker's", run)
            self.unreadable.add(run)
            await self.release(run, epoch)
        except Exception as error:
            log.exception("a segment of run %s failed", run)
            await self._fail(run, epoch, error)
        finally:
            self._segments.pop(run, None)
            self._nudged.pop(run, None)
            if self._draining and not self._segments:
                self._empty.set()

    async def release(self, run: str, epoch: int) -> None:
        """Give the run back to the queue, so that another worker may take it at once; it may have ended meanwhile."""
        try:
            await self._journal.append(run, [], epoch=epoch, status="queued", release=True, only_if=["running"])
        except (LostOwnership, UnknownRun):
            log.info("run %s was taken over, or removed, meanwhile", run)
        except JournalUnreachable:
            log.exception("run %s could not be released; another worker takes it over when this process has ended", run)

    async def release_all(self) -> None:
        """Give back every run that is still this worker's."""
        try:
            held = []
            last: str | None = None
            while page := await self._journal.find(statuses=("running",), before=last, limit=_PAGE):
                held += [record for record in page if record.owner == self._worker]
                last = page[-1].id
            await asyncio.gather(*(self.release(record.id, record.epoch) for record in held))
        except JournalUnreachable:
            log.exception("runs could not be released; others take them over when this process has ended")

    async def _holds(self, run: str, epoch: int) -> bool:
        record = await self._journal.get(run)
        return record is not None and (record.status, record.owner, record.epoch) == ("running", self._worker, epoch)

    async def _fail(self, run: str, epoch: int, error: Exception) -> None:
        reason, hint = f"Planrail itself failed ({type(error).__name__}); the run can be resumed", "The log has the details."
        if isinstance(error, JournalUnreachable):
            reason, hint = f"{error.message} The run can be resumed.", error.hint
        ended = RunEnded(status="failed", reason=reason, hint=hint, broken=True)
        try:
            await self._journal.append(run, [ended], epoch=epoch, status="failed", release=True, only_if=["running"])
        except LostOwnership:
            log.info("run %s was taken over meanwhile", run)
        except Exception:  # the engine's next look finds it: it is this worker's, and no segment has it
            log.exception("run %s could not be ended; it is taken up again", run)


_PAGE = 200


class _Unfinished(Exception):
    """A segment came to its end and neither ended nor parked its run."""
