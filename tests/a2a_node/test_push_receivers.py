"""Receivers as they are: slow, huge, confused, busy, gone; and a database that is away for a moment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from a2a_node.push.chore import delivering
from a2a_node.push.wires import Wires
from executor.builtin.addresses import resolve
from executor.builtin.handle import Unfit
from executor.builtin.url import parsed_url
from executor.builtin.web import trusting
from executor.journal.outbox import Subscriber
from planrail.house import House
from tests.a2a_node.receiver import BOUND_S, LOCAL, Heard, receiving
from tests.a2a_node.test_push_workers import begun, order, over, settings_of, working
from tests.postgres import PostgresServer

Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = b"x" * 2**20


@asynccontextmanager
async def serving(served: Served) -> AsyncIterator[str]:
    """A server that treats each connection so; its URL."""
    treated: set[asyncio.Task[None] | None] = set()

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        treated.add(asyncio.current_task())
        try:
            await served(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(treat, LOCAL, 0)
    try:
        yield f"http://{LOCAL}:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()
        await asyncio.wait([task for task in treated if task is not None])


def wires(timeout_s: float = BOUND_S) -> Wires:
    return Wires(tls=lambda: trusting(None), resolve=resolve, allow_private=[LOCAL], timeout_s=timeout_s)


async def request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(n.partition(b":")[2]) for n in head.lower().split(b"\r\n") if n.startswith(b"content-length:"))
    return await reader.readexactly(length)


async def test_connections_are_kept_and_one_that_was_closed_meanwhile_is_no_failure() -> None:
    connections, closing = 0, asyncio.Event()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(3):
            assert await request(reader) == b"note"
            writer.write(OK + b"Content-Length: 2\r\n\r\nok")
        writer.close()
        await writer.wait_closed()
        closing.set()

    async with serving(served) as url:
        told = wires()
        statuses = [(await told.post(parsed_url(url), {}, b"note")).status for _ in range(3)]
        await closing.wait()
        statuses += [(await told.post(parsed_url(url), {}, b"note")).status for _ in range(2)]
        told.close()
    assert (statuses, connections) == ([200] * 5, 2)


async def test_hosts_of_one_address_share_no_connection() -> None:
    connections: list[bytes] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            connections.append(head)
            writer.write(OK + b"Content-Length: 0\r\nX-Peer: %d\r\n\r\n" % writer.get_extra_info("peername")[1])

    async def here(host: str, port: int) -> list[str]:
        return [LOCAL]

    async with serving(served) as url:
        told = Wires(tls=lambda: trusting(None), resolve=here, allow_private=["one.example", "two.example"], timeout_s=BOUND_S)
        peers = [
            (await told.post(parsed_url(url.replace(LOCAL, host)), {}, b"")).headers["x-peer"]
            for host in ("one.example", "two.example", "one.example")
        ]
        told.close()
    assert peers[0] == peers[2] != peers[1]


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_answer_of_30_mb_counts_by_its_status_and_is_not_read(chunked: bool) -> None:
    sent = 0

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request(reader)
        writer.write(OK + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: 31457280\r\n\r\n"))
        for _ in range(30):
            writer.write(b"100000\r\n" + MEGABYTE + b"\r\n" if chunked else MEGABYTE)
            await writer.drain()
            sent += 1

    async with serving(served) as url:
        assert (await wires().post(parsed_url(url), {}, b"note")).status == 200
        assert sent < 30


async def test_an_answer_that_drips_counts_by_its_status_and_its_body_is_not_waited_for() -> None:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(OK + b"Content-Length: 1000\r\n\r\n")
        await reader.read()

    async with serving(served) as url, asyncio.timeout(BOUND_S / 2):
        assert (await wires().post(parsed_url(url), {}, b"note")).status == 200


@pytest.mark.parametrize(
    "answer", [b"H", b"HTTP/1.1 200 OK\r\nX: ", OK, b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["byte", "head", "half", "continue"]
)
async def test_a_head_that_does_not_end_is_a_time_out(answer: bytes) -> None:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()

    async with serving(served) as url:
        with pytest.raises(TimeoutError):
            await wires(timeout_s=0.3).post(parsed_url(url), {}, b"note")


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 2OO OK\r\n\r\n", OK + b"X: " + b"x" * 200_000,
        b"HTTP/1.1 100 C\r\n\r\n" * 9_000,
    ],
    ids=["nothing", "no HTTP", "no status", "long head", "continues"],
)  # fmt: skip
async def test_what_is_no_answer_is_a_failure(answer: bytes) -> None:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)
        writer.close()

    async with serving(served) as url:
        with pytest.raises(Unfit, match="broke off"):
            await wires().post(parsed_url(url), {}, b"note")


async def test_what_a_status_means(tmp_path: Path) -> None:
    async def reply(heard: Heard) -> int:
        return int(heard.path[1:])

    async with receiving(reply) as receiver, working(settings_of(tmp_path)) as house:
        receiver.headers = "Location: http://169.254.169.254/\r\nRetry-After: 1800\r\n"
        runs = {status: await begun(house, receiver, f"/{status}") for status in (410, 404, 301, 400, 401, 429, 500, 503)}
        kept = {status: await once(house, run, lambda s: s.attempts > 0) for status, run in runs.items()}
    assert [status for status, s in kept.items() if s.dead] == [410], "all else may be mended"
    assert all(1_790_000 < s.next_at - s.now <= 1_800_000 for s in kept.values()), "it is left alone for as long as it says"
    assert sorted(int(h.path[1:]) for h in receiver.heard) == sorted(runs)
    assert kept[429].problem == "The receiver answered with status 429."
    assert kept[301].problem == "The receiver answered with status 301; redirects are not followed."


async def once(house: House, run: str, holds: Callable[[Subscriber], bool]) -> Subscriber:
    """The run's subscriber, once that holds of it."""
    async for _ in house.journal.changes():
        (kept,) = await house.journal.outbox.of(run)
        if holds(kept):
            return kept
    raise AssertionError("the journal was closed")


