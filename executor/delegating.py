"""Delegating: carry out one call of a `delegate`, to an event that says how it ended, or to what the agent asks."""

from __future__ import annotations

import time
from typing import Protocol

from executor.agent_tools.order import Asks, Caller, Delivered, Order, Refused
from executor.agent_tools.tools import AgentTool
from executor.call_state import CallState
from executor.ends import failed, finished
from executor.events import CallFailed, Question
from executor.frame import Start, instead
from executor.perform import Ended
from executor.thread import Thread
from executor.tool import Tool
from executor.toolset import Toolset
from planner.flow import result_labels
from planner.toolspec import AGENT
from planner.usage import Usage


class Delegation(Caller, Protocol):
    """The caller of one delegated call, which knows what the journal says of it."""

    @property
    def thread(self) -> Thread: ...


async def delegated(start: Start, key: str, toolset: Toolset, call: Delegation) -> Ended | Question:
    """Carry the call out; its failure becomes the script's `otherwise` if there is one."""
    begun, tool, thread = time.monotonic(), toolset[start.step.tool], call.thread
    assert isinstance(tool, AgentTool)
    within_s = tool.spec.timeout_s if start.step.options.timeout_s is None else start.step.options.timeout_s
    outcome = await tool.delegate(order_of(start, key, thread), call, within_s)
    cost = Usage(usd=tool.spec.usd)
    labels = result_labels(tool.spec, start.bound.label)
    match outcome:
        case Asks():
            return _question(start, outcome, thread)
        case Delivered(value=value):
            ended: Ended = finished(start, value, labels, usage=cost)
        case Refused(message=message, kind=kind):
            ended = failed(start, kind, f"{tool.agent.name}: {message}", usage=cost)
    if isinstance(ended, CallFailed) and start.otherwise is not None:
        ended = instead(start.step.id, start.item, start.otherwise, f"{ended.kind}: {ended.message}", labels.whole())
        ended = ended.model_copy(update={"usage": cost})
    return ended.model_copy(update={"seconds": round(time.monotonic() - begun, 4)})


def looking(start: Start, call: CallState, tool: Tool, caller: Delegation) -> Tool:
    """The tool, an agent's with a probe that looks for the task of that call."""
    if not isinstance(tool, AgentTool) or call.started is None:
        return tool
    return tool.looking(order_of(start, call.started.key, caller.thread), caller)


def order_of(start: Start, key: str, thread: Thread) -> Order:
    """What the agent is asked to do, and what is known of its task."""
    inputs = dict(start.bound.arguments)
    goal = inputs.pop("goal")
    task = thread.delegated
    return Order(
        goal=goal if isinstance(goal, str) else str(goal),
        inputs=inputs,
        returns=start.step.returns or {"type": "string"},
        message=thread.message(key),
        task="" if task is None else task.task,
        context="" if task is None else task.context,
        reply=thread.reply,
    )


def _question(start: Start, asks: Asks, thread: Thread) -> Question:
    """What the agent asks, as a question of the run. Its words are a stranger's, and are told as its own."""
    agent, auth = start.step.tool.removeprefix(AGENT), asks.kind == "auth"
    text = f"The agent {agent} {'wants a credential' if auth else 'asks'}: {asks.text}"
    return Question(
        id=thread.question_id(start.step.id, start.item),
        kind="credential" if auth else "ask_user",
        of=start.step.id,
        item=start.item,
        text=f"{text}\nAnswer yes once it is given there; the credential itself is no answer." if auth else text,
        answer_schema={"type": "boolean" if auth else "string"},
        agent=agent,
        ref=asks.ref,
    )
