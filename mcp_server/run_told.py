"""Run, told: a run as an MCP client is told of it. Pure: from the view of a run to prose and structured content.

The answer stands in the prose where it is a text, and in the structured content where it is data: never twice. What is too long
for a client's context is cut, and the resource `run://{id}` has the whole.
"""

from __future__ import annotations

import json

from mcp.types import CallToolResult, ContentBlock, ResourceLink, TextContent

from executor.events import Question, RunStatus
from executor.run import is_over
from planner.tokens import count_tokens
from planner.toolspec import Json, JsonSchema
from planrail.runs import APPROVALS
from planrail.view import RunView, StepView

MAX_TOKENS = 20_000  # of an answer that is told; clients cut at 25,000
_SHORT = 300  # characters of a text that stands in the prose besides the answer

DATA_SCHEMA: JsonSchema = {"anyOf": [{"type": t} for t in ("object", "array", "string", "number", "boolean", "null")]}
QUESTION_SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "text": {"type": "string"},
        "answered_by": {"enum": ["you", "a person"]},
        "answer_schema": {"type": "object"},
    },
    "required": ["id", "text", "answered_by"],
}
RUN_SCHEMA: JsonSchema = {
    "type": "object",
    "properties": {
        "run_id": {"type": "string"},
        "status": {"enum": ["queued", "running", "waiting", "done", "failed", "partial", "cancelled"]},
        "steps_done": {"type": "integer"},
        "steps": {"type": "integer"},
        "answer": DATA_SCHEMA,
        "reason": {"type": "string"},
        "questions": {"type": "array", "items": QUESTION_SCHEMA},
        "specialist": {"type": "string"},
        "tool_calls": {"type": "integer"},
        "tokens": {"type": "integer"},
        "usd": {"type": "number"},
        "next": {"type": "string"},
    },
    "required": ["run_id", "status", "next"],
}
_HEADS: dict[RunStatus, str] = {
    "queued": "is queued", "running": "is running", "waiting": "waits", "done": "is done", "failed": "failed",
    "partial": "ended at a ceiling", "cancelled": "was cancelled",
}  # fmt: skip


def run_result(view: RunView, *, may_approve: bool = False) -> CallToolResult:
    """The result of a tool that tells of a run."""
    text, answer, whole = _answer(view)
    prose = "\n".join(part for part in (_head(view), text, _said(view), *_asked(view, may_approve)) if part)
    content: list[ContentBlock] = [TextContent(type="text", text=prose)]
    if not whole:
        content.append(
            ResourceLink(type="resource_link", uri=f"run://{view.id}", name=f"run {view.id}", mime_type="application/json")
        )
    return CallToolResult(content=content, structured_content={**structured(view, may_approve=may_approve), **answer})


def structured(view: RunView, *, may_approve: bool = False) -> dict[str, Json]:
    """What is known of the run, without its answer."""
    done, of = progress(view)
    told: dict[str, Json] = {
        "run_id": view.id, "status": view.status, "steps_done": done, "steps": of, "tool_calls": view.cost.tool_calls,
        "tokens": view.cost.usage.tokens, "usd": round(view.cost.usage.usd, 6),
        "next": next_call(view, may_approve=may_approve),
    }  # fmt: skip
    if view.reason:
        told["reason"] = view.reason[:2_000]
    if view.routed is not None and view.routed.specialist:
        told["specialist"] = view.routed.specialist
    if view.questions:
        told["questions"] = [_question(q, may_approve) for q in view.questions]
    return told


def progress(view: RunView) -> tuple[int, int]:
    """Steps that are over, and steps."""
    return sum(1 for s in view.steps if s.state in ("done", "skipped", "failed")), len(view.steps)


def step_text(step: StepView) -> str:
    """One step in a few words, for a progress message."""
    items = f" {step.done} of {step.of}" if step.map and step.of is not None else ""
    return f"{step.mark} {step.id} {step.call}{items}".strip()


def next_call(view: RunView, *, may_approve: bool = False) -> str:
    """What to call next."""
    if is_over(view.status):
        return "nothing" if view.status == "done" else f"run_goal or run_plan again; get_run('{view.id}') tells more"
    if any(may_approve or q.kind not in APPROVALS for q in view.questions):
        return f"answer_run('{view.id}', question, answer)"
    if view.questions:
        return f"a person approves: planrail answer {view.id}; then get_run('{view.id}')"
    return f"get_run('{view.id}') after a while"


def _head(view: RunView) -> str:
    done, of = progress(view)
    steps = f", {done} of {of} steps" if of and view.status != "done" else ""
    return f"Run {view.id} {_HEADS[view.status]}{steps}."


def _said(view: RunView) -> str:
    hurt = "; ".join(f"{s.step}: {s.message}" for s in view.surprises[-2:])
    return (view.reason or hurt)[: 2 * _SHORT]


def _answer(view: RunView) -> tuple[str, dict[str, Json], bool]:
    """The answer in the prose, in the data, and whether it is whole."""
    answer = view.answer
    if answer is None:
        return "", {}, True
    if isinstance(answer, str):
        cut = _clipped(answer)
        return cut, {}, cut == answer
    text = json.dumps(answer, ensure_ascii=False)
    if count_tokens(text) <= MAX_TOKENS:
        return "The answer stands in the structured content.", {"answer": answer}, True
    return f"The answer begins: {_clipped(text)[: 4 * _SHORT]} …", {}, False


def _clipped(text: str) -> str:
    """The beginning of a text that a client can take."""
    if len(text) <= MAX_TOKENS or count_tokens(text) <= MAX_TOKENS:
        return text
    return text[: MAX_TOKENS * 2]


def _asked(view: RunView, may_approve: bool) -> list[str]:
    return [
        f"It asks {q['answered_by']}, as {q['id']}: {q['text']}" for q in (_question(q, may_approve) for q in view.questions)
    ]


def _question(question: Question, may_approve: bool) -> dict[str, Json]:
    by = "a person" if question.kind in APPROVALS and not may_approve else "you"
    told = {"id": question.id, "text": question.text[:2_000], "answered_by": by}
    more = {"answer_schema": question.answer_schema, "shown": question.shown}
    return told | {name: value for name, value in more.items() if value is not None}
