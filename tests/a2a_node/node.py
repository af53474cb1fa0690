"""A node under test: the real server on real sockets in the test's own loop, and the SDK's client on each binding."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
from a2a.client import Client, ClientCallContext, ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.types.a2a_pb2 import (
    AgentInterface,
    Message,
    Part,
    Role,
    SendMessageConfiguration,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from a2a_node.entry import A2aEntry
from a2a_node.extension import URI
from planrail.house import House
from planrail.settings import load_settings
from tests.serving import served

BINDINGS = ("JSONRPC", "HTTP+JSON", "GRPC")
BOUND_S = 60.0
EXTENDED = ClientCallContext(service_parameters={"A2A-Extensions": URI})
ASKS = 'who = ask_user("Whom do I write for?", returns=str)\nanswer("for " + who)'


@dataclass
class Node:
    """A node that serves: where, and the house behind it."""

    house: House
    where: Mapping[str, str]

    @property
    def url(self) -> str:
        return self.where["address"]

    @asynccontextmanager
    async def client(
        self, binding: str = "JSONRPC", *, token: str = "", patience_s: float = BOUND_S, **config: Any
    ) -> AsyncIterator[Client]:
        """The SDK's client, with its default settings, on that binding; more patient than they are: the machine is busy."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(headers=headers, timeout=patience_s) as http:
            card = await A2ACardResolver(http, self.url).get_agent_card()
            if "grpc" in self.where and not any(i.protocol_binding == "GRPC" for i in card.supported_interfaces):
                card.supported_interfaces.append(
                    AgentInterface(url=self.where["grpc"], protocol_binding="GRPC", protocol_version="1.0")
                )
            made = ClientFactory(
                ClientConfig(
                    httpx_client=http,
                    supported_protocol_bindings=[binding],
                    grpc_channel_factory=partial(grpc.aio.insecure_channel, interceptors=_bearing(token)),
                    **config,
                )
            ).create(card)
            async with made as client:
                yield client


def _bearing(token: str) -> list[grpc.aio.ClientInterceptor]:
    """What sends the token with each call over gRPC."""

    async def sent(go_on: Any, call: Any, request: Any) -> Any:
        metadata = grpc.aio.Metadata(*(call.metadata or ()), ("authorization", f"Bearer {token}"))
        return await go_on(call._replace(metadata=metadata), request)

    class OfOne(grpc.aio.UnaryUnaryClientInterceptor):
        async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
            return await sent(continuation, client_call_details, request)

    class OfAStream(grpc.aio.UnaryStreamClientInterceptor):
        async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
            return await sent(continuation, client_call_details, request)

    return [OfOne(), OfAStream()] if token else []


@asynccontextmanager
async def node(home: Path, *, worker: bool = True, environment: Mapping[str, str] | None = None) -> AsyncIterator[Node]:
    """A node of the settings in `home`, with gRPC; served until the block ends."""
    settings = load_settings({"PLANRAIL_HOME": str(home), **(environment or {})}, home)
    settings = settings.model_copy(update={"a2a": settings.a2a.model_copy(update={"grpc_port": 0})})

    class Entry(A2aEntry):
        """The door, whose house the test sees."""

        house: House

        @asynccontextmanager
        async def mounted(self, house: House, *rest: Any, **more: Any) -> AsyncIterator[Any]:
            self.house = house
            async with super().mounted(house, *rest, **more) as mounted:
                yield mounted

    door = Entry()
    async with served(settings, door, worker=worker) as where:
        yield Node(door.house, dict(where))


def message(text: str = "", *, data: Any = None, **more: Any) -> Message:
    """A message of words, or of data."""
    parts = [Part(text=text)] if text else []
    parts += [] if data is None else [Part(data=ParseDict(data, Value()))]
    return Message(**{"message_id": str(uuid.uuid4()), "role": Role.ROLE_USER, "parts": parts, **more})


def asking(made: Message, **config: Any) -> SendMessageRequest:
    """The request that sends it."""
    return SendMessageRequest(message=made, configuration=SendMessageConfiguration(**config))


async def told(
    client: Client, made: Message, context: ClientCallContext | None = None, *, bound_s: float = BOUND_S, **config: Any
) -> list[StreamResponse]:
    """Everything that is streamed for a message."""
    async with asyncio.timeout(bound_s):
        return [each async for each in client.send_message(asking(made, **config), context=context)]


async def subscribed(client: Client, task: str, context: ClientCallContext | None = None) -> list[StreamResponse]:
    """Everything that is streamed for a task."""
    async with asyncio.timeout(BOUND_S):
        return [each async for each in client.subscribe(SubscribeToTaskRequest(id=task), context=context)]


def states(stream: list[StreamResponse]) -> list[str]:
    """The states that a stream went through, each once in a row."""
    found: list[str] = []
    for each in stream:
        status = each.task.status if each.HasField("task") else each.status_update.status
        name = TaskState.Name(status.state).removeprefix("TASK_STATE_")
        if not each.HasField("artifact_update") and (not found or found[-1] != name):
            found.append(name)
    return found


def words(stream: list[StreamResponse]) -> list[str]:
    """The words of a stream's status messages."""
    return [p.text for e in stream if e.HasField("status_update") for p in e.status_update.status.message.parts if p.text]


def task_of(stream: list[StreamResponse]) -> Task:
    """The task that a stream begins with."""
    assert stream[0].HasField("task")
    return stream[0].task


def artifacts(stream: list[StreamResponse]) -> dict[str, str]:
    """The artifacts of a stream as a client puts them together: their texts by id."""
    found: dict[str, str] = {}
    for update in (e.artifact_update for e in stream if e.HasField("artifact_update")):
        text = "".join(p.text or str(p.data) for p in update.artifact.parts)
        name = update.artifact.artifact_id
        found[name] = found.get(name, "") + text if update.append else text
    return found
