"""The server: HTTP/1.1 and server-sent events by hand, since its faults lie below what a framework lets one do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http import HTTPStatus
from types import TracebackType

from planner.toolspec import Json
from tests.model_server.script import Chooser, Received, Reply, Script, by_rules

_HEADER_LIMIT = 64_000


class ModelServer:
    """`async with ModelServer(…) as server` listens on 127.0.0.1; `url` is what OPENAI_BASE_URL has to be.

    `choose` decides the replies, else the script's rules do. `requests` holds the chat requests so far.
    """

    def __init__(self, choose: Chooser | None = None, *, script: Script | None = None, port: int = 0) -> None:
        self._script = script or Script()
        self._choose = choose or by_rules(self._script.rules)
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Condition()
        self.requests: list[Received] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> ModelServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, limit=_HEADER_LIMIT)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def asked(self, times: int = 1) -> None:
        """Return when that many chat requests have come."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= times)

    async def idle(self) -> None:
        """Return when no connection is open any more."""
        while self._connections:
            await asyncio.wait(self._connections)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.get_running_loop().create_task(self._serve(Exchange(reader, writer)))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            await self._answer(exchange)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone: that is its right
        finally:
            exchange.close()

    async def _answer(self, exchange: Exchange) -> None:
        method, path, headers, body = await exchange.receive()
        match method, path.partition("?")[0]:
            case "GET", "/v1/models":
                listed = [{"id": m, "object": "model", "created": 0, "owned_by": "script"} for m in self._script.models]
                await exchange.send(200, {"object": "list", "data": listed})
            case "GET", "/requests":
                await exchange.send(200, [r.model_dump() for r in self.requests])
            case "POST", "/v1/chat/completions":
                told = {name: headers.get(name, "") for name in ("authorization", "traceparent")}
                request = Received(**told, body=json.loads(body))
                async with self._arrived:
                    self.requests.append(request)
                    self._arrived.notify_all()
                await complete_chat(exchange, request, self._refusal(request) or self._choose(request))
            case _:
                await exchange.send(404, {"error": {"message": f"Unknown request: {method} {path}"}})

    def _refusal(self, request: Received) -> Reply | None:
        """What is wrong with the request itself, the way the vendor says it."""
        key = self._script.api_key
        if key is not None and request.authorization != f"Bearer {key}":
            message = f"Incorrect API key provided: {request.authorization.removeprefix('Bearer ')}."
            return Reply(status=401, error={"message": message, "code": "invalid_api_key"})
        if self._script.models and request.model not in self._script.models:
            message = f"The model `{request.model}` does not exist or you do not have access to it."
            return Reply(status=404, error={"message": message, "code": "model_not_found"})
        for parameter in self._script.refuses:
            if parameter in request.body:
                message = f"Unsupported parameter: '{parameter}' is not supported with this model."
                return Reply(status=400, error={"message": message, "param": parameter, "code": "unsupported_parameter"})
        return None


class Exchange:
    """One connection with one request and one response on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> tuple[str, str, dict[str, str], bytes]:
        """Method, path, headers (in lower case) and body."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        return method, path, headers, await self._reader.readexactly(int(headers.get("content-length", "0")))

    async def start(self, status: int, media_type: str, *extra: str) -> None:
        """The status line and headers; the body follows in chunks."""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Type: {media_type}", *extra]
        self._writer.write("\r\n".join([*lines, "Transfer-Encoding: chunked", "Connection: close", "", ""]).encode("latin-1"))
        await self._writer.drain()

    async def write(self, text: str) -> None:
        """One chunk of the body; an empty one ends it."""
        data = text.encode()
        self._writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await self._writer.drain()

    async def send(self, status: int, value: Json, *extra: str) -> None:
        """A whole JSON response."""
        await self.start(status, "application/json", *extra)
        await self.write(json.dumps(value))
        await self.write("")

    async def event(self, value: Json) -> None:
        await self.write(f"data: {json.dumps(value)}\n\n")

    async def client_gone(self) -> None:
        """Return when the client has closed the connection."""
        await self._reader.read()

    def close(self) -> None:
        self._writer.close()


