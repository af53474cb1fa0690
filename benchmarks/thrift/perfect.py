"""Perfect: what the scripted model answers to each system, in that system's own form. It knows the workload and never errs.

Which system asks is told by the request: tools are offered to a ReAct agent (one call a turn where parallel calls are
switched off), LLMCompiler's planner and joiner begin with their own words, everything else is our planner.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from benchmarks.thrift.workloads import Call, Workload
from planner.toolspec import Json

LLM_COMPILER = "Given a user query, create a plan"
JOINER = "Solve a question answering task"
END_OF_PLAN = "<END_OF_PLAN>"
_IDS = count(1)


@dataclass(frozen=True)
class Reply:
    """Text, or calls."""

    text: str = ""
    calls: list[Call] = field(default_factory=list)
    offered: tuple[str, ...] = ()

    def called(self) -> list[dict[str, Json]]:
        """The calls as the vendor writes them."""
        return [
            {"id": f"call_{next(_IDS):06}", "type": "function",
             "function": {"name": c.function(self.offered), "arguments": json.dumps(c.arguments, separators=(",", ":"))}}
            for c in self.calls
        ]  # fmt: skip


def reply_to(body: dict[str, Any], workload: Workload) -> Reply:
    """What the perfect model answers."""
    messages = body["messages"]
    if body.get("tools"):
        offered = tuple(t["function"]["name"] for t in body["tools"])
        return _react(messages, workload, offered, parallel=body.get("parallel_tool_calls") is not False)
    opening = str(messages[0]["content"])
    if opening.startswith(LLM_COMPILER):
        return Reply(_plan_lines(workload))
    if opening.startswith(JOINER):
        return Reply(f"Thought: {workload.sentence}\nAction: Finish({workload.sentence})")
    return Reply(workload.script)


def _react(messages: list[dict[str, Any]], workload: Workload, offered: tuple[str, ...], *, parallel: bool) -> Reply:
    """The next call, or all calls whose inputs are known; without a thought, as a terse model would."""
    done = sum(1 for m in messages if m["role"] == "tool")
    waves = workload.waves if parallel else [[c] for c in chain.from_iterable(workload.waves)]
    for wave in waves:
        if done < len(wave):
            return Reply(calls=wave, offered=offered)
        done -= len(wave)
    return Reply(workload.sentence)


def _plan_lines(workload: Workload) -> str:
    lines = [f"{n}. {line}" for n, line in enumerate([*workload.lines, "join()"], 1)]
    return "\n".join(lines) + END_OF_PLAN
