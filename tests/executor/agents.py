"""Agents: scripted models that play a part in a loop with tools, deciding by what they have been told so far alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

from planner.llm.function import ToolCall
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel, ScriptedReply
from planner.toolspec import Json

Ask = tuple[str, dict[str, Json]]
Outputs = list[Json]  # what the calls gave so far, in their order; what was no JSON is its text
Policy = Callable[[Outputs], "Sequence[Ask] | str"]


def wander(instruction: str, x: str, turn: int, tools: Sequence[str]) -> list[Ask]:
    """What a model asks for at a turn that decides by nothing that it reads: often several, some that there are not."""
    seed = crc32(f"{instruction} {x} {turn}".encode())
    if turn > 1 + seed % 4:
        return []
    found: list[Ask] = []
    for number in range(1 + (seed >> 2) % 4):
        part = seed >> (4 + 5 * number)
        name = tools[part % len(tools)] if part % 9 else "a.nothing"
        found.append((name, {"x": part % 7 if part % 11 else "seven"}))
    return found


def arrived(x: str, turn: int) -> Json:
    """What it answers at that turn."""
    number = int(x) + turn
    return {"id": number, "n": number % 4, "flag": number % 3 == 0, "seen": 0}


def wanderer(request: ModelRequest) -> ScriptedReply:
    """The reply of a model that wanders; the instruction is in the first message, its input as well."""
    told = request.messages[1].content
    instruction = told.partition("Instruction: ")[2].partition("\n")[0]
    x = str(json.loads(told.partition("Inputs: ")[2].partition("\n")[0])["x"])
    turn = 1 + sum(1 for m in request.messages if m.role == "assistant")
    asked = wander(instruction, x, turn, [t.name for t in request.tools]) if request.may_call else []
    calls = tuple(ToolCall(id=f"c{turn}_{n}", name=name, arguments=json.dumps(a)) for n, (name, a) in enumerate(asked))
    return calls or json.dumps(arrived(x, turn))


def outputs(request: ModelRequest) -> Outputs:
    """What the tools gave, as the model was told."""
    return [_read(m.content) for m in request.messages if m.role == "tool"]


def _read(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text


def agent(policy: Policy) -> ScriptedModel:
    """A model that calls what its policy says, or answers with the text that it gives."""

    def reply(request: ModelRequest) -> ScriptedReply:
        said = policy(outputs(request))
        if isinstance(said, str):
            return said
        turn = len(request.messages)
        return tuple(ToolCall(id=f"c{turn}_{n}", name=name, arguments=json.dumps(a)) for n, (name, a) in enumerate(said))

    return ScriptedModel(reply)


def in_turn(*turns: Sequence[Ask] | str) -> ScriptedModel:
    """A model with these turns, whatever it is told."""
    left = list(turns)
    made: list[Any] = []

    def reply(request: ModelRequest) -> ScriptedReply:
        said = left[sum(1 for m in request.messages if m.role == "assistant")]
        made.append(said)
        if isinstance(said, str):
            return said
        turn = len(request.messages)
        return tuple(ToolCall(id=f"c{turn}_{n}", name=name, arguments=json.dumps(a)) for n, (name, a) in enumerate(said))

    return ScriptedModel(reply)