async def complete_chat(exchange: Exchange, request: Received, reply: Reply) -> None:
    """Answer one chat request, faults included."""
    if reply.fault == "close":
        return
    if reply.fault == "hang":
        await exchange.client_gone()
    elif reply.status != 200:
        extra = () if reply.retry_after is None else (f"Retry-After: {reply.retry_after}",)
        error = {"message": HTTPStatus(reply.status).phrase, "type": "error", "param": None, "code": None, **reply.error}
        await exchange.send(reply.status, {"error": error}, *extra)
    elif request.streams:
        await _stream(exchange, request, reply)
    else:
        await asyncio.sleep(reply.first_token_s)
        await exchange.send(200, _whole(request, reply))


async def _stream(exchange: Exchange, request: Received, reply: Reply) -> None:
    await asyncio.sleep(reply.first_token_s)
    await exchange.start(200, "text/event-stream")
    await exchange.event(_chunk(request, {"role": "assistant", "content": ""}))
    for number, delta in enumerate(_deltas(request, reply)):
        if number == len(reply.pieces) // 2 and reply.fault not in (None, "endless"):
            await _break(exchange, reply)
            return
        await exchange.event(_chunk(request, delta))
        await asyncio.sleep(reply.per_chunk_s)
    await exchange.event(_chunk(request, {}, finish=reply.ending))
    if reply.reports_usage and request.wants_usage:
        await exchange.event({**_chunk(request, {}), "choices": [], "usage": request.usage(reply)})
    await exchange.write("data: [DONE]\n\n")
    await exchange.write("")


def _deltas(request: Received, reply: Reply) -> Iterator[dict[str, Json]]:
    yield from ({"content": piece} for piece in reply.pieces)
    while reply.fault == "endless":
        yield {"content": reply.content or "and so on, "}
    if reply.refusal:
        yield {"refusal": reply.refusal}
    for place, call in enumerate(_calls(request, reply)):
        function = call["function"]
        yield {"tool_calls": [{"index": place, **call, "function": {**function, "arguments": ""}}]}
        for i in range(0, len(function["arguments"]), reply.chunk):
            piece = function["arguments"][i : i + reply.chunk]
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}
    if not reply.content and reply.fault:
        yield {}


def _calls(request: Received, reply: Reply) -> list[dict[str, Json]]:
    turn = len(request.messages)
    return [
        {"id": f"call_{turn}_{place}", "type": "function", "function": {"name": c.name, "arguments": c.text}}
        for place, c in enumerate(reply.calls)
    ]


async def _break(exchange: Exchange, reply: Reply) -> None:
    match reply.fault:
        case "stall":
            await exchange.client_gone()
        case "cut":
            await exchange.write('data: {"id": "chatcmpl-script", "object": "chat.compl')
        case "garbage":
            await exchange.write("data: this is no JSON\n\n")
            await exchange.write("")
        case _:  # vanish
            await exchange.write("")


def _chunk(request: Received, delta: dict[str, Json], *, finish: str | None = None) -> dict[str, Json]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _envelope(request, "chat.completion.chunk", choice)


def _whole(request: Received, reply: Reply) -> dict[str, Json]:
    message = {"role": "assistant", "content": reply.content, "refusal": reply.refusal or None}
    if reply.calls:
        message["tool_calls"] = _calls(request, reply)
    whole = _envelope(request, "chat.completion", {"index": 0, "message": message, "finish_reason": reply.ending})
    return whole | {"usage": request.usage(reply)} if reply.reports_usage else whole


def _envelope(request: Received, kind: str, choice: dict[str, Json]) -> dict[str, Json]:
    return {"id": "chatcmpl-script", "object": kind, "created": 0, "model": request.model, "choices": [choice]}
