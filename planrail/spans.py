"""Spans: what the events of one owner's stretch of a run say as spans, by the semantic conventions for generative AI. Pure.

    invoke_agent planrail              one a stretch (segment); its parent is the caller's span, it links to the stretch before
    ├─ plan planrail                   from the stretch's begin, or a surprise, to the certificate
    │  └─ chat MODEL                   a call of the planner's model
    ├─ execute_tool crm.enrich_lead    a tool call, with all its retries
    ├─ chat MODEL                      a call of a step's model
    └─ invoke_agent NAME               a delegated call

Their ids are worked out from run, stretch, step and item (`planner.traceparent`): whoever is asked meanwhile is told the id of
a span that is written when it is over. https://github.com/open-telemetry/semantic-conventions-genai
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from executor.events import (
    CallFailed,
    CallFinished,
    CallHeld,
    CallRetried,
    CallStarted,
    CeilingReached,
    ConfidenceFell,
    Event,
    PlanCertified,
    PlannerCalled,
    PlanProposed,
    PlanRefused,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    RunEnded,
    RunParked,
    Surprised,
    TaskDelegated,
)
from executor.submission import Submission
from planner.toolspec import AGENT, Json
from planner.traceparent import Traceparent, span_of, trace_of, traceparent_of
from planner.usage import NO_USAGE, Usage

AGENT_NAME = "planrail"
PROVIDER = "openai"  # the format that models are spoken to in, whoever answers
_MOST = 16_000  # characters of one content
_MOMENTS = 100  # of a span; what comes later is left out
_PLAN = "$plan"  # the step of planning, which is none of the plan's
_NOT_CALLED = frozenset(("ahead", "fork", "settled"))  # where a value comes from for which nothing was called

Value = str | int | float | bool
Redact = Callable[[str], str]


@dataclass(frozen=True)
class Moment:
    """Something that happened within a span."""

    name: str
    at: float
    attributes: Mapping[str, Value]


@dataclass(frozen=True)
class Span:
    """One span, over; times in seconds since 1970. `parent` is None of one that begins its trace here."""

    name: str
    own: Traceparent
    parent: Traceparent | None
    begun: float
    ended: float
    attributes: Mapping[str, Value]
    client: bool = False  # somebody else was asked
    error: str = ""
    links: tuple[Traceparent, ...] = ()
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Stretch:
    """One owner's stretch of a run: what is known when it begins."""

    run: str
    epoch: int
    submission: Submission
    begun: float
    worker: str = ""
    version: str = ""

    @cached_property
    def parent(self) -> Traceparent | None:
        """The caller's span."""
        return traceparent_of(self.submission.traceparent)

    @cached_property
    def own(self) -> Traceparent:
        """Its span; whether it is sampled is for the sampler to say."""
        trace = trace_of(self.run) if self.parent is None else self.parent.trace
        return Traceparent(trace, span_of(self.run, self.epoch))

    @property
    def links(self) -> tuple[Traceparent, ...]:
        """The stretch before, and of a fork's first one the run that it stems from."""
        if self.epoch > 1:
            return (replace(self.own, span=span_of(self.run, self.epoch - 1)),)
        before = traceparent_of(self.submission.links_to)
        return () if before is None else (before,)

    @property
    def attributes(self) -> dict[str, Value]:
        """What is known of it from the start."""
        return {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": AGENT_NAME,
            "gen_ai.agent.version": self.version,
            "gen_ai.conversation.id": self.submission.session or self.run,
            "planrail.run.id": self.run,
            "planrail.segment": self.epoch,
            "planrail.worker": self.worker,
        }

    @property
    def name(self) -> str:
        return f"invoke_agent {AGENT_NAME}"


@dataclass
class _Planning:
    """A plan that is being found."""

    begun: float
    calls: int = 0
    refusals: int = 0
    source: str = ""
    script: str = ""


