"""Quiet: a step about which there is nothing to say breaks no client, and a client that goes leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from a2a_node.telling import Telling
from executor.journal.tail import Tail
from executor.submission import Principal
from tests.a2a_node.node import BINDINGS, BOUND_S, Node, artifacts, asking, message, node, task_of, told

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOCAL = Principal(id="local", kind="agent")
SIGNS = 3  # of life that are waited for
V1 = {"A2A-Version": "1.0"}
QUICK = httpx.Timeout(5, read=0.5)  # the SDK's own are five seconds, for a beat of two
SAID = {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": {"script": 'answer("late")'}}]}
OLD = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "data", "data": {"script": 'answer("late")'}}]}
OLD_REST = {"messageId": "m", "role": "ROLE_USER", "content": [{"data": {"data": {"script": 'answer("late")'}}}]}


def rpc(method: str, message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "/", {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"message": message}}


STREAMS = {
    "JSON-RPC": rpc("SendStreamingMessage", SAID),
    "REST": ("/message:stream", {"message": SAID}),
    "JSON-RPC of 0.3": rpc("message/stream", OLD),
    "REST of 0.3": ("/v1/message:stream", {"request": OLD_REST}),
}
CALLS = {
    "JSON-RPC": rpc("SendMessage", SAID),
    "REST": ("/message:send", {"message": SAID}),
    "JSON-RPC of 0.3": rpc("message/send", OLD),
    "REST of 0.3": ("/v1/message:send", {"request": OLD_REST, "configuration": {"blocking": True}}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def idle(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """A node that carries no run on, with a quick heart."""
    home: Path = tmp_path_factory.mktemp("node")
    (home / "planrail.toml").write_text("[a2a]\nheartbeat_s = 0.05\n")
    async with node(home, worker=False) as made:
        yield made


@pytest.fixture(params=list(STREAMS))
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fresh(asked: tuple[str, dict[str, Any]], name: str) -> tuple[str, dict[str, Any], dict[str, str]]:
    """The request with a message id of its own, and its headers."""
    path, body = asked
    told: dict[str, Any] = body.get("params", body)
    key = "request" if "request" in told else "message"
    told = {**told, key: {**told[key], "messageId": name}}
    body = {**body, "params": told} if "params" in body else told
    return path, body, {} if "0.3" in name else V1


async def test_a_quiet_stream_is_kept_alive_by_comments(idle: Node, way: str) -> None:
    path, body, headers = fresh(STREAMS[way], f"stream {way}")
    async with (
        asyncio.timeout(BOUND_S),
        httpx.AsyncClient(base_url=idle.url, timeout=QUICK) as http,
        http.stream("POST", path, json=body, headers=headers) as answer,
    ):
        lines = answer.aiter_lines()
        signs = 0
        async for line in lines:
            signs += line.startswith(":")
            if signs == SIGNS:
                break
        async with idle.house.engine():
            rest = [line async for line in lines]
    assert any("late" in line for line in rest)


async def test_a_quiet_call_that_waits_is_kept_alive_by_blanks(idle: Node, way: str) -> None:
    path, body, headers = fresh(CALLS[way], f"call {way}")
    async with (
        asyncio.timeout(BOUND_S),
        httpx.AsyncClient(base_url=idle.url, timeout=QUICK) as http,
        http.stream("POST", path, json=body, headers=headers) as answer,
    ):
        pieces = answer.aiter_bytes()
        begun = b""
        async for piece in pieces:
            begun += piece
            if len(begun) >= SIGNS:
                break
        async with idle.house.engine():
            rest = b"".join([piece async for piece in pieces])
    assert begun.strip() == b""
    assert "late" in str(httpx.Response(200, content=begun + rest).json())
    assert answer.headers["content-type"] == ("application/a2a+json" if way == "REST" else "application/json")


async def test_clients_that_vanish_leave_no_task_no_socket_and_no_follower(idle: Node) -> None:
    """In the midst of a stream, or of a call that waits."""
    await vanish(idle, "warm")  # what is made once stays
    before = holdings()
    await vanish(idle, "gone")
    assert await left_over(before) == {}


async def left_over(before: dict[str, int]) -> dict[str, int]:
    """What the node holds more of than before; the libraries close their sockets a moment later."""
    for _ in range(100):
        now = holdings()
        more = {what: now[what] for what, number in before.items() if now[what] > number}
        if not more:
            break
        await asyncio.sleep(0.1)
    return more


async def vanish(here: Node, name: str) -> None:
    """Clients of each binding come, hear that the node is there, and go without a word. Until no task is left of them."""

    async def over_http(asked: tuple[str, dict[str, Any]], name: str) -> None:
        path, body, headers = fresh(asked, name)
        async with (
            httpx.AsyncClient(base_url=here.url) as http,
            http.stream("POST", path, json=body, headers=headers) as answer,
        ):
            await anext(answer.aiter_bytes())

    async def over_grpc(number: int) -> None:
        async with here.client("GRPC") as client:
            stream = client.send_message(asking(message(data={"script": 'answer("late")'}, message_id=f"{name} {number}")))
            await anext(stream)

    tasks = asyncio.all_tasks()
    async with asyncio.timeout(BOUND_S):
        async with asyncio.TaskGroup() as group:
            for number in range(2):
                for kind, requests in (("stream", STREAMS), ("call", CALLS)):
                    for way, asked in requests.items():
                        group.create_task(over_http(asked, f"{name} {kind} {way} {number}"))
                group.create_task(over_grpc(number))
        while left := {t for t in asyncio.all_tasks() - tasks if not is_standing(t)}:
            await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)


def is_standing(task: asyncio.Task[Any]) -> bool:
    """Whether it is a server's own: one waits for the next call of gRPC, one for the server's end."""
    return getattr(task.get_coro(), "__qualname__", "").endswith(("_request_registered_call", "_shutdown_watcher"))


def holdings() -> dict[str, int]:
    """What the node might still hold of its clients."""
    gc.collect()
    kinds = (Telling, Tail)
    found = {kind.__name__: sum(isinstance(o, kind) for o in gc.get_objects()) for kind in kinds}
    return found | {"sockets": sum(is_socket(f) for f in Path("/proc/self/fd").iterdir())}


def is_socket(descriptor: Path) -> bool:
    try:
        return os.readlink(descriptor).startswith("socket:")
    except FileNotFoundError:  # the one that lists them
        return False


@pytest.mark.proof
async def test_a_step_that_is_quiet_for_a_minute_breaks_no_client_of_the_sdk(tmp_path: Path) -> None:
    """With its default settings, and the node's; gRPC needs no sign of life."""

    async def heard(here: Node, binding: str, streaming: bool) -> str:
        async with here.client(binding, streaming=streaming, patience_s=5.0) as client:
            stream = await told(client, message(data={"script": 'wait("60s")\nanswer("awake")'}), bound_s=2 * BOUND_S)
        return artifacts(stream)["result"] if streaming else task_of(stream).artifacts[0].parts[0].text

    async with node(tmp_path) as here, asyncio.TaskGroup() as group:
        ways = [group.create_task(heard(here, b, s)) for b in BINDINGS for s in (True, False)]
    assert [way.result() for way in ways] == ["awake"] * 6
