"""Entry: the A2A door as the command line finds it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from a2a.server.routes import create_agent_card_routes
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH

from a2a_node.app import application
from a2a_node.body import Bodies
from a2a_node.card import card_of
from a2a_node.guard import Guard
from a2a_node.handler import RunHandler
from a2a_node.push.chore import configs_of
from planrail.a2a import A2aSettings
from planrail.auth import Authenticator
from planrail.doors import DoorUnavailable, Mounted
from planrail.house import House

_CACHED = "public, max-age=300"


class A2aEntry:
    """Serves the planner as an A2A agent: JSON-RPC and REST below `/`, gRPC at a port of its own."""

    async def serve_stdio(self, house: House) -> None:
        """Agents do not come by stdin."""
        raise DoorUnavailable("A2A has no way over stdin and stdout.", hint="`planrail serve` serves it over HTTP.")

    @asynccontextmanager
    async def mounted(self, house: House, auth: Authenticator, *, host: str, address: str) -> AsyncIterator[Mounted]:
        """The node's application. Without authentication only this machine comes, which is one principal."""
        settings = house.settings.a2a
        handler = RunHandler(house, push=configs_of(house))
        card = card_of((settings.url or address).rstrip("/"), strict=settings.strict)
        required = frozenset(e.uri for e in card.capabilities.extensions if e.required)
        routes = create_agent_card_routes(card, cache_control=_CACHED)
        app = application(handler, routes, strict=settings.strict, required=required)
        async with AsyncExitStack() as stack:
            told = {"a2a": "/", "card": AGENT_CARD_WELL_KNOWN_PATH}
            if settings.grpc_port is not None:
                port = await stack.enter_async_context(_grpc(handler, auth, host, settings, required))
                told["grpc"] = f"{host}:{port}"
            yield Mounted(("/",), Guard(Bodies(app, most=settings.max_body), auth), told)


def _grpc(
    handler: RunHandler, auth: Authenticator, host: str, settings: A2aSettings, required: frozenset[str]
) -> AbstractAsyncContextManager[int]:
    try:
        from a2a_node.grpc_door import GrpcTerms, serving  # noqa: PLC0415  # its library is an extra
    except ImportError:
        raise DoorUnavailable("gRPC is not installed.", hint="pip install 'planrail[grpc]'") from None
    terms = GrpcTerms(strict=settings.strict, max_body=settings.max_body, required=required)
    return serving(handler, auth, host=host, port=settings.grpc_port or 0, terms=terms)
