"""A liar: an agent that says over JSON-RPC whatever a test has it say, in whatever bytes, at a real socket of this machine."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_host import bound, listening
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from executor.agent_tools.agent import Agent, AgentSettings, Pins
from executor.agent_tools.tools import agent_tools
from executor.toolset import Toolset

TASK, CONTEXT = "t1", "c1"
TOKENS = {"flights_token": "s3cret-token"}
Says = Callable[[str, dict[str, Any]], AsyncIterator[Any]]


@dataclass
class Liar:
    """The agent; `heard` are the methods that it was called by, with their headers."""

    url: str
    card: dict[str, Any]
    says: Says
    heard: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answer: Callable[[str, dict[str, Any]], Response | None] = lambda method, call: None  # instead of what it says

    def methods(self) -> list[str]:
        return [method for method, _ in self.heard]

    def toolset(self, home: Path, *, allow_private: tuple[str, ...] = (), **more: Any) -> Toolset:
        pins = Pins(home / "agents")
        settings = AgentSettings.model_validate({"url": self.url, "timeout_s": 20, **more})
        agent = Agent("flights", settings, pins.read("flights"))
        return agent_tools([agent], pins, secrets=TOKENS.get, allow_private=allow_private)


def status(state: str, text: str = "", **more: Any) -> dict[str, Any]:
    message = {"messageId": "m1", "role": "ROLE_AGENT", "parts": [{"text": text}]}
    told = {"state": f"TASK_STATE_{state}", **({"message": message} if text else {})}
    return {"statusUpdate": {"taskId": TASK, "contextId": CONTEXT, "status": told, **more}}


def task(state: str = "WORKING", **more: Any) -> dict[str, Any]:
    return {"task": {"id": TASK, "contextId": CONTEXT, "status": {"state": f"TASK_STATE_{state}"}, **more}}


def artifact(text: str, *, append: bool = False, **more: Any) -> dict[str, Any]:
    told = {"artifactId": "result", "name": "result", "parts": [{"text": text}]}
    return {"artifactUpdate": {"taskId": TASK, "contextId": CONTEXT, "artifact": told, "append": append, **more}}


def line(call: dict[str, Any], result: Any) -> bytes:
    """What is said as an event of the stream; bytes as they are."""
    if isinstance(result, bytes):
        return result
    return f"data: {json.dumps({'jsonrpc': '2.0', 'id': call['id'], 'result': result})}\n\n".encode()


@asynccontextmanager
async def lying(says: Says, **card: Any) -> AsyncIterator[Liar]:
    """The agent, with a card that has these fields beside what it has to have."""
    sock = bound()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    interface = {"url": f"{url}/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    whole = {
        "name": "Liar", "description": "Lies.", "version": "1", "supportedInterfaces": [interface], "skills": [],
        "capabilities": {"streaming": True}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], **card,
    }  # fmt: skip
    liar = Liar(url, whole, says)

    async def shown(request: Request) -> Response:
        return liar.answer("card", {}) or JSONResponse(liar.card)

    async def called(request: Request) -> Response:
        call = json.loads(await request.body())
        liar.heard.append((call["method"], dict(request.headers)))
        instead = liar.answer(call["method"], call)
        if instead is not None:
            return instead
        said = liar.says(call["method"], call)
        if call["method"] in ("SendStreamingMessage", "SubscribeToTask"):
            return StreamingResponse((line(call, each) async for each in said), media_type="text/event-stream")
        return JSONResponse({"jsonrpc": "2.0", "id": call["id"], "result": [each async for each in said][-1]})

    app = Starlette(
        routes=[Route("/.well-known/agent-card.json", shown), Route("/rpc", called, methods=["POST"])],
    )
    async with listening(app, sock):
        yield liar
