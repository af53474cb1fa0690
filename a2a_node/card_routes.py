"""Card routes: where others find the card, and the keys that its signatures are checked with. Whoever asks again is told
that nothing has changed (RFC 9110, section 13)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from email.utils import format_datetime

from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from a2a_node.cards import JWKS_PATH, Cards, Served
from a2a_node.reached import reached_at
from planrail.a2a import A2aSettings

OLD_PATH = "/.well-known/agent.json"  # where agents looked before 0.3


def card_routes(cards: Cards, settings: A2aSettings, *, address: str) -> list[Route]:
    """The routes of an agent that listens at that address."""

    async def card(request: Request) -> Response:
        host = request.headers.get("host", "")
        at = reached_at(settings.url, address, host=host, scheme=request.url.scheme)
        return _answered(request, await cards.served(at), settings.card_max_age_s)

    async def jwks(request: Request) -> Response:
        return _answered(request, await cards.jwks(), settings.card_max_age_s)

    paths: dict[str, Callable[[Request], Awaitable[Response]]] = {AGENT_CARD_WELL_KNOWN_PATH: card, JWKS_PATH: jwks}
    if not settings.strict:
        paths[OLD_PATH] = card
    return [Route(path, endpoint, methods=["GET"]) for path, endpoint in paths.items()]


def _answered(request: Request, served: Served, max_age_s: int) -> Response:
    headers = {
        "ETag": served.etag,
        "Last-Modified": format_datetime(served.at, usegmt=True),
        "Cache-Control": f"public, max-age={max_age_s}",
    }
    if _is_known(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(served.body, media_type="application/json", headers=headers)


def _is_known(request: Request, headers: dict[str, str]) -> bool:
    """Whether the client has it already. Of times only the very one that was told counts: others may be another process's."""
    tags = request.headers.get("if-none-match")
    if tags is None:
        return request.headers.get("if-modified-since") == headers["Last-Modified"]
    return any(tag.strip().removeprefix("W/") in ("*", headers["ETag"]) for tag in tags.split(","))
