"""Own tools: the executor's tools, one by one. A read is called; what has an effect is a run of one step.

Where all of them would take more of a client's context than they may, three offers stand for them: search, describe, call.
"""

from __future__ import annotations

import json
import re
from functools import partial

from executor.call import call_tool
from executor.gate import through
from executor.specialists import HAND
from executor.submission import Submission
from executor.tool import Tool, ToolContext, ToolDone
from mcp_server.active import submitted
from mcp_server.door import Door
from mcp_server.offer import Answer, Call, Offer, tokens_of, told, told_error
from mcp_server.run_told import MAX_TOKENS, RUN_SCHEMA
from mcp_server.waiting import rested, result_for
from planner.shape import resolved
from planner.tokens import count_tokens
from planner.toolspec import Json, JsonSchema, ToolSpec
from planrail.view import RunView

_WORD = re.compile(r"[a-z0-9]+")
_FOUND = 8  # tools that a search gives


def own_offers(door: Door, room: int) -> list[Offer]:
    """The offers of the house's tools, within so many tokens."""
    toolset = door.house.toolset
    offers = [_offer(door, toolset[name]) for name in toolset.specs if _is_offered(door, toolset[name].spec)]
    if sum(map(tokens_of, offers)) <= room:
        return offers
    return _compact(door, {o.name: o for o in offers})


def offered_name(tool: str) -> str:
    """A tool's name over MCP: `crm.find_leads` is `crm_find_leads`."""
    return tool.replace(".", "_", 1)


def _is_offered(door: Door, spec: ToolSpec) -> bool:
    if spec.namespace == HAND:  # by itself it does nothing: a plan hands over
        return False
    return not spec.is_agent and (not spec.has_effect or spec.name in door.terms.effects or "*" in door.terms.effects)


def _offer(door: Door, tool: Tool) -> Offer:
    spec = tool.spec
    title = spec.name.partition(".")[2].replace("_", " ").capitalize()
    handle = partial(_ran, door, spec) if spec.has_effect else partial(_read, door, spec.name)
    output = RUN_SCHEMA if spec.has_effect else _output(spec)
    return Offer(
        offered_name(spec.name), f"{spec.namespace}: {title}", spec.description, resolved(spec.input_schema), handle, output,
        read_only=not spec.has_effect, destructive=spec.effect == "irreversible", idempotent=spec.idempotent,
        open_world=spec.open_world,
    )  # fmt: skip


def _output(spec: ToolSpec) -> JsonSchema | None:
    """The output schema as MCP wants it, an object's; None where a value is none."""
    if spec.output_schema is None:
        return None
    schema = resolved(spec.output_schema)
    return (
        schema
        if schema.get("type") == "object"
        else {"type": "object", "properties": {"result": schema}, "required": ["result"]}
    )


async def _read(door: Door, name: str, call: Call) -> Answer:
    house = door.house
    tool = house.toolset[name]
    context = ToolContext(key="", artifacts=house.artifacts)
    gate = house.segments.gates.of_tool(tool, call.arguments)
    result = await through(gate, lambda: call_tool(tool, call.arguments, context))
    if not isinstance(result, ToolDone):
        return told_error(result.message)
    return _told(tool.spec, result.value)


def _told(spec: ToolSpec, value: Json) -> Answer:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_TOKENS and count_tokens(text) > MAX_TOKENS:
        return told_error(
            f"{spec.name} gives more than a client can take ({len(text):,} characters): ask for less, or use run_plan."
        )
    if spec.output_schema is None:
        return told(text)
    whole = value if isinstance(value, dict) else {"result": value}
    return told(_summary(value), whole)


def _summary(value: Json) -> str:
    """A few words about a value that stands in the structured content."""
    match value:
        case {"items": list(items)}:
            return f"{len(items)} items."
        case list():
            return f"{len(value)} items."
        case str() | int() | float() | bool() | None:
            return str(value)[:500]
        case _:
            return ", ".join(map(str, list(value)[:12]))


async def _ran(door: Door, spec: ToolSpec, call: Call) -> Answer:
    """Carry an effect out as a run of one step: journaled, claimed, keyed, under policy and ceilings."""
    given = ", ".join(f"{name}=given_{name}" for name in call.arguments)
    script = f"answer({spec.name}({given}))\n"
    params = {f"given_{name}": value for name, value in call.arguments.items()}
    who = door.principal(call.ctx)
    submission = Submission(script=script, params=params, budget=door.house.settings.budget, principal=who)
    run = await submitted(door.house.runs, submission, None)
    return await result_for(door.house, await rested(door.house, run.id, who, door.terms.wait_s, _silently), who)


async def _silently(view: RunView) -> None:
    """One step has no progress to tell."""


# -- many tools


def _compact(door: Door, offers: dict[str, Offer]) -> list[Offer]:
    name: JsonSchema = {"type": "string", "maxLength": 200}

    async def search(call: Call) -> Answer:
        wanted = set(_WORD.findall(str(call.arguments["query"]).lower()))
        ranked = sorted(offers.values(), key=lambda o: -_likeness(o, wanted))
        found = [o for o in ranked[:_FOUND] if _likeness(o, wanted)]
        lines = [{"name": o.name, "about": o.description[:160]} for o in found]
        return told(
            f"{len(lines)} tools; describe_tool tells one's arguments." if lines else "No tool is like that.", {"tools": lines}
        )

    async def describe(call: Call) -> Answer:
        offer = offers.get(str(call.arguments["name"]))
        if offer is None:
            return told_error("There is no such tool: search_tools finds one.")
        return told(offer.description, {"input_schema": dict(offer.input_schema), "read_only": offer.read_only})

    async def by_name(call: Call) -> Answer:
        offer = offers.get(str(call.arguments["name"]))
        if offer is None:
            return told_error("There is no such tool: search_tools finds one.")
        inner = Call(call.ctx, dict(call.arguments.get("arguments") or {}), call.params)
        return await offer.handle(inner)

    def schema(properties: JsonSchema, *required: str) -> JsonSchema:
        return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}

    return [
        Offer(
            "search_tools", "Search tools", f"Find tools by words: there are {len(offers)}.",
            schema({"query": name}, "query"), search, read_only=True,
        ),
        Offer(
            "describe_tool", "Describe a tool", "A tool's arguments.", schema({"name": name}, "name"), describe, read_only=True,
        ),
        Offer(
            "call_tool", "Call a tool", "Call a tool that search_tools has found.",
            schema({"name": name, "arguments": {"type": "object"}}, "name"), by_name,
            destructive=any(o.destructive for o in offers.values()), open_world=True,
        ),
    ]  # fmt: skip


def _likeness(offer: Offer, wanted: set[str]) -> int:
    words = _WORD.findall(f"{offer.name.replace('_', ' ')} {offer.description}".lower())
    return sum(1 for w in words if w in wanted)
