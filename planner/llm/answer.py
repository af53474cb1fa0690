"""Answer: what has come of one streamed chat completion so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from planner.llm.port import ModelRequest
from planner.tokens import count_tokens, estimate_usage
from planner.usage import Usage

if TYPE_CHECKING:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletionChunk

_SLACK = 2  # a vendor's tokens may be that much larger than ours before we say that it ignores the limit
_SLACK_TOKENS = 64


@dataclass
class Answer:
    """Collects chunks. Nothing in them is taken for granted: compatible endpoints leave out what they like."""

    request: ModelRequest
    model: str = ""
    finish: str | None = None  # the vendor's word; None until the answer has ended as answers end
    refusal: str = ""
    reported: Usage | None = None
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
        return self.reported or estimate_usage(self.request, self.text + self.refusal)

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
        text = _text(choice.delta, "content")
        if text:
            self._pieces.append(text)
            self._characters += len(text)
        return text

    def is_endless(self) -> bool:
        """Whether far more has come than was asked for: the endpoint ignores its limit. Counts seldom, so it is cheap."""
        if self._characters < self._next_check:
            return False
        self._next_check = self._characters * 5 // 4
        return count_tokens(self.text) > self._limit


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
