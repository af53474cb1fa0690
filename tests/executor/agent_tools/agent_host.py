"""A host: another vendor's agent on the SDK's own machinery, at a real socket, which does as the first word of a goal says."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from a2a.helpers import new_task_from_user_message, new_text_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import Event, EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    ListTasksRequest,
    Message,
    Part,
    SendMessageRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import UnsupportedOperationError
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from executor.agent_tools.agent import Agent, AgentSettings, Pins
from executor.agent_tools.tools import agent_tools
from executor.toolset import Toolset

BOUND_S = 60.0


def data(value: Any) -> Part:
    return Part(data=ParseDict(value, Value()), media_type="application/json")


@dataclass
class Behaving(AgentExecutor):
    """The agent. `heard` are the messages that it got, `cancelled` the tasks that it was told to stop."""

    heard: list[tuple[str, str]] = field(default_factory=list)  # id, text
    cancelled: list[str] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def execute(self, ctx: RequestContext, q: EventQueue) -> None:
        text = ctx.get_user_input().strip()
        self.heard.append((ctx.message.message_id, text))
        word, _, rest = text.partition("\n")[0].partition(" ")
        if word == "message":
            await q.enqueue_event(new_text_message(rest, context_id=ctx.context_id))
            return
        answering = ctx.current_task is not None
        if not answering:
            await q.enqueue_event(new_task_from_user_message(ctx.message))
        up = TaskUpdater(q, ctx.task_id, ctx.context_id)
        await (self._answered(up, text) if answering else self._do(word, rest, up))

    async def _answered(self, up: TaskUpdater, text: str) -> None:
        if text == "again":
            await up.requires_input(up.new_agent_message([Part(text="And which day?")]))
            return
        await up.add_artifact([Part(text=f"heard {text}")], name="result")
        await up.complete()

    async def _do(self, word: str, rest: str, up: TaskUpdater) -> None:
        await up.start_work(up.new_agent_message([Part(text="at it")]))
        self.started.set()
        match word:
            case "ask":
                await up.requires_input(up.new_agent_message([Part(text="Which city?")]))
                return
            case "auth":
                await up.requires_auth(up.new_agent_message([Part(text="Log in first.")]))
                return
            case "json":
                await up.add_artifact([Part(text="as data:"), data(json.loads(rest))], name="result")
            case "chunks":
                for number in range(int(rest)):
                    await up.add_artifact(
                        [Part(text=f"{number} ")], artifact_id="a", name="result", append=number > 0,
                        last_chunk=number == int(rest) - 1,
                    )  # fmt: skip
            case "long":
                with suppress(asyncio.CancelledError):
                    await self.release.wait()
                    await up.add_artifact([Part(text="long done")], name="result")
                    await up.complete()
                return
            case "fail":
                await up.failed(up.new_agent_message([Part(text="no flights today")]))
                return
            case "reject":
                await up.reject(up.new_agent_message([Part(text="not my job")]))
                return
            case _:
                await up.add_artifact([Part(text="beside the point")], artifact_id="notes", name="notes")
                await up.add_artifact([Part(text=rest)], name="result")
        await up.complete()

    async def cancel(self, ctx: RequestContext, q: EventQueue) -> None:
        self.cancelled.append(ctx.task_id)
        await TaskUpdater(q, ctx.task_id, ctx.context_id).cancel()
        self.stopped.set()


class Deaf(DefaultRequestHandler):
    """Takes no message to a task that there is."""

    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Message | Task:
        if params.message.task_id:
            raise UnsupportedOperationError("not by a message")
        return await super().on_message_send(params, context)

    async def on_message_send_stream(self, params: SendMessageRequest, context: ServerCallContext) -> AsyncGenerator[Event]:
        if params.message.task_id:
            raise UnsupportedOperationError("not by a message")
        async for event in super().on_message_send_stream(params, context):
            yield event


@dataclass
class Host:
    """The agent at its socket; its card may be changed while it serves."""

    url: str
    agent: Behaving
    store: InMemoryTaskStore
    card: AgentCard
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path, headers

    async def finish(self, task: str, result: str) -> None:
        """End a task as if the agent had gone on by itself."""
        (found,) = [t for t in await self.tasks() if t.id == task]
        found.artifacts.add(artifact_id="r", name="result").parts.add(text=result)
        found.status.state = TaskState.TASK_STATE_COMPLETED
        await self.store.save(found, ServerCallContext())

    async def tasks(self) -> list[Any]:
        listed = await self.store.list(ListTasksRequest(page_size=100), ServerCallContext())
        return list(listed.tasks)

    def settings(self, **more: Any) -> AgentSettings:
        return AgentSettings.model_validate({"url": self.url, "timeout_s": 20, **more})

    def toolset(self, home: Path, name: str = "flights", **more: Any) -> Toolset:
        """A toolset that knows the agent by that name."""
        pins = Pins(home / "agents")
        agent = Agent(name, self.settings(**more), pins.read(name))
        return agent_tools([agent], pins, secrets={"flights_token": "s3cret"}.get)


@asynccontextmanager
async def listening(app: Any, sock: socket.socket) -> AsyncIterator[None]:
    """The application at that socket."""
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([sock]))
    try:
        async with asyncio.timeout(BOUND_S):
            while not server.started:  # noqa: ASYNC110  # the server has no event for it
                await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await serving


def bound() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


@asynccontextmanager
async def hosted(
    *,
    version: str = "1.0",
    binding: str = "JSONRPC",
    streaming: bool = True,
    signer: Callable[[AgentCard], AgentCard] | None = None,
    jwks: dict[str, Any] | None = None,
    deaf: bool = False,
) -> AsyncIterator[Host]:
    """The agent at a socket of this machine; `version` and `binding` are all that it speaks."""
    sock = bound()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    at = f"{url}/rest" if binding == "HTTP+JSON" else f"{url}/rpc"
    card = AgentCard(
        name="Flights & more", description="Finds flights.", version="1",
        supported_interfaces=[AgentInterface(url=at, protocol_binding=binding, protocol_version=version)],
        capabilities=AgentCapabilities(streaming=streaming),
        default_input_modes=["text/plain"], default_output_modes=["text/plain"],
        skills=[AgentSkill(id="search", name="Search", description="Searches", tags=["x"])],
    )  # fmt: skip
    card = signer(card) if signer else card
    agent, store = Behaving(), InMemoryTaskStore()
    handler = (Deaf if deaf else DefaultRequestHandler)(agent_executor=agent, task_store=store, agent_card=card)
    routes = [
        *create_agent_card_routes(card),
        *create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=version == "0.3"),
        Mount("/rest", Starlette(routes=create_rest_routes(handler, enable_v0_3_compat=version == "0.3"))),
        *([Route("/.well-known/jwks.json", _published(jwks))] if jwks else []),
    ]
    host = Host(url, agent, store, card)
    app = Starlette(routes=routes)

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            host.requests.append((scope["path"], {k.decode(): v.decode() for k, v in scope["headers"]}))
        await app(scope, receive, send)

    async with listening(noted, sock):
        try:
            yield host
        finally:
            agent.release.set()
            await handler.aclose()


def _published(jwks: dict[str, Any]) -> Any:
    async def keys(request: Any) -> JSONResponse:
        return JSONResponse(jwks)

    return keys
