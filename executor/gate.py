"""Gate: what a call passes on its way to a server: a line where it waits for its turn, and a breaker that may refuse it.

What a gate knows is this process's alone: with N workers a limit of the whole is that limit divided by N in each.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from executor.breaker import Breaker, BreakerTerms, Refused
from executor.errors import ServerLeftAlone
from executor.line import Line
from executor.tool import Tool, ToolDone, ToolFailed, ToolResult
from planner.errors import ModelError, ModelRefused, ModelUnavailable
from planner.llm.port import Model, ModelReply, ModelRequest, Piece
from planner.toolspec import Json

UNAVAILABLE = "unavailable"  # the kind of a call that was refused by a breaker: it was never made
_SICK = frozenset(("transient", "timeout"))
_WELL = frozenset(("not_found",))
_REASON = 300  # characters of why a server is left alone


@dataclass(frozen=True, slots=True)
class GateTerms:
    """The limits in front of one server."""

    at_once: int | None = None  # calls; a further one waits for its turn
    a_minute: int | None = None  # calls; a further one waits for its turn
    breaker: BreakerTerms = field(default_factory=BreakerTerms)


class Passage:
    """One call on its way through a gate; it says what it has learnt of the server, if anything."""

    def __init__(self) -> None:
        self.well: bool | None = None  # None: nothing
        self.wish_s = 0.0  # how long a sick server asked to be left alone
        self.reason = ""

    def failed(self, reason: str, wish_s: float | None) -> None:
        """The server is sick."""
        self.well, self.reason, self.wish_s = False, reason, wish_s or 0.0


class Gate:
    """The way to one server."""

    def __init__(self, server: str, line: Line, terms: BreakerTerms, gates: Gates) -> None:
        self._server = server
        self._line = line
        self._terms = terms
        self._gates = gates

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[Passage]:
        """Wait for a turn; raises ServerLeftAlone instead of letting a call through to a server that is sick."""
        async with self._line.turn() if self._line.limited else nullcontext():
            probe = self._admitted()
            passage = Passage()
            try:
                yield passage
            finally:
                self._settle(passage, probe)

    def _admitted(self) -> int:
        now = self._gates.now()
        admission = self._gates.breaker(self._server, self._terms).admit(now)
        if isinstance(admission, Refused):
            message = (
                f"{self._server} was not called: {admission.failures} calls in a row have failed (the last one: "
                f"{admission.reason}) It has been left alone for {now - admission.since:.0f} s and is tried again in "
                f"{admission.again_in_s:.0f} s."
            )
            raise ServerLeftAlone(message, again_in_s=admission.again_in_s)
        self._gates.keep(self._server, admission.breaker)
        return admission.probe

    def _settle(self, passage: Passage, probe: int) -> None:
        breaker = self._gates.breaker(self._server, self._terms)
        if passage.well is None:
            breaker = breaker.given_up(probe)
        elif passage.well:
            breaker = breaker.succeeded()
        else:
            now, jitter = self._gates.now(), self._gates.jitter()
            breaker = breaker.failed(now, probe, jitter=jitter, wish_s=passage.wish_s, reason=passage.reason[:_REASON])
        self._gates.keep(self._server, breaker)


class Gates:
    """All gates of a process: a line for each namespace of tools and each model, a breaker for each server."""

    def __init__(
        self,
        terms: Mapping[str, GateTerms] | None = None,
        *,
        usual: GateTerms | None = None,  # of servers that `terms` does not name
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.terms = dict(terms or {})
        self._usual = usual or GateTerms()
        self._sleep = sleep
        self._lines: dict[str, Line] = {}
        self._breakers: dict[str, Breaker] = {}  # of servers that have failed lately
        self.now = now
        self.jitter = jitter

    def of_tool(self, tool: Tool, arguments: Mapping[str, Json]) -> Gate:
        """The gate of a tool's namespace; where a call's URL names the server, each host has a breaker of its own."""
        namespace = tool.spec.namespace
        terms = self.terms.get(namespace, self._usual)
        server = namespace if tool.server_in is None else f"{namespace} {_host(arguments.get(tool.server_in))}".strip()
        return Gate(server, self._line(namespace, terms), terms.breaker, self)

    def of_model(self, model: str, endpoint: str) -> Gate:
        """The gate of a model; models of one endpoint share its breaker."""
        key = model_key(model, endpoint)
        terms = self.terms.get(key, self._usual)
        return Gate(_host(endpoint) or endpoint, self._line(key, terms, model), terms.breaker, self)

    def breaker(self, server: str, terms: BreakerTerms) -> Breaker:
        return self._breakers.get(server) or Breaker(terms)

    def keep(self, server: str, breaker: Breaker) -> None:
        if breaker.untouched:
            self._breakers.pop(server, None)
        else:
            self._breakers[server] = breaker

    def _line(self, key: str, terms: GateTerms, name: str = "") -> Line:
        if key not in self._lines:
            self._lines[key] = Line(
                name or key, at_once=terms.at_once, a_minute=terms.a_minute, now=self.now, sleep=self._sleep
            )
        return self._lines[key]


async def through(gate: Gate, call: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
    """Make a tool's call at its turn; `unavailable` where the breaker refuses it."""
    try:
        async with gate.passed() as passage:
            result = await call()
            match result:
                case ToolDone():
                    passage.well = True
                case ToolFailed(message=message, kind=kind, retry_after_s=wish) if kind in _SICK:
                    passage.failed(message, wish)
                case ToolFailed(kind=kind) if kind in _WELL:
                    passage.well = True
            return result
    except ServerLeftAlone as error:
        return ToolFailed(error.message, UNAVAILABLE, error.again_in_s)  # type: ignore[arg-type]  # ours, no tool's


class GatedModel:
    """A `Model` behind its gate. Time in the line is no part of the request's time-out, and a refusal costs nothing."""

    def __init__(self, model: Model, gate: Gate) -> None:
        self._model = model
        self._gate = gate

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        try:
            async with self._gate.passed() as passage:
                try:
                    async with aclosing(self._model.stream(request)) as pieces:
                        async for piece in pieces:
                            if isinstance(piece, ModelReply):  # who has it may listen no more
                                passage.well = True
                            yield piece
                except ModelError as error:
                    if isinstance(error, ModelUnavailable):
                        passage.failed(error.message, error.retry_after_s)
                    elif isinstance(error, ModelRefused):
                        passage.well = True
                    raise
        except ServerLeftAlone as error:
            raise ModelUnavailable(error.message, retry_after_s=error.again_in_s) from None


def model_key(model: str, endpoint: str) -> str:
    """The name under which a model's terms are given."""
    return f"{model} at {endpoint}"


def _host(url: Json) -> str:
    try:
        return urlsplit(url).netloc.rpartition("@")[2] if isinstance(url, str) else ""
    except ValueError:
        return ""
