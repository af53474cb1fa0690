"""A collector: takes OTLP over HTTP at a real socket, and reads the spans out of the protobuf."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

BOUND_S = 60.0


@dataclass(frozen=True)
class Received:
    """A span as it came."""

    name: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, Any]
    kind: str
    error: bool
    links: tuple[tuple[str, str], ...]  # (trace, span)
    moments: tuple[tuple[str, dict[str, Any]], ...]
    begun: int
    ended: int
    resource: dict[str, Any]


@dataclass
class Receiver:
    """`bytes` is all that came; while `gate` is not set, nobody is answered."""

    url: str = ""
    spans: list[Received] = field(default_factory=list)
    content: bytes = b""
    headers: list[dict[str, str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    came: threading.Condition = field(default_factory=threading.Condition)

    def named(self, name: str) -> list[Received]:
        """Spans of that name, by when they began."""
        return sorted((s for s in self.spans if s.name == name), key=lambda s: s.begun)

    def one(self, name: str) -> Received:
        (found,) = self.named(name)
        return found

    def until(self, name: str, times: int = 1) -> list[Received]:
        """The spans of that name, once there are so many."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.named(name)) >= times, BOUND_S), [s.name for s in self.spans]
        return self.named(name)

    def take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
        request = ExportTraceServiceRequest.FromString(body)
        with self.came:
            self.content += body
            self.headers.append(headers)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.spans += [_read(span, _values(resource.resource.attributes)) for span in scope.spans]
            self.came.notify_all()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A collector that listens while it is entered."""
    receiver = Receiver()
    receiver.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.gate.wait(BOUND_S)
            receiver.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=lambda: server.serve_forever(0.02), daemon=True).start()
    try:
        yield receiver
    finally:
        receiver.gate.set()
        server.shutdown()
        server.server_close()


def _read(span: trace_pb2.Span, resource: dict[str, Any]) -> Received:
    return Received(
        name=span.name, trace=span.trace_id.hex(), id=span.span_id.hex(), parent=span.parent_span_id.hex(),
        attributes=_values(span.attributes), kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        moments=tuple((event.name, _values(event.attributes)) for event in span.events),
        begun=span.start_time_unix_nano, ended=span.end_time_unix_nano, resource=resource,
    )  # fmt: skip


def _values(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
