"""Tools of the suite that come to know what they need in several round trips (SEP-2322)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
)

from mcp_server.offer import Answer, Call, Offer
from planner.toolspec import JsonSchema
from tests.conformance.contents import offer, result, text

_KEY = secrets.token_bytes(32)


def elicit(message: str, schema: JsonSchema) -> ElicitRequest:
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=dict(schema)))


def form(name: str, kind: str = "string") -> JsonSchema:
    return {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}


def required(requests: Mapping[str, InputRequest], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests=dict(requests), request_state=None if state is None else sealed(state))


def sealed(state: str) -> str:
    return f"{state}.{hmac.new(_KEY, state.encode(), hashlib.sha256).hexdigest()}"


def unsealed(given: str | None) -> str | None:
    """The state that a client gives back; raises MCPError for one that was not given to it."""
    if given is None:
        return None
    state = given.rpartition(".")[0]
    if not hmac.compare_digest(sealed(state), given):
        raise MCPError(INVALID_PARAMS, "This request state is not the server's.")
    return state


def sample(question: str, most: int) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=text(question))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=most))


NAME = elicit("What is your name?", form("name"))
ROOTS = ListRootsRequest()


def asking_tools() -> list[Offer]:
    prefix = "test_input_required_result"
    return [
        offer(f"{prefix}_elicitation", _elicitation),
        offer(f"{prefix}_sampling", _sampling),
        offer(f"{prefix}_list_roots", _roots),
        offer(f"{prefix}_request_state", _request_state),
        offer(f"{prefix}_multiple_inputs", _multiple),
        offer(f"{prefix}_multi_round", _rounds),
        offer(f"{prefix}_tampered_state", _request_state),
        offer(f"{prefix}_capabilities", _capabilities),
    ]


def said(call: Call, key: str, field: str) -> str | None:
    """What the client's person has filled in."""
    response = (call.params.input_responses or {}).get(key)
    if not isinstance(response, ElicitResult) or response.action != "accept":
        return None
    value = (response.content or {}).get(field)
    return None if value is None else str(value)


def _sampled(call: Call, key: str) -> str | None:
    response = (call.params.input_responses or {}).get(key)
    return getattr(response.content, "text", "") if isinstance(response, CreateMessageResult) else None


def _root_names(call: Call, key: str) -> str | None:
    response = (call.params.input_responses or {}).get(key)
    return ", ".join(str(r.uri) for r in response.roots) if isinstance(response, ListRootsResult) else None


async def _elicitation(call: Call) -> Answer:
    name = said(call, "user_name", "name")
    return required({"user_name": NAME}) if name is None else result(f"Hello, {name}!")


async def _sampling(call: Call) -> Answer:
    answer = _sampled(call, "capital_question")
    if answer is None:
        return required({"capital_question": sample("What is the capital of France?", 100)})
    return result(answer)


async def _roots(call: Call) -> Answer:
    roots = _root_names(call, "client_roots")
    return required({"client_roots": ROOTS}) if roots is None else result(f"Roots: {roots}")


async def _request_state(call: Call) -> Answer:
    state = unsealed(call.params.request_state)
    if said(call, "confirm", "ok") is None or state is None:
        return required({"confirm": elicit("Please confirm", form("ok", "boolean"))}, "asked")
    return result("state-ok")


async def _multiple(call: Call) -> Answer:
    state = unsealed(call.params.request_state)
    name, greeting, roots = said(call, "user_name", "name"), _sampled(call, "greeting"), _root_names(call, "client_roots")
    if None in (name, greeting, roots, state):
        asked = {"user_name": NAME, "greeting": sample("Generate a greeting", 50), "client_roots": ROOTS}
        return required(asked, "asked")
    return result(f"{greeting} {name}, at {roots}")


async def _rounds(call: Call) -> Answer:
    state = unsealed(call.params.request_state) or ""
    if not state.startswith("name:"):
        name = said(call, "step1", "name")
        if state != "one" or name is None:
            return required({"step1": elicit("Step 1: What is your name?", form("name"))}, "one")
        state = f"name:{name}"
    color = said(call, "step2", "color")
    if color is None:
        return required({"step2": elicit("Step 2: What is your favorite color?", form("color"))}, state)
    return result(f"{state.removeprefix('name:')} likes {color}.")


async def _capabilities(call: Call) -> Answer:
    declared = call.ctx.session.client_capabilities
    possible = {
        "name": (declared and declared.elicitation, NAME),
        "greeting": (declared and declared.sampling, sample("Generate a greeting", 50)),
        "roots": (declared and declared.roots, ROOTS),
    }
    asked = {key: request for key, (can, request) in possible.items() if can is not None}
    if call.params.input_responses or not asked:
        return result("Nothing more is needed.")
    return required(asked)
