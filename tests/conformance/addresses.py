"""Resources and prompts of the suite."""

from __future__ import annotations

import json
import re

from mcp.types import (
    BlobResourceContents,
    ContentBlock,
    ElicitResult,
    EmbeddedResource,
    GetPromptRequestParams,
    GetPromptResult,
    ImageContent,
    InputRequiredResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from mcp_server.beside import Prompted
from mcp_server.door import Ctx
from tests.conformance.asking_tools import elicit, form, required
from tests.conformance.contents import PNG, text

_TEMPLATE = re.compile(r"test://template/([^/]+)/data")
_TEXTS = {
    "test://static-text": "This is the content of the static text resource.",
    "test://watched-resource": "This is the content of the watched resource.",
}


def _resource(uri: str, kind: str) -> Resource:
    return Resource(uri=uri, name=uri.removeprefix("test://"), description="A fixture.", mime_type=kind)


RESOURCES = (
    *(_resource(uri, "text/plain") for uri in _TEXTS),
    _resource("test://static-binary", "image/png"),
)
TEMPLATES = (
    ResourceTemplate(
        uri_template="test://template/{id}/data", name="template", description="A fixture.", mime_type="application/json"
    ),
)


def read(uri: str) -> ReadResourceResult | None:
    if uri == "test://static-binary":
        return ReadResourceResult(contents=[BlobResourceContents(uri=uri, mime_type="image/png", blob=PNG)])
    kind, said = "text/plain", _TEXTS.get(uri)
    if found := _TEMPLATE.fullmatch(uri):
        number = found[1]
        kind, said = "application/json", json.dumps({"id": number, "templateTest": True, "data": f"Data for ID: {number}"})
    if said is None:
        return None
    return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=kind, text=said)])


def _user(*content: ContentBlock) -> GetPromptResult:
    return GetPromptResult(messages=[PromptMessage(role="user", content=c) for c in content])


async def _simple(ctx: Ctx, params: GetPromptRequestParams) -> GetPromptResult:
    return _user(text("This is a simple prompt for testing."))


async def _with_arguments(ctx: Ctx, params: GetPromptRequestParams) -> GetPromptResult:
    given = params.arguments or {}
    return _user(text(f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'"))


async def _with_resource(ctx: Ctx, params: GetPromptRequestParams) -> GetPromptResult:
    uri = (params.arguments or {}).get("resourceUri", "")
    contents = TextResourceContents(uri=uri, mime_type="text/plain", text="Embedded resource content for testing.")
    return _user(EmbeddedResource(type="resource", resource=contents), text("Please process the embedded resource above."))


async def _with_image(ctx: Ctx, params: GetPromptRequestParams) -> GetPromptResult:
    return _user(ImageContent(type="image", data=PNG, mime_type="image/png"), text("Please analyze the image above."))


async def _asking(ctx: Ctx, params: GetPromptRequestParams) -> GetPromptResult | InputRequiredResult:
    said = (params.input_responses or {}).get("user_context")
    if not isinstance(said, ElicitResult):
        return required({"user_context": elicit("What context should the prompt use?", form("context"))})
    return _user(text(f"Use this context: {(said.content or {}).get('context')}"))


def _prompt(name: str, prompted: Prompted, *arguments: str) -> tuple[Prompt, Prompted]:
    wanted = [PromptArgument(name=a, description="An argument.", required=True) for a in arguments]
    return Prompt(name=name, description="A fixture of the conformance suite.", arguments=wanted), prompted


PROMPTS = (
    _prompt("test_simple_prompt", _simple),
    _prompt("test_prompt_with_arguments", _with_arguments, "arg1", "arg2"),
    _prompt("test_prompt_with_embedded_resource", _with_resource, "resourceUri"),
    _prompt("test_prompt_with_image", _with_image),
    _prompt("test_input_required_result_prompt", _asking),
)
