"""Entry: the A2A door as the command line finds it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

from a2a.types.a2a_pb2 import AgentCard
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH

from a2a_node.app import application
from a2a_node.body import Bodies
from a2a_node.card_check import document_of, notes_of, problems_of
from a2a_node.card_routes import card_routes
from a2a_node.card_signature import signed
from a2a_node.cards import Cards, sent
from a2a_node.guard import Guard
from a2a_node.handler import RunHandler
from a2a_node.named import Named
from a2a_node.push.chore import configs_of
from a2a_node.reached import Reached, reached_at
from executor.submission import Principal
from planrail.a2a import A2aSettings
from planrail.auth import Authenticator
from planrail.doors import CardTold, DoorUnavailable, Mounted
from planrail.house import House
from planrail.quota import Quotas
from planrail.settings import SettingsError
from planrail.signing import SigningKey


class A2aEntry:
    """Serves the planner as an A2A agent: JSON-RPC and REST below `/`, gRPC at a port of its own."""

    handler: type[RunHandler] = RunHandler

    async def serve_stdio(self, house: House) -> None:
        """Agents do not come by stdin."""
        raise DoorUnavailable("A2A has no way over stdin and stdout.", hint="`planrail serve` serves it over HTTP.")

    @asynccontextmanager
    async def mounted(self, house: House, auth: Authenticator, *, host: str, address: str) -> AsyncIterator[Mounted]:
        """The node's application. Without authentication only this machine comes, which is one principal."""
        settings = house.settings.a2a
        schemes = _schemes(auth)
        cards = Cards(house, schemes=schemes)
        if problems := problems_of(document_of(cards.unsigned(Reached(settings.url or address)))):
            raise SettingsError("The card is not as A2A 1.0 has it.", hint="\n".join(problems))

        async def extended(principal: Principal, asked: str) -> AgentCard:
            return await cards.extended(principal, reached_at(settings.url, address, host=asked))

        handler = self.handler(house, push=configs_of(house), extended=extended if schemes else None)
        required = cards.required
        routes = card_routes(cards, settings, address=address)
        app = application(handler, routes, strict=settings.strict, heartbeat_s=settings.heartbeat_s, required=required)
        async with AsyncExitStack() as stack:
            told = {"a2a": "/", "card": AGENT_CARD_WELL_KNOWN_PATH}
            if settings.grpc_port is not None:
                port = await stack.enter_async_context(_grpc(handler, auth, house.quotas, host, settings, required))
                told["grpc"] = f"{host}:{port}"
                cards.grpc_at(grpc_address(settings, host, port))
            guarded = Guard(Bodies(app, most=settings.max_body), auth, house.quotas)
            names = (host, urlsplit(settings.url).hostname or host)
            yield Mounted(("/",), guarded if auth.required else Named(guarded, names), told)

    async def card(self, house: House, auth: Authenticator, *, url: str, key: SigningKey | None) -> CardTold:
        """The card as a node at that URL serves it; signed with `key` instead of the house's own, where one is given."""
        settings = house.settings.a2a
        port = settings.grpc_port
        grpc = "" if port is None else grpc_address(settings, urlsplit(url).hostname or "", port)
        cards = Cards(house, schemes=_schemes(auth), grpc=grpc)
        at = Reached(url)
        made = await cards.card(at) if key is None else signed(cards.unsigned(at), [key])
        jwks = await house.signing.jwks() if key is None else {"keys": [key.public]}
        return CardTold(sent(made), problems_of(document_of(made), jwks), notes_of(made))


def grpc_address(settings: A2aSettings, host: str, port: int) -> str:
    """Where clients reach the node by gRPC: as it is configured, or at the host of the configured URL, or where it listens."""
    return settings.grpc_url or f"{urlsplit(settings.url).hostname or host}:{port}"


def _schemes(auth: Authenticator) -> frozenset[str]:
    """The card's security schemes by which callers are known here; none where nobody is asked."""
    if not auth.required:
        return frozenset()
    settings = auth.settings
    more = (("oidc", settings.issuer), ("mtls", settings.proxy.header))
    return frozenset(("bearer", "apiKey", *(name for name, is_there in more if is_there)))


def _grpc(
    handler: RunHandler, auth: Authenticator, quotas: Quotas, host: str, settings: A2aSettings, required: frozenset[str]
) -> AbstractAsyncContextManager[int]:
    try:
        from a2a_node.grpc_door import GrpcTerms, serving  # noqa: PLC0415  # its library is an extra
    except ImportError:
        raise DoorUnavailable("gRPC is not installed.", hint="pip install 'planrail[grpc]'") from None
    terms = GrpcTerms(strict=settings.strict, max_body=settings.max_body, required=required)
    return serving(handler, auth, quotas, host=host, port=settings.grpc_port or 0, terms=terms)
