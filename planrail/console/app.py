"""App: the console's routes: the page, who has signed in, and runs to be looked at and decided on."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from planner.errors import PlanrailError
from planrail.auth import Unauthenticated
from planrail.console.asked import Nothing, SignIn, asked_for, session_of
from planrail.console.guard import API
from planrail.console.refusal import Refused, answer_of
from planrail.console.session import COOKIE, LASTS_S, Sessions

log = logging.getLogger(__name__)

PATH = "/console"
PAGES = ("runs", "playbooks", "plans", "schedules", "reports", "health", "fork")
STATIC = Path(__file__).parent / "static"

Handler = Callable[[Request], Awaitable[Response]]


def application(api: list[BaseRoute], sessions: Sessions) -> Starlette:
    """The page, the session, and these routes of the API."""
    pages = [Route(f"{PATH}/{name}{rest}", _page) for name in PAGES for rest in ("", "/{rest:path}")]
    entry = SessionRoutes(sessions)
    routes: list[BaseRoute] = [
        Route(PATH, _page),
        Route(f"{PATH}/", _page),
        *pages,
        Mount(f"{PATH}/static", _Static(directory=STATIC)),
        Route(f"{API}session", entry.told, methods=["GET"]),
        Route(f"{API}session", entry.begun, methods=["POST"]),
        Route(f"{API}session", entry.ended, methods=["DELETE"]),
        *api,
    ]
    handlers = {PlanrailError: _refused, HTTPException: _none, Exception: _broken, TimeoutError: _away}
    app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]  # each takes its own kind
    app.router.redirect_slashes = False
    return app


class SessionRoutes:
    """Signing in and out."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def told(self, request: Request) -> Response:
        """Who has signed in."""
        session = session_of(request)
        who = session.principal
        told = {"principal": who.id, "kind": who.kind, "scopes": sorted(who.scopes), "csrf": session.csrf}
        return JSONResponse({**told, "version": version("planrail"), "needs_key": self._sessions.needs_key})

    async def begun(self, request: Request) -> Response:
        """Sign in by a key, or by a link."""
        asked = await asked_for(request, SignIn)
        if (asked.key is None) == (asked.token is None):
            raise Refused(422, "Give a key or a token.")
        try:
            cookie = (
                self._sessions.by_link(asked.token) if asked.token is not None else await self._sessions.by_key(asked.key or "")
            )
        except Unauthenticated as refused:
            log.warning("somebody at %s did not sign in: %s", request.client and request.client.host, refused.message)
            return answer_of(refused, needs_key=self._sessions.needs_key)
        response = Response(status_code=204)
        secure = urlsplit(request.headers.get("origin", "")).scheme == "https"  # where the browser is; TLS may end before us
        response.set_cookie(
            COOKIE, cookie, max_age=LASTS_S, path=PATH, secure=secure, httponly=True, samesite="strict"
        )  # fmt: skip
        return response

    async def ended(self, request: Request) -> Response:
        """Sign out."""
        await asked_for(request, Nothing)
        self._sessions.end(session_of(request))
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="strict")
        return response


class _Static(StaticFiles):
    """Files of the page: kept by the browser, which asks each time whether they are still the same."""

    def file_response(self, *args: object, **more: object) -> Response:
        response = super().file_response(*args, **more)  # type: ignore[arg-type]  # passed on as they come
        response.headers["cache-control"] = "no-cache"
        return response


async def _page(request: Request) -> Response:
    return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})


async def _refused(request: Request, error: PlanrailError) -> Response:
    return answer_of(error)


async def _none(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"message": f"{error.detail}.", "hint": ""}, error.status_code, error.headers)


async def _away(request: Request, error: TimeoutError) -> Response:
    return answer_of(Refused(503, "The database does not answer.", hint="Try again."))


async def _broken(request: Request, error: Exception) -> Response:
    return answer_of(Refused(500, "The console itself has failed.", hint="The server's log tells why."))