@dataclass
class SegmentSpans:
    """Makes spans of a stretch's events as they come. `content` says whether what was said is told, as `redact` leaves it."""

    stretch: Stretch
    content: bool = False
    redact: Redact = str
    _open: dict[tuple[str, str], CallStarted] = field(default_factory=dict)
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    _retries: dict[tuple[str, str], int] = field(default_factory=dict)
    _spent: dict[tuple[str, str], Usage] = field(default_factory=dict)
    _tasks: dict[tuple[str, str], str] = field(default_factory=dict)
    _planning: _Planning | None = None
    _plans: int = 0
    _usage: Usage = NO_USAGE
    _moments: list[Moment] = field(default_factory=list)
    _ended: RunEnded | None = None
    _parked: bool = False

    def hear(self, events: Sequence[Event], at: float) -> list[Span]:
        """The spans that are over with these events, which happened by then."""
        return [span for event in events for span in self._heard(event, at)]

    def over(self, at: float, error: str = "") -> list[Span]:
        """What was still open when the stretch ended, and the stretch itself; `error` where it did not end as it should."""
        spans = [self._call(address, at, "unfinished") for address in list(self._open)]
        if self._planning is not None:
            spans.append(self._plan(at, "refused" if self._ended is not None else error))
        stretch, ended = self.stretch, self._ended
        told: dict[str, Value] = {**stretch.attributes, **_usage(self._usage), "planrail.status": self._status}
        if self.content and stretch.epoch == 1 and stretch.submission.goal:
            told["gen_ai.input.messages"] = self._message("user", stretch.submission.goal)
        if self.content and ended is not None and ended.answer is not None:
            told["gen_ai.output.messages"] = self._message("assistant", _words(ended.answer), finish_reason="stop")
        if ended is not None:
            error = "" if ended.status == "done" else "internal" if ended.broken else ended.status
        elif self._parked:
            error = ""  # it was over, whatever has broken off what came after
        moments = tuple(self._moments)
        own = Span(stretch.name, stretch.own, stretch.parent, stretch.begun, at, told, False, error, stretch.links, moments)
        return [*spans, own]

    @property
    def _status(self) -> str:
        return self._ended.status if self._ended is not None else "waiting" if self._parked else "queued"

    def _heard(self, event: Event, at: float) -> list[Span]:
        match event:
            case CallStarted():
                self._begun(event, at)
            case CallRetried():
                address = (event.step, event.item)
                self._retries[address] = self._retries.get(address, 0) + 1
                self._spent[address] = self._spent.get(address, NO_USAGE) + event.usage
            case CallFinished() | CallFailed():
                return self._call_over(event, at)
            case TaskDelegated():
                self._tasks[event.step, event.item] = event.task
            case PlannerCalled() | PlanProposed() | PlanRefused() | PlanCertified():
                return self._planned(event, at)
            case RunEnded():
                self._ended = event
            case _:
                self._happened(event, at)
        return []

    # -- calls

    def _begun(self, event: CallStarted, at: float) -> None:
        if not event.ahead and event.of is None:  # else nothing is called
            self._open[event.step, event.item] = event
            self._since[event.step, event.item] = at

    def _call_over(self, event: CallFinished | CallFailed, at: float) -> list[Span]:
        address = (event.step, event.item)
        self._usage += event.usage + self._spent.get(address, NO_USAGE)
        how = "" if isinstance(event, CallFailed) else event.how
        if address not in self._open or how in _NOT_CALLED:
            self._open.pop(address, None)
            return []
        error = event.kind if isinstance(event, CallFailed) else _kind(event.reason) if how == "otherwise" else ""
        self._since[address] = at - event.seconds
        value = None if isinstance(event, CallFailed) or event.artifact is not None else event.value
        return [self._call(address, at, error, event.usage, how, value)]

    def _call(
        self, address: tuple[str, str], at: float, error: str, usage: Usage = NO_USAGE, how: str = "", value: Json = None
    ) -> Span:
        started, (step, item) = self._open.pop(address), address
        usage += self._spent.pop(address, NO_USAGE)
        told: dict[str, Value] = {"planrail.step": step, "planrail.call": started.call}
        told |= {"planrail.item": item} if item else {}
        told |= {"planrail.retries": n} if (n := self._retries.pop(address, 0)) else {}
        told |= {"planrail.how": how} if how not in ("", "call") else {}
        if started.model:
            name, told = f"chat {started.model}", {**_chat(started.model, usage), **told}
        elif started.call.startswith(AGENT):
            agent = started.call.removeprefix(AGENT)
            name = f"invoke_agent {agent}"
            told |= {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent, "gen_ai.provider.name": "a2a"}
            told |= {"planrail.delegated.task": task} if (task := self._tasks.get(address, "")) else {}
        else:
            name = f"execute_tool {started.call}"
            told |= {
                "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": started.call, "gen_ai.tool.type": "function",
                "gen_ai.tool.call.id": started.key,
            }  # fmt: skip
            told |= {"planrail.usd": usage.usd} if usage.usd else {}
        if self.content and not started.model:
            told["gen_ai.tool.call.arguments"] = self._json(started.arguments)
            told |= {"gen_ai.tool.call.result": self._json(value)} if value is not None else {}
        elif self.content and value is not None:
            told["gen_ai.output.messages"] = self._message("assistant", _words(value), finish_reason="stop")
        own = self._id(step, item)
        client = bool(started.model) or started.call.startswith(AGENT)
        return Span(name, own, self.stretch.own, self._since.pop(address), at, told, client, error)

    # -- the plan

    def _planned(self, event: PlannerCalled | PlanProposed | PlanRefused | PlanCertified, at: float) -> list[Span]:
        if self._planning is None:
            self._planning = _Planning(self.stretch.begun if not self._plans else at)
        planning = self._planning
        match event:
            case PlannerCalled():
                planning.calls += 1
                planning.begun = min(planning.begun, at - event.seconds)
                self._usage += event.usage
                told = {**_chat(event.model, event.usage), "planrail.purpose": event.purpose}
                own, parent = self._id(_PLAN, f"{self._plans}.{planning.calls}"), self._id(_PLAN, str(self._plans))
                error = "model" if event.error else ""
                return [Span(f"chat {event.model}", own, parent, at - event.seconds, at, told, True, error)]
            case PlanProposed():
                planning.source, planning.script = event.source, event.script
            case PlanRefused():
                planning.refusals += 1
            case PlanCertified():
                return [self._plan(at, "", event)]
        return []

    def _plan(self, at: float, error: str, certified: PlanCertified | None = None) -> Span:
        planning = self._planning
        assert planning is not None
        told: dict[str, Value] = {"gen_ai.operation.name": "plan", "gen_ai.agent.name": AGENT_NAME}
        told |= {"planrail.plan.source": planning.source, "planrail.plan.refusals": planning.refusals}
        if certified is not None:
            told |= {"planrail.plan.revision": certified.revision, "planrail.plan.certificate": certified.certificate.hash}
        if self.content and planning.script:
            told["planrail.plan.script"] = self._cut(planning.script)
        own = self._id(_PLAN, str(self._plans))
        self._planning, self._plans = None, self._plans + 1
        return Span(f"plan {AGENT_NAME}", own, self.stretch.own, planning.begun, at, told, False, error)

    # -- what happens within

    def _happened(self, event: Event, at: float) -> None:
        """Note what is no span. Of words that somebody wrote none is told."""
        told: dict[str, Value] = {}
        match event:
            case Surprised():
                told = {"kind": event.kind, "step": event.step, "item": event.item}
                self._planning = self._planning or _Planning(at)
            case CallHeld():
                told = {"step": event.step, "item": event.item}
            case QuestionAsked():
                told = {"kind": event.question.kind, "question": event.question.id}
            case QuestionAnswered() | QuestionExpired():
                told = {"question": event.question}
            case CeilingReached():
                told = {"ceiling": event.ceiling, "limit": event.limit}
            case ConfidenceFell():
                told = {"measure": event.measure, "step": event.step}
            case RunParked():
                self._parked = True
            case _:
                return
        told = {f"planrail.{name}": value for name, value in told.items() if value != ""}
        if len(self._moments) < _MOMENTS:
            self._moments.append(Moment(f"planrail.{event.type}", at, told))

    def _id(self, step: str, item: str) -> Traceparent:
        return Traceparent(self.stretch.own.trace, span_of(self.stretch.run, self.stretch.epoch, step, item))

    # -- content

    def _message(self, role: Literal["user", "assistant"], text: str, **more: str) -> str:
        return json.dumps([{"role": role, "parts": [{"type": "text", "content": self._cut(text)}], **more}], ensure_ascii=False)

    def _json(self, value: Json) -> str:
        return self._cut(json.dumps(value, ensure_ascii=False))

    def _cut(self, text: str) -> str:
        redacted = self.redact(text[: 2 * _MOST])  # what is cut in two is cut off
        return redacted if len(redacted) <= _MOST else f"{redacted[:_MOST]}…"


def _kind(reason: str) -> str:
    """The kind of failure for which the script's own value stands; the words after it are not told."""
    kind = reason.partition(":")[0]
    return kind if kind.isidentifier() else "failed"


def _chat(model: str, usage: Usage) -> dict[str, Value]:
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": PROVIDER, "gen_ai.request.model": model, **_usage(usage)
    }  # fmt: skip


def _usage(usage: Usage) -> dict[str, Value]:
    told: dict[str, Value] = {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
    }
    told |= {"gen_ai.usage.cache_read.input_tokens": usage.cached_input_tokens} if usage.cached_input_tokens else {}
    return told | {"planrail.usd": usage.usd}


def _words(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
