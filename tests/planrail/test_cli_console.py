"""`planrail console` and `planrail serve` as people start them: the way in, and a server that ends while somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal

import httpx

from tests.planrail.command import Command, finish
from tests.planrail.consoles import BOUND_S, console, keyed_settings
from tests.planrail.terminal import Terminal


async def test_the_command_tells_the_way_into_a_server_that_runs_and_says_where_none_does(command: Command) -> None:
    async with console(command.home, worker=False) as found, found.stranger() as client:
        none = await asyncio.to_thread(command, "console", "--at", "http://127.0.0.1:9")
        way = await asyncio.to_thread(command, "console", "--at", found.url)
        at, _, token = way.out.splitlines()[0].partition("#token=")
        begun = await client.post("session", json={"token": token})
    assert (none.code, "planrail serve" in none.err) == (1, True)
    assert (at, way.out.splitlines()[1]) == (f"{found.url}/console", "good for 10 minutes, once")
    assert begun.status_code == 204


async def test_where_keys_are_asked_for_the_command_tells_the_address_and_to_sign_in_with_one(command: Command) -> None:
    settings = keyed_settings(person=("pr_person_0123456789", "ann", "user"))
    async with console(command.home, worker=False, settings=settings) as found:
        shown = await asyncio.to_thread(command, "console", "--at", found.url)
    assert shown.out.splitlines()[0] == f"{found.url}/console"
    assert "planrail keys create" in shown.out


def test_a_server_at_a_terminal_prints_the_way_in(command: Command) -> None:
    terminal = Terminal(command, "serve", "--port", "0")
    try:
        terminal.until("Ctrl-C")
    finally:
        terminal.process.send_signal(signal.SIGTERM)
        terminal.end()
    assert "/console#token=" in terminal.plain


def test_a_server_prints_no_way_in_where_a_log_keeps_it_and_ends_at_once_while_somebody_watches(command: Command) -> None:
    process = command.start("serve", "--port", "0")
    assert process.stdout is not None
    try:
        name, at = process.stdout.readline().split()
        address = at.removesuffix("/console")
        _, _, token = json.loads(command("console", "--at", address, "--json").out)["url"].partition("#token=")
        with httpx.Client(base_url=at, timeout=BOUND_S, headers={"origin": address}) as client:
            begun = client.post("/api/session", json={"token": token})
            with client.stream("GET", "/api/runs/live") as stream:
                lines = stream.iter_lines()
                assert "ready" in next(lines)
                process.send_signal(signal.SIGTERM)
                with contextlib.suppress(httpx.RemoteProtocolError):  # the stream is cut off
                    for _ in lines:
                        pass
    finally:
        process.send_signal(signal.SIGTERM)
        ended = finish(process)
    assert (name, "token" in at, begun.status_code) == ("console", False, 204)
    assert (ended.code, "Traceback" in ended.err, "shutdown exceeded" in ended.err) == (-signal.SIGTERM, False, False)
