"""Guard: what stands before the console: whose page may ask, who has signed in, and what every answer says to the browser."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from executor.errors import JournalUnreachable
from planrail.auth import Unauthenticated
from planrail.console.refusal import Refused, answer_of
from planrail.console.session import COOKIE, Session, Sessions
from planrail.quota import Quotas, TooManyRequests

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

API = "/console/api/"
SIGN_IN = "/console/api/session"
SESSION = "planrail.session"  # in a request's scope
CSRF = "x-csrf-token"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_ALWAYS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_HERE = ("127.0.0.1", "localhost", "::1")
_SAFE = ("GET", "HEAD")


class Guard:
    """An ASGI application around the console's. `own` are further addresses at which it is reached, behind a proxy."""

    def __init__(self, app: App, sessions: Sessions, quotas: Quotas, *, host: str, own: Iterable[str] = ()) -> None:
        self.app = app
        self._sessions = sessions
        self._quotas = quotas
        self._own = frozenset(urlsplit(address).netloc for address in own if address)
        self._names = frozenset((*_HERE, host, *(urlsplit(address).hostname or host for address in own)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        told = _telling(send, api=scope["path"].startswith(API))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            self._named(headers)
            if scope["path"].startswith(API):
                scope[SESSION] = await self._signed_in(scope["method"], scope["path"], headers)
        except (Refused, Unauthenticated, TooManyRequests, JournalUnreachable) as error:
            if isinstance(error, Refused):
                log.warning(
                    "a request from %s was refused: %s", (scope.get("client") or ("an unknown address",))[0], error.message
                )
            more = {"needs_key": self._sessions.needs_key} if isinstance(error, Unauthenticated) else {}
            await answer_of(error, **more)(scope, receive, told)
            return
        await self.app(scope, receive, told)

    def _named(self, headers: Mapping[str, str]) -> None:
        """Where nobody is asked who they are, the console goes by names of this machine alone (DNS rebinding)."""
        if not self._sessions.needs_key and _host(f"//{headers.get('host', '')}") not in self._names:
            raise Refused(403, "The console goes by another name.", hint="`planrail console` prints its address.")

    async def _signed_in(self, method: str, path: str, headers: Mapping[str, str]) -> Session | None:
        """The request's session; None where one is about to begin."""
        begins = method == "POST" and path == SIGN_IN
        self._of_own_page(headers, needed=method not in _SAFE and not begins)
        if method not in _SAFE and headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Send JSON, and say so.", hint="Content-Type: application/json")
        if begins:
            return None
        session = await self._sessions.of(_cookie(headers.get("cookie", "")))
        if method not in _SAFE and not session.knows(headers.get(CSRF, "")):
            raise Refused(403, "The session's token is missing.", hint=f"GET {SIGN_IN} has it: send it as {CSRF}.")
        self._quotas.admit(session.principal.id)
        return session

    def _of_own_page(self, headers: Mapping[str, str], *, needed: bool) -> None:
        """No page of another origin asks: one of another site, of another port of this machine, of a sandbox."""
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site not in (None, "same-origin", "none") or (site == "none" and needed):
            raise Refused(403, "No page of another site may ask the console.")
        if origin is not None and _netloc(origin) not in {headers.get("host", ""), *self._own}:
            raise Refused(403, "No page of another site may ask the console.")
        if needed and site is None and origin is None:
            raise Refused(403, "The request does not say which page it comes from.", hint="Send the header Origin.")


def _telling(send: Send, *, api: bool) -> Send:
    """Says in every response what the browser holds the page to; a response may be stricter."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            said = {name.lower() for name, _ in headers}
            for name, value in {**_ALWAYS, **({"cache-control": "no-store"} if api else {})}.items():
                if name.encode() not in said:
                    headers.append((name.encode(), value.encode()))
            message = {**message, "headers": headers}
        await send(message)

    return told


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _netloc(origin: str) -> str:
    """Of an origin; one that is none ("null") is nobody's."""
    try:
        return urlsplit(origin).netloc or "null"
    except ValueError:
        return "null"
