"""Meter: what a request and its reply take, counted alike for every system, with a model of the vendors' prefix caches.

Input is what was sent: the messages, with three tokens of template around each, the calls among them, and the offered tools
as OpenAI's own recipe counts them (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken). A prefix that an
earlier request of the same system and model had is cached in steps of 128 tokens, from 1,024 tokens on
(https://platform.openai.com/docs/guides/prompt-caching).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from splintr import AnyTokenizer, Tokenizer

from benchmarks.thrift.perfect import JOINER, LLM_COMPILER, Reply
from planner.tokens import count_tokens

_STEP, _LEAST = 128, 1_024
_PER_MESSAGE = 3
_FUNCTION, _FUNCTION_END, _PROPERTIES, _PROPERTY = 7, 12, 3, 3  # the recipe's constants for gpt-4o
_BEGINS = {LLM_COMPILER: "\n\nQuestion: ", JOINER: "\nQuestion: "}  # where a prompt stops being the same for every goal


@dataclass(frozen=True)
class Exchange:
    """One call of a model. `fixed` is the part of the input that is the same for every goal: prompt and tools."""

    model: str
    input: int
    cached: int
    fixed: int
    output: int

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Meter:
    """Counts, and remembers every prefix that was sent, by system and model."""

    _seen: set[tuple[str, str, int]] = field(default_factory=set)

    def exchange(self, system: str, body: dict[str, Any], reply: Reply) -> Exchange:
        model, messages, tools = str(body["model"]), body["messages"], body.get("tools") or []
        offered = _tool_tokens(tools)
        tokens = offered + _PER_MESSAGE + sum(_message_tokens(m) for m in messages)
        return Exchange(
            model, tokens, self._cached(system, model, body, tokens), offered + _fixed(messages), output_tokens(reply)
        )

    def _cached(self, system: str, model: str, body: dict[str, Any], tokens: int) -> int:
        """How many tokens of the beginning the vendor has read before; remembers this request for the next."""
        cached, known = 0, True
        for end, digest in _prefixes(body):
            known = known and (system, model, digest) in self._seen
            cached = end if known else cached
            self._seen.add((system, model, digest))
        return min(cached, tokens) if cached >= _LEAST else 0


def output_tokens(reply: Reply) -> int:
    """The tokens of an answer: its text, and the name and arguments of each call."""
    return count_tokens(reply.text) + sum(_call_tokens(c) for c in reply.called())


def _prefixes(body: dict[str, Any]) -> Iterator[tuple[int, int]]:
    """Each beginning that a vendor would cache: its length in tokens and its digest."""
    text = json.dumps(body.get("tools") or []) + "".join(f"<|{m['role']}|>{_text(m)}" for m in body["messages"])
    tokens, digest = _tokenizer().encode_ordinary(text), 0
    for start in range(0, len(tokens) - _STEP + 1, _STEP):
        digest = hash((digest, tuple(tokens[start : start + _STEP])))
        yield start + _STEP, digest


def _fixed(messages: list[dict[str, Any]]) -> int:
    """The tokens of what stands before the goal in the prompt."""
    first = str(messages[0]["content"])
    for opening, end in _BEGINS.items():
        if first.startswith(opening):
            return count_tokens(first.partition(end)[0])
    second = str(messages[1]["content"]) if len(messages) > 1 else ""
    tools, goal, _ = second.rpartition("\n\nGoal: ")
    return count_tokens(first) + (count_tokens(tools) if goal and second.startswith("Tools\n") else 0)


def _message_tokens(message: dict[str, Any]) -> int:
    calls = sum(_call_tokens(c) for c in message.get("tool_calls") or [])
    return _PER_MESSAGE + count_tokens(message["role"]) + count_tokens(str(message.get("content") or "")) + calls


def _text(message: dict[str, Any]) -> str:
    calls = "".join(c["function"]["name"] + c["function"]["arguments"] for c in message.get("tool_calls") or [])
    return str(message.get("content") or "") + calls


def _call_tokens(call: dict[str, Any]) -> int:
    return count_tokens(call["function"]["name"]) + count_tokens(call["function"]["arguments"])


def _tool_tokens(tools: list[dict[str, Any]]) -> int:
    return sum(_function_tokens(t["function"]) for t in tools) + (_FUNCTION_END if tools else 0)


def _function_tokens(function: dict[str, Any]) -> int:
    properties = function.get("parameters", {}).get("properties", {})
    told = count_tokens(f"{function['name']}:{str(function.get('description', '')).rstrip('.')}")
    lines = (f"{name}:{p.get('type', '')}:{str(p.get('description', '')).rstrip('.')}" for name, p in properties.items())
    return _FUNCTION + told + (_PROPERTIES if properties else 0) + sum(_PROPERTY + count_tokens(line) for line in lines)


@cache
def _tokenizer() -> AnyTokenizer:
    return Tokenizer.from_pretrained("o200k_base")
