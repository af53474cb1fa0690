"""Body: what a request brings, read whole up to a bound, and refused where it is nothing that the protocol could mean."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, NoReturn

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSONRPC_AT = "/"  # where JSON-RPC is; at every other path it is REST
PARSE_ERROR, INVALID_REQUEST, NOT_SUPPORTED = -32700, -32600, -32005  # of JSON-RPC, and of A2A: ContentTypeNotSupported
_WORDS = {  # of google.rpc.Code
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 413: "RESOURCE_EXHAUSTED",
    415: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED",
}  # fmt: skip


class Bodies:
    """An ASGI application around another one, which sees no body that is too long, and none that is not JSON."""

    def __init__(self, app: App, *, most: int) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        too_long = length.isdigit() and int(length) > self._most
        content = None if too_long else await self._read(receive)
        if content is None:
            await refuse(scope, send, 413, f"A request is {self._most} bytes long at most.", INVALID_REQUEST)
            return
        if content and not _is_json(headers.get(b"content-type", b"")):
            problem = "Send JSON, and say so: Content-Type: application/json."
            await refuse(scope, send, 415, problem, NOT_SUPPORTED, reason="CONTENT_TYPE_NOT_SUPPORTED")
            return
        problem = problem_of(content) if content else ""
        if problem:
            await refuse(scope, send, 400, f"The body is no JSON in UTF-8: {problem}.", PARSE_ERROR)
            return
        await self._app(scope, _again(content, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The body; None for one that is too long, of which no more is read."""
        pieces: list[bytes] = []
        left = self._most
        while True:
            message = await receive()
            piece: bytes = message.get("body", b"")
            left -= len(piece)
            if left < 0:
                return None
            pieces.append(piece)
            if not message.get("more_body", False):
                return b"".join(pieces)


def _again(content: bytes, receive: Receive) -> Receive:
    """Gives the body in one piece, then what comes after it."""
    given = False

    async def next_message() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return next_message


def _is_json(kind: bytes) -> bool:
    """Whether that is a type of JSON. A page in a browser can send no such thing to another site without having asked it."""
    main, _, sub = kind.decode("latin-1").partition(";")[0].strip().lower().partition("/")
    return main == "application" and (sub == "json" or sub.endswith("+json"))


def problem_of(content: bytes) -> str:
    """Why it is no JSON that can be meant: the syntax, a number that is none, too deep; empty if it is."""
    try:
        json.loads(content.decode(), parse_constant=_no_number, parse_float=_number)
    except UnicodeDecodeError as error:
        return f"byte {error.start} is none of a character"
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)[:200]
    return ""


def _number(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no number")


async def refuse(
    scope: Scope,
    send: Send,
    status: int,
    problem: str,
    code: int,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    *,
    reason: str = "",
    request: object = None,
    details: Sequence[Mapping[str, Any]] = (),
) -> None:
    """An error before any operation, in the form of the binding that was asked: JSON-RPC's, or google.rpc.Status.

    `reason` is A2A's name of the error, where it is one of A2A's.
    """
    rpc = scope["path"] == JSONRPC_AT
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "a2a-protocol.org"}
    more = [*([info] if reason else []), *details]
    told: dict[str, Any] = {"code": status, "status": _WORDS[status], "message": problem, "details": more}
    error: dict[str, Any] = {"code": code, "message": problem, **({"data": more} if more else {})}
    document = {"jsonrpc": "2.0", "id": request, "error": error} if rpc else {"error": told}
    kind = b"application/json" if rpc else b"application/a2a+json"
    body = json.dumps(document).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), length, *headers]})
    await send({"type": "http.response.body", "body": body})
