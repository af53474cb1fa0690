"""Request: what an HTTP request says of itself: its caller, its version, the extensions that it asks for."""

from __future__ import annotations

from a2a.server.context import ServerCallContext
from a2a.server.routes.common import DefaultServerCallContextBuilder
from a2a.utils.errors import ExtensionSupportRequiredError, VersionNotSupportedError
from starlette.requests import Request

from a2a_node.caller import IDENTITY
from a2a_node.exhausted import TURN
from a2a_node.heartbeat import BEAT

VERSION_HEADER = "a2a-version"
_SPOKEN = ("1.0", "0.3")


class Requests(DefaultServerCallContextBuilder):
    """Call contexts of HTTP requests."""

    def __init__(self, required: frozenset[str] = frozenset()) -> None:
        self._required = required

    def build(self, request: Request) -> ServerCallContext:
        """Raises VersionNotSupportedError and ExtensionSupportRequiredError."""
        context = super().build(request)
        headers = context.state["headers"]
        if not headers.get(VERSION_HEADER):  # section 3.6.1: it may come as a parameter of the request
            asked = next((v for k, v in request.query_params.items() if k.lower() == VERSION_HEADER), "")
            if asked:
                headers[VERSION_HEADER] = asked
        check_version(headers.get(VERSION_HEADER, ""))
        check_extensions(self._required, context.requested_extensions)
        context.state.update({name: request.scope[name] for name in (IDENTITY, BEAT, TURN) if name in request.scope})
        return context


def is_old(context: ServerCallContext) -> bool:
    """Whether the call is one of A2A 0.3: the names of JSON-RPC's methods tell, else its version."""
    method = context.state.get("method", "")
    if method:
        return "/" in method
    return not str(context.state.get("headers", {}).get(VERSION_HEADER, "")).startswith("1")


def check_version(version: str) -> None:
    """Raise VersionNotSupportedError for one that is not spoken here; none means 0.3, and patches do not count."""
    if version and ".".join(version.split(".")[:2]) not in _SPOKEN:
        raise VersionNotSupportedError(f"This agent speaks A2A {' and '.join(_SPOKEN)}.")


def check_extensions(required: frozenset[str], asked: set[str]) -> None:
    """Raise ExtensionSupportRequiredError unless all that the card requires are asked for, each in its version."""
    if missing := sorted(required - asked):
        raise ExtensionSupportRequiredError(f"This agent requires {', '.join(missing)}: name it in A2A-Extensions.")
