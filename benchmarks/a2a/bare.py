"""Bare: an agent on the SDK's own machinery, which does nothing and says as much as ours: `python -m benchmarks.a2a.bare URL`.

Its words are those that ours take: the number of chunks that are wanted, or none.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from a2a.helpers import new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_rest_routes
from a2a.server.tasks import DatabaseTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from fastapi import FastAPI
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value
from sqlalchemy.ext.asyncio import create_async_engine

from planrail.process import settle

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class Counter(AgentExecutor):
    """Works, gives as many chunks as were asked for, a result, and is done."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        assert context.task_id is not None
        assert context.context_id is not None
        await event_queue.enqueue_event(new_task_from_user_message(context.message))
        task = TaskUpdater(event_queue, context.task_id, context.context_id)
        await task.start_work()
        chunks = int(context.get_user_input() or "0")
        for number in range(chunks):
            part = Part(data=ParseDict(number, Value()))
            await task.add_artifact(
                [part], artifact_id="found", append=number > 0 or None, last_chunk=number == chunks - 1 or None
            )
        await task.add_artifact([Part(text="done")], artifact_id="result")
        await task.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise NotImplementedError  # nobody does


async def serve(url: str) -> None:
    """Serve at any free port, which it prints."""
    kind, _, rest = url.partition("://")
    engine = create_async_engine(f"{DRIVERS[kind]}://{rest}")
    card = AgentCard(
        name="bare",
        description="counts",
        version="1",
        supported_interfaces=[AgentInterface(url="http://127.0.0.1/", protocol_binding="HTTP+JSON", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="count", name="count", description="counts", tags=["numbers"])],
    )
    store = DatabaseTaskStore(engine)
    await store.initialize()
    handler = DefaultRequestHandler(agent_executor=Counter(), task_store=store, agent_card=card)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await handler.aclose()

    app = FastAPI(lifespan=lifespan)
    app.router.routes.extend(create_agent_card_routes(card))
    app.router.routes.extend(create_rest_routes(handler))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    begin = server.startup

    async def begun(sockets: Any = None) -> None:
        await begin(sockets)
        port = server.servers[0].sockets[0].getsockname()[1]
        print(json.dumps({"address": f"http://127.0.0.1:{port}"}), flush=True)

    server.startup = begun  # type: ignore[method-assign]  # it has no event for it
    await server.serve()


if __name__ == "__main__":
    settle()
    asyncio.run(serve(sys.argv[1]))
