"""planrail send to other vendors' agents: 1.0 and 0.3, over JSON-RPC and REST; what they say is shown, and steers nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from agent_host import hosted
from liar import artifact, line, lying, status, task
from starlette.responses import Response

from tests.planrail.command import Command, Finished
from tests.planrail.terminal import Terminal

SPEAKS = [("1.0", "JSONRPC"), ("1.0", "HTTP+JSON"), ("0.3", "JSONRPC"), ("0.3", "HTTP+JSON")]
STEERING = "\x1b[2J\x1b]0;owned\x07 [red]plain[/red] \u202eback\rover"


def kept(home: Path) -> bytes:
    """All that stands in the files of a folder."""
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


async def send(home: Path, *arguments: str) -> Finished:
    command = Command(home, {"FLIGHTS_TOKEN": "s3cret-token"})
    return await asyncio.to_thread(command, "send", *arguments)


@pytest.mark.parametrize(("version", "binding"), SPEAKS)
async def test_a_goal_is_followed_to_its_result_and_through_a_question(tmp_path: Path, version: str, binding: str) -> None:
    async with hosted(version=version, binding=binding) as host:
        done = await send(tmp_path, host.url, "say hello")
        waits = await send(tmp_path, host.url, "ask")
        name = waits.out.split("--task ")[1].split()[0]
        answered = await send(tmp_path, host.url, "--task", name, "Austin")
    assert (done.code, waits.code, answered.code) == (0, 3, 0), (done, waits, answered)
    assert done.out.startswith("at it\n\ndone\nhello\n")
    assert "? Which city?" in waits.out
    assert "\ndone\nheard Austin\n" in answered.out


async def test_an_agent_that_fails_rejects_or_answers_at_once_ends_the_command_so(tmp_path: Path) -> None:
    async with hosted() as host:
        fails = await send(tmp_path, host.url, "fail")
        rejects = await send(tmp_path, host.url, "reject")
        answers = await send(tmp_path, host.url, "message at once")
        planned = await send(tmp_path, host.url, "--playbook", "x")
    assert (fails.code, rejects.code, answers.code, planned.code) == (1, 1, 0, 2)
    assert "failed  no flights today" in fails.out
    assert "failed  not my job" in rejects.out
    assert "\ndone\nat once\n" in answers.out
    assert "takes goals in words alone" in planned.err


async def test_ctrl_c_at_the_terminal_ends_the_task_there_too_when_that_is_wanted(tmp_path: Path) -> None:
    async with hosted() as host:
        terminal = Terminal(Command(tmp_path), "send", host.url, "long")
        await asyncio.to_thread(terminal.until, "is at it")
        await asyncio.wait_for(host.agent.started.wait(), 30)
        terminal.process.send_signal(signal.SIGINT)
        await asyncio.to_thread(terminal.until, "it goes on >")
        terminal.write("yes\n")
        assert await asyncio.to_thread(terminal.end) == 130
        await asyncio.wait_for(host.agent.stopped.wait(), 10)


async def test_what_would_steer_a_terminal_is_left_out_of_all_that_is_shown(tmp_path: Path) -> None:
    extension = "https://w3id.org/planrail/a2a/plan-execute/v1"
    steps = [{"id": STEERING, "title": STEERING, "kind": STEERING, "source": STEERING, "dependsOn": []}]
    parts = [{"data": {"revision": STEERING, "steps": steps}}, {"text": STEERING, "filename": "plan.script"}]
    plan = {"artifactId": "plan", "name": "plan", "parts": parts, "metadata": {extension: {"kind": "plan"}}}
    asked = {"id": STEERING, "kind": "approve", "text": STEERING, "stepId": STEERING, "shown": [{"tool": STEERING, "flows": 3}]}

    async def says(method: str, call: dict[str, Any]) -> AsyncIterator[Any]:
        yield task()
        yield {"artifactUpdate": {"taskId": "t1", "contextId": "c1", "artifact": plan}}
        yield status("WORKING", metadata={extension: {"event": "step.started", "stepId": STEERING}})
        yield status("WORKING", STEERING)
        yield status("WORKING", metadata={extension: {"event": "surprise", "stepId": STEERING, "message": STEERING}})
        yield status("INPUT_REQUIRED", STEERING, metadata={"questions": [asked]})

    async with lying(says, name=STEERING, capabilities={"streaming": True, "extensions": [{"uri": extension}]}) as liar:
        told = await send(tmp_path, liar.url, "x")
        failing = await send(tmp_path, f"{liar.url}/nowhere", "x")
    assert told.code == 3, told
    assert "[red]plain[/red]" in told.out
    assert [c for c in told.out + told.err + failing.err if c in "\x1b\x07\u202e\r"] == []


async def test_the_token_is_sent_and_printed_nowhere_also_where_the_agent_says_it(tmp_path: Path) -> None:
    async def says(method: str, call: dict[str, Any]) -> AsyncIterator[Any]:
        yield task()
        yield status("WORKING", "hello s3cret-token")
        yield artifact("s3cret-token")
        yield status("COMPLETED")

    async with lying(says) as liar:
        told = await send(tmp_path, liar.url, "x", "--token-env", "FLIGHTS_TOKEN")
        lines = await send(tmp_path, liar.url, "x", "--token-env", "FLIGHTS_TOKEN", "--json")
    assert [headers["authorization"] for _, headers in liar.heard] == ["Bearer s3cret-token"] * 2
    assert "s3cret" not in told.out + told.err + lines.out + lines.err
    assert "hello «secret token»" in told.out
    assert b"s3cret" not in kept(tmp_path)


async def test_a_connection_that_breaks_off_is_nothing_and_the_message_goes_there_once(tmp_path: Path) -> None:
    async def says(method: str, call: dict[str, Any]) -> AsyncIterator[Any]:
        if method == "GetTask":
            yield task()["task"]
            return
        yield task()
        if method == "SubscribeToTask" and liar.methods().count(method) > 2:
            yield artifact("found")
            yield status("COMPLETED")
        yield line(call, artifact("lost"))[:40]  # and the stream is over

    async with lying(says) as liar:
        told = await send(tmp_path, liar.url, "x")
    assert told.code == 0, told
    assert "\ndone\nfound\n" in told.out
    assert liar.methods().count("SendStreamingMessage") == 1


async def test_who_is_to_blame_is_said(tmp_path: Path) -> None:
    async with hosted() as host, lying(lambda method, call: None) as liar:  # type: ignore[arg-type,return-value]  # it says nothing
        liar.answer = lambda method, call: Response("oops", 500) if method != "card" else None
        nobody = await send(tmp_path, "http://127.0.0.1:9", "x")
        no_agent = await send(tmp_path, f"{host.url}/nowhere", "x")
        no_address = await send(tmp_path, "flights", "x")
        no_goal = await send(tmp_path, host.url)
        broken = await send(tmp_path, liar.url, "x", "--json")
    assert (nobody.code, nobody.err) == (1, "planrail: 127.0.0.1 cannot be reached.\nIs the agent running there?\n")
    assert "answers 404.\nIs it the address of an A2A agent?" in no_agent.err
    assert (no_address.code, "flights is no agent that is known" in no_address.err) == (2, True)
    assert (no_goal.code, "The goal is empty" in no_goal.err) == (2, True)
    assert "Liar: Whether it has begun is not known: it answered 500" in json.loads(broken.out)["error"]["message"]
    assert os.linesep not in broken.out.rstrip()
