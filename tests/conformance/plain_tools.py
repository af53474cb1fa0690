"""Tools of the suite that just give something."""

from __future__ import annotations

from mcp.types import AudioContent, ContentBlock, EmbeddedResource, ImageContent, TextResourceContents

from mcp_server.offer import Answer, Call, Offer
from planner.toolspec import JsonSchema
from tests.conformance.contents import PNG, WAV, offer, result

SCHEMA_2020_12: JsonSchema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
REGION: JsonSchema = {
    "type": "object",
    "properties": {"region": {"type": "string", "x-mcp-header": "Region"}, "query": {"type": "string"}},
    "required": ["region"],
    "additionalProperties": False,
}
GREETED: JsonSchema = {
    "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False,
}  # fmt: skip

_IMAGE = ImageContent(type="image", data=PNG, mime_type="image/png")
_AUDIO = AudioContent(type="audio", data=WAV, mime_type="audio/wav")


def _embedded(uri: str, kind: str, said: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=kind, text=said))


def plain_tools() -> list[Offer]:
    mixed = _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    embedded = _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    return [
        _gives("test_simple_text", "This is a simple text response for testing."),
        _gives("test_image_content", _IMAGE),
        _gives("test_audio_content", _AUDIO),
        _gives("test_embedded_resource", embedded),
        _gives("test_multiple_content_types", "Multiple content types test:", _IMAGE, mixed),
        _gives("test_error_handling", "This tool intentionally returns an error for testing", is_error=True),
        offer("json_schema_2020_12_tool", _arguments, SCHEMA_2020_12),
        offer("test_x_mcp_header", _arguments, REGION),
        offer("greet", _greet, GREETED),
    ]


def _gives(name: str, *content: ContentBlock | str, is_error: bool = False) -> Offer:
    async def handle(call: Call) -> Answer:
        return result(*content, is_error=is_error)

    return offer(name, handle)


async def _arguments(call: Call) -> Answer:
    return result(f"Called with {sorted(call.arguments)}.")


async def _greet(call: Call) -> Answer:
    return result(f"Hello, {call.arguments['name']}!")
