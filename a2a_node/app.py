"""App: the node's HTTP application: JSON-RPC at `/`, REST beside it, the card where agents look for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.server.routes import create_rest_routes
from fastapi import FastAPI
from sse_starlette.sse import EventSourceResponse
from starlette.routing import BaseRoute, Route

from a2a_node.body import App
from a2a_node.heartbeat import Heartbeat
from a2a_node.old_rest import old_rest_routes
from a2a_node.old_rpc import Dispatcher
from a2a_node.request import Requests

_DRAIN_S = 3.0  # for streams, when the server is told to stop


def application(
    handler: RequestHandler,
    card: Sequence[BaseRoute],
    *,
    strict: bool,
    heartbeat_s: float,
    required: frozenset[str] = frozenset(),
) -> App:
    """The routes of one node, whose clients have to name the `required` extensions.

    Those of tenants (`/{tenant}/…`) come last: they would take what stands behind them.
    """
    EventSourceResponse.DEFAULT_PING_INTERVAL = heartbeat_s  # type: ignore[assignment]  # fractions are taken
    requests = Requests(required)
    old = not strict
    pages: dict[str, Any] = {"openapi_url": None, "docs_url": None, "redoc_url": None}  # they load scripts from elsewhere
    app = FastAPI(**pages, redirect_slashes=False)
    app.router.routes.extend(card)
    dispatcher = Dispatcher(handler, requests, old=old, drain_s=_DRAIN_S)
    app.router.routes.append(Route("/", dispatcher.handle_requests, methods=["POST"]))
    if old:
        app.router.routes.extend(old_rest_routes(handler, requests, drain_s=_DRAIN_S))
    app.router.routes.extend(create_rest_routes(handler, requests, shutdown_grace_period=_DRAIN_S))
    return Heartbeat(app, every_s=heartbeat_s)
