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
    """The form of a question; None for one whose answer is neither a primitive value nor a flat record of such."""
    schema: dict[str, Json] = dict(question.answer_schema) if isinstance(question.answer_schema, dict) else {"type": "string"}
    if _is_record(schema):
        fields = {name: _field(inner) for name, inner in schema["properties"].items()}
        return (
            {"type": "object", "properties": fields, "required": schema.get("required", [])} if all(fields.values()) else None
        )
    field = _field(schema)
    if field is None:
        return None
    return {"type": "object", "properties": {"answer": {**field, "title": "Answer"}}, "required": ["answer"]}


def _is_record(schema: dict[str, Json]) -> bool:
    return schema.get("type") == "object" and bool(schema.get("properties"))


def _field(schema: dict[str, Json]) -> dict[str, Json] | None:
    """One field of a form; None where its value is no primitive one."""
    if any(s == {"type": "boolean"} for s in schema.get("anyOf", ())):
        return {"type": "boolean"}  # yes or no will do
    if "enum" in schema and all(isinstance(v, str) for v in schema["enum"]):
        return {"type": "string", "enum": schema["enum"]}
    return schema if schema.get("type") in ("string", "number", "integer", "boolean") else None


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
    schema = question.answer_schema if isinstance(question.answer_schema, dict) else {}
    given = result.content or {}
    if _is_record(schema):
        fields = schema["properties"].items()
        answer: Json = {name: _as_said(given[name], inner) for name, inner in fields if name in given}
    else:
        answer = _as_said(given.get("answer"), schema)
    await runs.answer(run, person, answer, question=question.id, refused=result.action == "decline")
    return True


def _as_said(value: Json, schema: dict[str, Json]) -> Json:
    """A whole number may come as one with a point."""
    return int(value) if schema.get("type") == "integer" and isinstance(value, float) and value.is_integer() else value
