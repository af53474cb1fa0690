"""What the server answers: replies, the rules that choose them, and what a request looked like."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from planner.llm.function import ToolCall, ToolFunction
from planner.llm.port import Message
from planner.tokens import count_messages, count_reply, count_tools
from planner.toolspec import Json

Fault = Literal[
    "hang",  # never answers
    "close",  # closes the connection without an answer
    "stall",  # answers half and then nothing more
    "cut",  # breaks the connection in the middle of a line, half way
    "vanish",  # ends the stream half way, in good order but without a finish
    "garbage",  # sends a line that is no JSON, half way
    "endless",  # repeats its text until the client goes away, whatever its limit says
]


class Called(BaseModel):
    """A function that a reply calls; `raw` is its arguments' text where that is no JSON of `arguments`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    arguments: Mapping[str, Json] = Field(default_factory=dict)
    raw: str | None = None

    @property
    def text(self) -> str:
        return json.dumps(dict(self.arguments), separators=(",", ":")) if self.raw is None else self.raw


class Reply(BaseModel):
    """One answer. Without `usage` the tokens are counted; `reports_usage=False` leaves them out."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    text: str = ""
    value: Json = Field(default=None, alias="json")  # the text is this value's JSON
    finish: str = "stop"
    refusal: str = ""
    calls: tuple[Called, ...] = ()  # names as they are spelt here: crm-find_leads
    usage: Mapping[str, Json] | None = None
    reports_usage: bool = True
    status: int = 200  # any other: the error below
    error: Mapping[str, Json] = Field(default_factory=dict)  # message, code, param, type
    retry_after: str | None = None  # seconds or an HTTP date
    fault: Fault | None = None
    first_token_s: float = 0.0
    per_chunk_s: float = 0.0
    chunk: int = Field(default=16, ge=1)  # characters

    @property
    def content(self) -> str:
        return json.dumps(self.value) if self.value is not None else self.text

    @property
    def ending(self) -> str:
        """The vendor's word for how it ends."""
        return "tool_calls" if self.calls and self.finish == "stop" else self.finish

    @property
    def pieces(self) -> list[str]:
        return [self.content[i : i + self.chunk] for i in range(0, len(self.content), self.chunk)]


class Received(BaseModel):
    """One chat request as it came."""

    model_config = ConfigDict(frozen=True)

    authorization: str
    body: dict[str, Json]  # the whole of it
    traceparent: str = ""

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def wants_usage(self) -> bool:
        return not self.streams or bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(_message(m) for m in self.body.get("messages", ()))

    @property
    def tools(self) -> tuple[ToolFunction, ...]:
        """What the model may call."""
        return tuple(ToolFunction.model_validate(t["function"]) for t in self.body.get("tools", ()))

    @property
    def last(self) -> str:
        """The last message's text."""
        return self.messages[-1].content if self.messages else ""

    def usage(self, reply: Reply) -> Mapping[str, Json]:
        """What answering this costs."""
        if reply.usage is not None:
            return reply.usage
        called = [ToolCall(id="", name=c.name, arguments=c.text) for c in reply.calls]
        tokens_in = count_tools(self.tools) + count_messages(self.messages)
        tokens_out = count_reply(reply.content + reply.refusal, called)
        return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


def _message(body: dict[str, Json]) -> Message:
    calls = [ToolCall(id=c["id"], **c["function"]) for c in body.get("tool_calls") or ()]
    content, call_id = body.get("content") or "", body.get("tool_call_id", "")
    return Message(role=body["role"], content=content, calls=tuple(calls), call_id=call_id)


Chooser: TypeAlias = Callable[[Received], Reply]


class Rule(BaseModel):
    """Replies for the requests whose last message holds `match` and whose model's name holds `model`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: str = ""
    model: str = ""
    replies: tuple[Reply, ...] = Field(min_length=1)

    def fits(self, request: Received) -> bool:
        return bool(re.search(self.match, request.last) and re.search(self.model, request.model))


class Script(BaseModel):
    """Everything about a server. `refuses` names parameters that are answered with 400, as poorer endpoints do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...] = ()
    refuses: tuple[str, ...] = ()
    models: tuple[str, ...] = ()  # any other is answered with 404; none named: every model is there
    api_key: str | None = None  # any other is answered with 401


def unscripted(request: Received) -> Reply:
    """The answer to what no reply was written for: an error that says so."""
    return Reply(status=400, error={"message": f"No reply is scripted for: {request.last[:200]!r}", "code": "unscripted"})


def in_order(*replies: Reply | str) -> Chooser:
    """One reply a request; then none."""
    left = [Reply(text=r) if isinstance(r, str) else r for r in replies]
    return lambda request: left.pop(0) if left else unscripted(request)


def by_rules(rules: tuple[Rule, ...]) -> Chooser:
    """The first fitting rule's replies in order, its last one again and again."""
    given: Counter[int] = Counter()

    def choose(request: Received) -> Reply:
        for number, rule in enumerate(rules):
            if rule.fits(request):
                given[number] += 1
                return rule.replies[min(given[number], len(rule.replies)) - 1]
        return unscripted(request)

    return choose
