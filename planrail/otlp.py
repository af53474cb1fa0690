"""Otlp: spans on their way to a collector, by OpenTelemetry's SDK: a bounded queue, and a thread that sends what is in it.

The provider is Planrail's own and nobody else's default: what libraries trace by themselves, which may hold content, goes
nowhere. Made by `opened`; loaded only where runs are traced.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from planner.traceparent import Traceparent
from planrail.spans import Span, Stretch
from planrail.telemetry_settings import TelemetrySettings

_SELDOM_S = 60.0
_EXPORTER = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
_FLUSH_S = 3.0  # for what is in the queue when a process ends; a collector that is away holds it up no longer


class _Given(IdGenerator):
    """Gives the ids that it was told: they are worked out, and not drawn."""

    def __init__(self) -> None:
        self.own = Traceparent("1" * 32, "1" * 16)

    def generate_span_id(self) -> int:
        return int(self.own.span, 16)

    def generate_trace_id(self) -> int:
        return int(self.own.trace, 16)


class _Seldom(logging.Filter):
    """Lets the exporter say once a minute what it says of every attempt at a collector that is away."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        last = self._said.get(record.msg)
        if last is not None and record.created - last < _SELDOM_S:
            return False
        self._said[record.msg] = record.created
        return True


class Otlp:
    """Takes spans; never waits, and drops what the queue has no room for."""

    def __init__(self, settings: TelemetrySettings, worker: str) -> None:
        headers = {name: value.get_secret_value() for name, value in settings.headers.items()}
        told = {"service.name": settings.service, "service.version": version("planrail"), "service.instance.id": worker}
        self._given, self._seldom = _Given(), _Seldom()
        _EXPORTER.addFilter(self._seldom)
        self._provider = TracerProvider(
            resource=Resource.create(told), id_generator=self._given, shutdown_on_exit=False
        )  # fmt: skip
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(settings.url, headers=headers or None)))
        self._tracer = self._provider.get_tracer("planrail", version("planrail"))

    def samples(self, stretch: Stretch) -> bool:
        """Whether the stretch's spans are recorded, by the sampler that OpenTelemetry's variables choose."""
        own = stretch.own
        result = self._provider.sampler.should_sample(
            _context(stretch.parent), int(own.trace, 16), stretch.name, SpanKind.INTERNAL, stretch.attributes
        )  # fmt: skip
        return result.decision is not Decision.DROP

    def take(self, span: Span) -> None:
        """Put the span into the queue."""
        self._given.own = span.own
        kind = SpanKind.CLIENT if span.client else SpanKind.INTERNAL
        links = [Link(_ids(link)) for link in span.links]
        begun = self._tracer.start_span(
            span.name, _context(span.parent), kind, {**span.attributes}, links, start_time=_ns(span.begun)
        )  # fmt: skip
        for moment in span.moments:
            begun.add_event(moment.name, {**moment.attributes}, _ns(moment.at))
        if span.error:
            begun.set_attribute("error.type", span.error)
            begun.set_status(Status(StatusCode.ERROR))
        begun.end(max(_ns(span.ended), _ns(span.begun)))

    async def close(self) -> None:
        """Send what is left; a collector that does not answer is not waited for long."""
        over = asyncio.Event()
        loop = asyncio.get_running_loop()

        def shut_down() -> None:
            self._provider.shutdown()
            _tell(loop, over.set)

        threading.Thread(target=shut_down, name="planrail-traces", daemon=True).start()  # it holds no exit up
        with suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_S):
                await over.wait()
        _EXPORTER.removeFilter(self._seldom)


def _tell(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # nobody waits any more
        loop.call_soon_threadsafe(call)


def _ids(found: Traceparent) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if found.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(found.trace, 16), int(found.span, 16), is_remote=True, trace_flags=flags)


def _context(parent: Traceparent | None) -> Context:
    """The parent's context, and else an empty one: what a library has begun around this is no parent."""
    return Context() if parent is None else trace.set_span_in_context(NonRecordingSpan(_ids(parent)), Context())


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)
