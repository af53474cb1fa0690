"""Tokens: how much of a model's attention a text takes, counted with a real vocabulary (o200k_base) and no network.

Other vendors cut text a little differently, so a count is exact for OpenAI's models since gpt-4o and a few per cent off for
the others. The vocabulary comes inside the package `splintr-rs` and is loaded at the first count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from planner.llm.function import ToolCall, ToolFunction, call_text, functions_text
from planner.llm.port import Message, ModelRequest
from planner.usage import Usage

if TYPE_CHECKING:
    from splintr import AnyTokenizer

_VOCABULARY = "o200k_base"
_PIECE = 1_000_000  # characters encoded at once: bounds memory, and costs at most one token a seam
_PER_MESSAGE = 3  # what a chat template writes around a message, and before the reply
# https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken


def count_tokens(text: str) -> int:
    """How many tokens the text is. Names of special tokens count as the text they are."""
    if len(text) <= _PIECE:
        return _count(text)
    return sum(_count(text[i : i + _PIECE]) for i in range(0, len(text), _PIECE))


def count_messages(messages: Iterable[Message]) -> int:
    """How many input tokens a chat of these messages is, the template around them included."""
    return _PER_MESSAGE + sum(_count_message(m) for m in messages)


def _count_message(message: Message) -> int:
    calls = sum(count_tokens(call_text(c)) for c in message.calls)
    return _PER_MESSAGE + count_tokens(message.role) + count_tokens(message.content) + calls


def count_tools(tools: Sequence[ToolFunction]) -> int:
    """How many input tokens the functions are that a model may call."""
    return count_tokens(functions_text(tools)) if tools else 0


def count_prompt(request: ModelRequest) -> int:
    """How many input tokens a request is: its tools and its messages."""
    return count_tools(request.tools) + count_messages(request.messages)


def count_reply(text: str, calls: Iterable[ToolCall] = ()) -> int:
    """How many output tokens a reply is."""
    return count_tokens(text) + sum(count_tokens(call_text(c)) for c in calls)


def estimate_usage(request: ModelRequest, text: str, calls: Iterable[ToolCall] = ()) -> Usage:
    """What a call has used up when nobody reported it: the whole prompt, and the part of the reply that came."""
    return Usage(
        model_calls=1,
        input_tokens=count_prompt(request),
        output_tokens=count_reply(text, calls),
        estimated=True,
    )


def _count(text: str) -> int:
    try:
        return len(_tokenizer().encode_ordinary(text))
    except UnicodeEncodeError:  # half a surrogate pair: no vocabulary knows it
        return len(_tokenizer().encode_ordinary(text.encode("utf-8", "replace").decode("utf-8")))


@cache
def _tokenizer() -> AnyTokenizer:
    from splintr import Tokenizer  # noqa: PLC0415  # 40 MB that a run of bound steps never needs

    return Tokenizer.from_pretrained(_VOCABULARY)
