"""Forms: a run's questions as elicitation has them: flat objects of primitive values (spec 2026-07-28, client/elicitation)."""

from __future__ import annotations

import json

from mcp.types import ElicitRequest, ElicitRequestFormParams, ElicitResult

from executor.events import Question
from executor.submission import Principal
from mcp_server.door import Ctx
from planner.toolspec import Json
from planrail.runs import Runs


def form_of(question: Question) -> dict[str, Json] | None:
    """The form of a question; None for one whose answer is no primitive value."""
    schema: dict[str, Json] = dict(question.answer_schema) if isinstance(question.answer_schema, dict) else {"type": "string"}
    if any(s == {"type": "boolean"} for s in schema.get("anyOf", ())):
        schema = {"type": "boolean"}  # yes or no will do
    if "enum" in schema and all(isinstance(v, str) for v in schema["enum"]):
        schema = {"type": "string", "enum": schema["enum"]}
    elif schema.get("type") not in ("string", "number", "integer", "boolean"):
        return None
    return {"type": "object", "properties": {"answer": {**schema, "title": "Answer"}}, "required": ["answer"]}


def form_request(question: Question, run: str) -> ElicitRequest:
    """The request that asks it; the question must have a form."""
    schema = form_of(question)
    assert schema is not None
    return ElicitRequest(params=ElicitRequestFormParams(message=words(question, run), requested_schema=schema))


def words(question: Question, run: str) -> str:
    """The question as a person reads it: with what it is about."""
    shown = "" if question.shown is None else f"\n{json.dumps(question.shown, ensure_ascii=False, indent=1)[:4_000]}"
    return f"{question.text[:2_000]}{shown}\n(run {run})"


def elicits(ctx: Ctx) -> bool:
    """Whether the client can ask its person."""
    capabilities = ctx.session.client_capabilities
    return capabilities is not None and capabilities.elicitation is not None


async def decided(runs: Runs, run: str, person: Principal, question: Question, result: ElicitResult) -> bool:
    """Give the run what the person has said; False where nothing was decided. Raises NotAnswerable."""
    if result.action == "cancel":
        return False
    answer: Json = (result.content or {}).get("answer")
    kind = question.answer_schema.get("type") if isinstance(question.answer_schema, dict) else None
    if kind == "integer" and isinstance(answer, float) and answer.is_integer():
        answer = int(answer)
    await runs.answer(run, person, answer, question=question.id, refused=result.action == "decline")
    return True
