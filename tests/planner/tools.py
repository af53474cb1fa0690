"""The tools that the tests of the plan language write scripts for."""

from __future__ import annotations

from typing import Any

from planner.certificate import Certificate
from planner.check import Ground, certify
from planner.compiler import compile_script
from planner.script import plan_of
from planner.toolspec import ToolSpec

LEAD = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"}, "name": {"type": "string"}, "email": {"type": "string"}, "rating": {"type": "number"},
        "about": {"type": "string"},
    },
    "required": ["id", "name", "email", "rating", "about"],
    "additionalProperties": False,
}  # fmt: skip


def schema(required: str, **properties: Any) -> dict[str, Any]:
    named = {name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()}
    return {"type": "object", "properties": named, "required": required.split(), "additionalProperties": False}


def tool(name: str, takes: dict[str, Any], gives: dict[str, Any] | None = None, **more: Any) -> ToolSpec:
    declared = {"effect": "read", "open_world": False, "labels": {"": "trusted"}, **more}
    return ToolSpec(name=name, description="d", input_schema=takes, output_schema=gives, **declared)


def listed(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return schema("items", items={"type": "array", "items": items, **more}, next={"type": ["string", "null"]})


SPECS = (
    tool("crm.find_leads", schema("city", city="string", limit={"type": "integer", "default": 20}), listed(LEAD, maxItems=500),
         bounds={"items": "limit"}, labels={"": "trusted", "items[].about": "untrusted"}),
    tool("crm.get", schema("id", id="integer"), LEAD, not_found=True, labels={"": "trusted", "about": "untrusted"}),
    tool("crm.pages", schema("", next="string"), listed(LEAD, maxItems=10)),
    tool("crm.save", schema("id", id="integer", note="string"), effect="write"),
    tool("log.note", schema("text", text="string"), effect="write", commutes=True),
    tool("mail.read", schema("", unread="boolean"), listed(schema("id body", id="string", body="string")),
         labels={"": "trusted", "items[].body": "untrusted"}),
    tool("mail.send", schema("to", to="string", subject="string", body="string"), effect="irreversible", sensitive=("to",)),
    tool("web.fetch", schema("url", url="string", depth="integer"), open_world=True, labels={}, usd=0.01, seconds=2.0),
)  # fmt: skip
TOOLS = {spec.name: spec for spec in SPECS}
FLIGHTS = ToolSpec(
    name="agent:flights", description="Finds flights. Skills: search; book", usd=0.02, seconds=20.0, timeout_s=600.0,
    input_schema={
        "type": "object", "properties": {"goal": {"type": "string"}}, "required": ["goal"], "additionalProperties": True,
    },
)  # fmt: skip
WITH_AGENT = TOOLS | {FLIGHTS.name: FLIGHTS}


def certificate(script: str, tools: dict[str, ToolSpec] = TOOLS, **ground: Any) -> Certificate:
    program, statements = compile_script(script, tools, parameters=frozenset(ground.get("parameters", {})))
    return certify(program, plan_of(statements), Ground(tools, **ground))
