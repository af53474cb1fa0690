"""Perfect: what the scripted model answers to each system, in that system's own form. It knows the workload and never errs.

Which system asks is told by the request: a plan in words is asked for through a tool of that name, a step of it by its own
words, other tools are offered to a ReAct agent (one call a turn where parallel calls are switched off), LLMCompiler's planner
and joiner begin with their own words, everything else is our planner.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from benchmarks.thrift.call import Call, Step
from benchmarks.thrift.form import Form
from planner.toolspec import Json

LLM_COMPILER = "Given a user query, create a plan"
JOINER = "Solve a question answering task"
END_OF_PLAN = "<END_OF_PLAN>"
PREVIOUS = "\nPrevious Plan:\n"
ERROR = "Error: "
PLAN, ACT = "Plan", "Act"  # the tools by which a plan in words is answered
TASK, DONE, TOGETHER = "Carry out step 1: ", "Done so far:", "What can be done at once is one step."
_SURPRISE = "\nSurprise\n"
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


def reply_to(body: dict[str, Any], form: Form) -> Reply:
    """What the perfect model answers."""
    messages = body["messages"]
    asked = "\n".join(str(m["content"]) for m in messages if m["role"] in ("system", "user"))
    offered = tuple(t["function"]["name"] for t in body.get("tools") or [])
    if offered in ((PLAN,), (ACT,)):
        return Reply(calls=[_planned(offered[0], asked, form)], offered=offered)
    if offered:
        parallel = body.get("parallel_tool_calls") is not False
        waves, said = _carried_out(asked, form) if TASK in asked else (form.waves, form.sentence)
        return _react(messages, waves if parallel else [[c] for c in chain.from_iterable(waves)], said, offered)
    if asked.startswith(LLM_COMPILER):
        return Reply(_plan_lines(form, again=PREVIOUS in asked))
    if asked.startswith(JOINER):
        return Reply(_joined(asked, form))
    return Reply(form.plans[1 if _SURPRISE in asked else 0].script)


def _react(messages: list[dict[str, Any]], waves: list[list[Call]], said: str, offered: tuple[str, ...]) -> Reply:
    """The next calls, or what is said when all are made; without a thought, as a terse model would."""
    done = sum(1 for m in messages if m["role"] == "tool")
    for wave in waves:
        if done < len(wave):
            return Reply(calls=wave, offered=offered)
        done -= len(wave)
    return Reply(said)


def _planned(tool: str, asked: str, form: Form) -> Call:
    """The steps that are left, of which only the next one's inputs have to be known; or the answer."""
    steps = form.steps(together=TOGETHER in asked)
    past = asked.partition(DONE)[2]
    left = [s for s in steps if s.task not in past]
    told = [left[0].task, *(s.ahead for s in left[1:])] if left else []
    if tool == PLAN:
        return Call(PLAN, {"steps": [*told]})
    return Call(ACT, {"action": {"steps": [*told]} if left else {"response": form.sentence}})


def _carried_out(asked: str, form: Form) -> tuple[list[list[Call]], str]:
    """The calls of the step that is asked for, and what is found by them."""
    task = asked.partition(TASK)[2].strip()
    steps: list[Step] = [*form.steps(together=False), *form.steps(together=True)]
    step = next(s for s in steps if s.task == task)
    return step.waves, step.found


def _plan_lines(form: Form, *, again: bool) -> str:
    lines = [f"{n}. {line}" for n, line in enumerate([*form.lines[1 if again else 0], "join()"], 1)]
    thought = ["Thought: I do what failed once more."] if again else []
    return "\n".join([*thought, *lines]) + END_OF_PLAN


def _joined(asked: str, form: Form) -> str:
    """The answer; while plans are left and the last one met an error, that another plan is needed."""
    last = asked.rpartition("Question: ")[2]
    if ERROR in last and last.count("Thought: I do") == 0:
        return "Thought: A call has failed.\nAction: Replan(what failed)"
    return f"Thought: {form.sentence}\nAction: Finish({form.sentence})"
