"""Traces: listens to what a process appends to journals, and tells a collector of it as spans. It never holds a run up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from typing import Protocol

from executor.engine.port import Advance
from executor.events import Event, RunSubmitted
from executor.journal.sql import SqlJournal
from planner.here import Here, here, working_for
from planrail.redactor import Redactor
from planrail.settings import Settings
from planrail.spans import SegmentSpans, Span, Stretch
from planrail.telemetry_settings import PROTOCOL

log = logging.getLogger(__name__)

REMEDY = 'pip install "planrail[otel]"'


class Collector(Protocol):
    """Takes spans, and does not wait."""

    def samples(self, stretch: Stretch) -> bool:
        """Whether a stretch's spans are recorded."""
        ...

    def take(self, span: Span) -> None:
        """Have the span sent some time."""
        ...

    async def close(self) -> None:
        """Send what is left."""
        ...


class Traces:
    """The traces of one process."""

    def __init__(
        self,
        journal: SqlJournal,
        collector: Collector,
        *,
        worker: str,
        redact: Callable[[str], str] = str,
        content: bool = False,
        propagate: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal = journal
        self._collector = collector
        self._worker = worker
        self._redact = redact
        self._content = content
        self._propagate = propagate
        self._clock = clock
        self._version = version("planrail")
        self._segments: dict[str, SegmentSpans] = {}
        journal.heard.append(self._hear)

    def carried(self, advance: Advance) -> Advance:
        """`advance`, traced."""

        async def traced(run: str, epoch: int, nudge: asyncio.Event) -> bool | None:
            begun = self._clock()
            recorded = await self._journal.read(run, limit=1)
            if not (recorded and isinstance(recorded[0].event, RunSubmitted)):
                return await advance(run, epoch, nudge)
            stretch = Stretch(run, epoch, recorded[0].event.submission, begun, self._worker, self._version)
            sampled = self._sampled(stretch)
            if sampled:
                self._segments[run] = SegmentSpans(stretch, self._content, self._redact)
            error = ""
            try:
                now = here() or Here(run, epoch, self._worker)
                own = replace(stretch.own, sampled=sampled)
                with working_for(replace(now, trace=own, sends=self._propagate)):
                    return await advance(run, epoch, nudge)
            except BaseException as raised:
                error = type(raised).__name__
                raise
            finally:
                self._over(run, error)

        return traced

    def _sampled(self, stretch: Stretch) -> bool:
        try:
            return self._collector.samples(stretch)
        except Exception:
            log.exception("run %s is not traced", stretch.run)
            return False

    def _hear(self, run: str, events: Sequence[Event]) -> None:
        """These were appended to the run's journal by this process. Whatever is wrong here is no harm to the run."""
        segment = self._segments.get(run)
        if segment is None:
            return
        try:
            for span in segment.hear(events, self._clock()):
                self._collector.take(span)
        except Exception:
            log.exception("run %s is traced no further", run)
            del self._segments[run]

    def _over(self, run: str, error: str) -> None:
        segment = self._segments.pop(run, None)
        try:
            for span in () if segment is None else segment.over(self._clock(), error):
                self._collector.take(span)
        except Exception:
            log.exception("the end of run %s is not traced", run)


@asynccontextmanager
async def traces(settings: Settings, journal: SqlJournal, worker: str) -> AsyncIterator[Traces | None]:
    """The traces of this process while it is entered; None where nothing is traced. Nothing that is wrong here stops it."""
    wanted = settings.telemetry
    collector = _collector(settings, worker) if wanted.url else None
    if collector is None:
        yield None
        return
    redact, content, propagate = Redactor(settings), wanted.content, wanted.propagate
    try:
        yield Traces(journal, collector, worker=worker, redact=redact, content=content, propagate=propagate)
    finally:
        await collector.close()


def _collector(settings: Settings, worker: str) -> Collector | None:
    if settings.telemetry.protocol != PROTOCOL:
        log.warning("nothing is traced: OTLP over %s is not spoken; set OTEL_EXPORTER_OTLP_PROTOCOL=%s, and its port",
                    settings.telemetry.protocol, PROTOCOL)  # fmt: skip
        return None
    try:
        from planrail.otlp import Otlp  # noqa: PLC0415  # optional, and half a second to load
    except ModuleNotFoundError:
        log.warning("nothing is traced: %s", REMEDY)
        return None
    try:
        return Otlp(settings.telemetry, worker)
    except Exception:
        log.exception("nothing is traced")
        return None
