"""Answer: what has come of one streamed chat completion so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planner.llm.dialect import spelt_name
from planner.llm.function import ToolCall
from planner.llm.plain_calls import plain_calls
from planner.llm.port import ModelRequest
from planner.tokens import count_reply, estimate_usage
from planner.usage import Usage

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk

_SLACK = 2  # a vendor's tokens may be that much larger than ours before we say that it ignores the limit
_SLACK_TOKENS = 64


@dataclass
class _Call:
    """A call that is being written; `place` is the vendor's number for it, where it gives one."""

    place: int | None
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class Answer:
    """Collects chunks. Nothing in them is taken for granted: compatible endpoints leave out what they like."""

    request: ModelRequest
    model: str = ""
    finish: str | None = None  # the vendor's word; None until the answer has ended as answers end
    refusal: str = ""
    reported: Usage | None = None
    _calls: list[_Call] = field(default_factory=list)
    _pieces: list[str] = field(default_factory=list)
    _characters: int = 0
    _next_check: int = 0

    def __post_init__(self) -> None:
        self.model = self.request.model
        self._next_check = self._limit

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    @property
    def usage(self) -> Usage:
        """What the vendor reported, else what can be counted here."""
        return self.reported or estimate_usage(self.request, self.text + self.refusal, self._written())

    def calls(self, *, plain: bool) -> tuple[ToolCall, ...]:
        """The calls as they were written; none where nobody asked for any, and one where only one was allowed.

        Where the endpoint knows no functions (`plain`), a text that is calls is taken for them.
        """
        request = self.request
        if not (request.tools and request.may_call):
            return ()
        names = {spelt_name(t.name): t.name for t in request.tools}
        written = plain_calls(self.text, len(request.messages)) if plain else self._written()
        named = tuple(c.model_copy(update={"name": names.get(c.name, c.name)}) for c in written)
        return named if request.parallel_calls else named[:1]

    def _written(self) -> tuple[ToolCall, ...]:
        named = [c for c in self._calls if c.name]
        turn = len(self.request.messages)  # makes an id one of a kind in its conversation, where the vendor gives none
        return tuple(
            ToolCall(id=c.id or f"call_{turn}_{number}", name=c.name, arguments=c.arguments.strip() or "{}")
            for number, c in enumerate(named)
        )

    @property
    def _limit(self) -> int:
        return self.request.max_output_tokens * _SLACK + _SLACK_TOKENS

    def add(self, chunk: ChatCompletionChunk) -> str:
        """Take a chunk in; returns the text it brings, mostly a few characters, often none."""
        if isinstance(chunk.model, str) and chunk.model:
            self.model = chunk.model
        self.reported = _reported(getattr(chunk, "usage", None)) or self.reported
        choice = next(iter(chunk.choices or ()), None)
        if choice is None:
            return ""
        self.finish = choice.finish_reason or self.finish
        self.refusal += _text(choice.delta, "refusal")
        for call in getattr(choice.delta, "tool_calls", None) or ():
            self._add_call(call)
        text = _text(choice.delta, "content")
        if text:
            self._pieces.append(text)
            self._characters += len(text)
        return text

    def _add_call(self, delta: object) -> None:
        """A further piece of a call: told by its place, else by its id, else it belongs to the last one."""
        place, name = getattr(delta, "index", None), _text(delta, "id")
        call = next((c for c in self._calls if place is not None and c.place == place), None)
        if call is None and place is None and self._calls and name in ("", self._calls[-1].id):
            call = self._calls[-1]
        if call is None:
            call = _Call(place)
            self._calls.append(call)
        function = getattr(delta, "function", None)
        call.id = call.id or name
        call.name = call.name or _text(function, "name")
        arguments = _text(function, "arguments")
        call.arguments += arguments
        self._characters += len(arguments)

    def is_endless(self) -> bool:
        """Whether far more has come than was asked for: the endpoint ignores its limit. Counts seldom, so it is cheap."""
        if self._characters < self._next_check:
            return False
        self._next_check = self._characters * 5 // 4
        return count_reply(self.text, self._written()) > self._limit


def _text(delta: object, key: str) -> str:
    value = getattr(delta, key, None)
    return value if isinstance(value, str) else ""


def _reported(usage: CompletionUsage | None) -> Usage | None:
    """The vendor's figures; None where it reports nothing, or zeros to be polite."""
    tokens_in, tokens_out = _figure(usage, "prompt_tokens"), _figure(usage, "completion_tokens")
    if tokens_in == 0:
        return None
    cached = _figure(getattr(usage, "prompt_tokens_details", None), "cached_tokens")
    return Usage(model_calls=1, input_tokens=tokens_in, cached_input_tokens=min(cached, tokens_in), output_tokens=tokens_out)


def _figure(of: object, key: str) -> int:
    value = getattr(of, key, None)
    return value if isinstance(value, int) and value > 0 else 0
