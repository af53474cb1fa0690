"""Tools of the suite that tell, ask or change something while they are at work."""

from __future__ import annotations

import asyncio
import json
import warnings
from functools import partial

from mcp.server.subscriptions import PromptsListChanged
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError
from mcp.types import MISSING_REQUIRED_CLIENT_CAPABILITY, SamplingMessage

from mcp_server.offer import Answer, Call, Offer
from mcp_server.run_tools import MODERN
from mcp_server.server import McpDoor
from planner.toolspec import JsonSchema
from tests.conformance.asking_tools import elicit, required
from tests.conformance.contents import offer, result, text

PAUSE_S = 0.05  # the suite wants some time between two messages


def _one(name: str) -> JsonSchema:
    return {"type": "object", "properties": {name: {"type": "string"}}, "required": [name], "additionalProperties": False}


PERSON: JsonSchema = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}
DEFAULTS: JsonSchema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}


def _titled(word: str) -> list[dict[str, str]]:
    return [{"const": f"value{n}", "title": f"{nth} {word}"} for n, nth in enumerate(("First", "Second", "Third"), 1)]


ENUMS: JsonSchema = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {"type": "string", "oneOf": _titled("Option")},
        "legacyEnum": {
            "type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {"type": "array", "items": {"anyOf": _titled("Choice")}},
    },
}  # fmt: skip


def pushing_tools(door: McpDoor) -> list[Offer]:
    asked = "Please answer."
    return [
        offer("test_tool_with_logging", _logging),
        offer("test_logging_tool", _logging),
        offer("test_tool_with_progress", _progress),
        offer("test_reconnection", _reconnection),
        offer("test_sampling", _sampling, _one("prompt")),
        offer("test_elicitation", partial(_elicitation, "User response", PERSON, None), _one("message")),
        offer("test_elicitation_sep1034_defaults", partial(_elicitation, "Elicitation completed", DEFAULTS, asked)),
        offer("test_elicitation_sep1330_enums", partial(_elicitation, "Elicitation completed", ENUMS, asked)),
        offer("test_streaming_elicitation", partial(_elicitation, "Elicitation completed", PERSON, asked)),
        offer("test_missing_capability", _sampled),
        offer("test_trigger_tool_change", partial(_tools_change, door)),
        offer("test_trigger_prompt_change", partial(_prompts_change, door)),
    ]


async def _logging(call: Call) -> Answer:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MCPDeprecationWarning)  # the suite asks for it
            await call.ctx.session.send_log_message("info", said, related_request_id=call.ctx.request_id)
        await asyncio.sleep(PAUSE_S)
    return result("Three messages were logged.")


async def _progress(call: Call) -> Answer:
    for done in (0, 50, 100):
        await call.ctx.session.report_progress(done, 100)
        await asyncio.sleep(PAUSE_S)
    return result("Progress was told.")


async def _reconnection(call: Call) -> Answer:
    if call.ctx.close_sse_stream is not None:
        await call.ctx.close_sse_stream()
    await asyncio.sleep(2 * PAUSE_S)
    return result("The stream was closed, and taken up again.")


async def _sampling(call: Call) -> Answer:
    messages = [SamplingMessage(role="user", content=text(call.arguments["prompt"]))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MCPDeprecationWarning)  # the suite asks for it
        said = await call.ctx.session.create_message(messages, max_tokens=100, related_request_id=call.ctx.request_id)
    return result(f"LLM response: {getattr(said.content, 'text', said.content)}")


async def _elicitation(head: str, schema: JsonSchema, message: str | None, call: Call) -> Answer:
    message = call.arguments["message"] if message is None else message
    if call.ctx.protocol_version >= MODERN:
        said = (call.params.input_responses or {}).get("answer")
        if said is None:
            return required({"answer": elicit(message, schema)})
    else:
        said = await call.ctx.session.elicit_form(message, dict(schema), related_request_id=call.ctx.request_id)
    return result(f"{head}: action={said.action}, content={json.dumps(said.content)}")


async def _sampled(call: Call) -> Answer:
    capabilities = call.ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        wanted = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "This tool needs sampling.", wanted)
    return result("The client can sample.")


async def _tools_change(door: McpDoor, call: Call) -> Answer:
    await door.subscribed.tools_changed()
    return result("The tools have changed.")


async def _prompts_change(door: McpDoor, call: Call) -> Answer:
    await door.bus.publish(PromptsListChanged())
    return result("The prompts have changed.")