async def test_a_database_that_is_locked_meanwhile_costs_the_receiver_nothing_but_time(tmp_path: Path) -> None:
    held, quiet = asyncio.Event(), asyncio.Event()

    async def reply(heard: Heard) -> int:
        if len(receiver.heard) == 2:
            held.set()
            await quiet.wait()
        return 200

    async with receiving(reply) as receiver, working(settings_of(tmp_path)) as house:
        run = await begun(house, receiver)
        await over(house, run)
        await held.wait()
        lock = sqlite3.connect(tmp_path / "planrail.db", isolation_level=None)
        lock.execute("begin immediate")
        quiet.set()
        await asyncio.sleep(0.3)
        lock.execute("rollback")
        lock.close()
        heard = await receiver.until_over()
        kept = await once(house, run, lambda s: s.closed)
    assert order(heard) == sorted(set(order(heard)))
    assert (kept.attempts, kept.problem) == (0, "")


@pytest.mark.proof
async def test_a_database_that_is_gone_meanwhile_costs_the_receiver_nothing_but_time(
    tmp_path: Path, mortal_postgres: PostgresServer
) -> None:
    held, quiet = asyncio.Event(), asyncio.Event()

    async def reply(heard: Heard) -> int:
        if len(receiver.heard) == 2:
            held.set()
            await quiet.wait()
        return 200

    settings = settings_of(tmp_path, PLANRAIL_DATABASE_URL=mortal_postgres.new_database())
    async with receiving(reply) as receiver, working(settings, deliver=False) as house:
        run = await begun(house, receiver)
        await over(house, run)
        async with delivering(house):
            await held.wait()
            await asyncio.to_thread(mortal_postgres.stop)
            quiet.set()
            await asyncio.to_thread(mortal_postgres.start)
            heard = await receiver.until_over()
            kept = await once(house, run, lambda s: s.closed)
    assert order(heard) == sorted(order(heard))
    assert len(heard) - len(set(order(heard))) <= 1
    assert (kept.attempts, kept.problem) == (0, "")
