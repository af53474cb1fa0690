"""Gates in runs: a sick server is left alone, what was not called costs nothing, and who waits for a turn says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from executor.events import CallFailed, CallHeld, CallRetried, CallStarted, ClaimRenewed
from executor.gate import GatedModel, Gates, GateTerms, model_key
from executor.held import SOON_S
from executor.run import Run
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.errors import ModelMisconfigured, ModelRefused, ModelUnavailable
from planner.llm.openai import OpenAIModel
from planner.llm.port import Message, ModelRequest, complete
from planner.llm.retry import Retrying
from planner.llm.scripted import ScriptedModel
from planner.models import Models
from planrail.limits import gates_of
from planrail.settings import load_settings
from tests.model_server import ModelServer, Reply, in_order
from tests.rig import ANN, BOUND_S, Rig, answer_of, reason_of, rig, role

ASK = ModelRequest(model="big", messages=(Message(role="user", content="Say."),))


class Time:
    """A clock that goes on while somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def gates(self, **terms: GateTerms) -> Gates:
        return Gates(terms, now=lambda: self.now, jitter=lambda: 0.0, sleep=self.sleep)


class Server:
    """Tools whose server is sick for its first calls."""

    def __init__(self, sick: int = 0) -> None:
        self.sick = sick
        self.made: list[str] = []
        self.came, self.go = asyncio.Event(), asyncio.Event()

    def _answer(self, call: str) -> str | ToolFailed:
        self.made.append(call)
        return ToolFailed("It is down.", "transient") if len(self.made) <= self.sick else call

    @tool(effect="read", retries=0, usd=0.01)
    async def look(self, n: int) -> str | ToolFailed:
        """Look."""
        return self._answer(f"look {n}")

    @tool(effect="read", retries=0, server_in="url")
    async def fetch(self, url: str) -> str | ToolFailed:
        """Fetch."""
        return self._answer(url) if "down" in url else url

    @tool(effect="irreversible", retries=0, usd=0.5)
    async def send(self, to: str) -> str | ToolFailed:
        """Send."""
        return self._answer(f"send {to}")

    @tool(effect="read", retries=2)
    async def patient(self) -> str | ToolFailed:
        """Look, and look again."""
        return self._answer("patient")

    @tool(effect="read")
    async def hold(self) -> str:
        """Wait for the test."""
        self.came.set()
        await self.go.wait()
        return "held"

    @tool(effect="read", timeout_s=0.05, retries=0)
    async def quick(self) -> str:
        """Answer at once."""
        return "quick"


async def carried(folder: Path, server: Server, script: str, time: Time, **more: object) -> tuple[Run, list[object]]:
    toolset = Toolset.of("crm", server)
    async with rig(folder, toolset, gates=time.gates(), sleep=time.sleep, **more) as house:
        run = await house.carried(script, budget=Budget(parallel=1))
        return run, list(await house.events(run.id))


async def test_a_server_that_failed_five_times_in_a_row_is_called_no_more(tmp_path: Path) -> None:
    server, time = Server(sick=99), Time()
    run, events = await carried(tmp_path, server, "xs = [crm.look(n=n) for n in range(8)]\nanswer(xs)\n", time)
    failed = [e for e in events if isinstance(e, CallFailed)]
    assert [e.kind for e in failed] == ["transient"] * 5 + ["unavailable"] * 3
    assert failed[-1].message == (
        "crm was not called: 5 calls in a row have failed (the last one: It is down.) "
        "It has been left alone for 0 s and is tried again in 5 s."
    )
    assert len(server.made) == 5
    assert run.usage.usd == pytest.approx(0.05)


async def test_retries_wait_for_the_server_to_be_tried_again_and_the_wait_is_no_call(tmp_path: Path) -> None:
    server, time = Server(sick=5), Time()
    script = "xs = [crm.look(n=n, otherwise=None) for n in range(5)]\ny = crm.patient()\nanswer([y, len(xs)])\n"
    run, events = await carried(tmp_path, server, script, time)
    assert answer_of(run) == ["patient", 5]
    assert time.waits == [pytest.approx(5.25, abs=0.25)]
    retried = [e for e in events if isinstance(e, CallRetried)]
    assert [(r.tool_call, r.usage.usd) for r in retried] == [(False, 0.0)]
    assert run.tool_calls == 6
    assert len(server.made) == 6


async def test_an_effect_that_was_refused_is_not_uncertain_and_is_made_when_the_run_is_resumed(tmp_path: Path) -> None:
    server, time = Server(sick=5), Time()
    script = 'xs = [crm.look(n=n, otherwise=None) for n in range(5)]\ny = crm.send(to="ann") if len(xs) else None\nanswer(y)\n'
    async with rig(tmp_path, Toolset.of("crm", server), gates=time.gates(), sleep=time.sleep) as house:
        run = await house.carried(script, budget=Budget(parallel=1))
        assert reason_of(run).startswith("y.1: crm was not called")
        assert run.usage.usd == pytest.approx(0.05)  # of the five looks
        time.now += 5.0
        async with house.engine():
            await house.runs.resume(run.id, ANN)
            run = await house.rests(run.id)
    assert answer_of(run) == "send ann"
    assert server.made.count("send ann") == 1
    assert run.questions == {}


async def test_each_host_has_a_breaker_of_its_own_where_the_url_names_the_server(tmp_path: Path) -> None:
    server, time = Server(sick=99), Time()
    script = (
        'xs = [crm.fetch(url=u, otherwise=None) for u in ["https://down.example/" + str(n) for n in range(7)]]\n'
        'y = crm.fetch(url="https://up.example/") if len(xs) else None\nanswer(y)\n'
    )
    run, _ = await carried(tmp_path, server, script, time)
    assert answer_of(run) == "https://up.example/"
    assert len(server.made) == 5


async def test_a_call_that_waits_for_its_turn_says_so_and_its_time_out_does_not_run(tmp_path: Path) -> None:
    server = Server()
    gates = Gates({"crm": GateTerms(at_once=1)})
    async with rig(tmp_path, Toolset.of("crm", server), gates=gates) as house, house.engine(), asyncio.timeout(BOUND_S):
        run = await house.submit("a = crm.hold()\nb = crm.quick()\nanswer([a, b])\n")
        await server.came.wait()
        held = None
        async for _ in house.journal.changes():
            held = next((e for e in await house.events(run) if isinstance(e, CallHeld)), None)
            if held is not None:
                break
        assert held == CallHeld(step="b", reason="waits for its turn at crm (at once: 1)")
        server.go.set()
        assert answer_of(await house.rests(run)) == ["held", "quick"]


# -- models


async def test_a_sick_endpoint_is_left_alone_for_all_its_models_and_a_refused_call_is_not_billed() -> None:
    time = Time()
    async with ModelServer(in_order(*[Reply(status=503)] * 5, "back again")) as server:
        gates = time.gates()
        big, small = (GatedModel(OpenAIModel(None, server.url), gates.of_model(m, server.url)) for m in ("big", "small"))
        for _ in range(5):
            with pytest.raises(ModelUnavailable):
                await complete(big, ASK)
        with pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:\d+ was not called: 5 calls in a row") as refused:
            await complete(small, ASK)
        assert (refused.value.usage.model_calls, refused.value.retry_after_s) == (0, 5.0)
        assert len(server.requests) == 5
        reply = await complete(Retrying(small, sleep=time.sleep), ASK)
    assert (reply.text, reply.usage.model_calls) == ("back again", 1)
    assert len(server.requests) == 6


async def test_a_server_that_asks_for_more_time_gets_it() -> None:
    time = Time()
    async with ModelServer(in_order(*[Reply(status=429, retry_after="17")] * 5)) as server:
        model = GatedModel(OpenAIModel(None, server.url), time.gates().of_model("big", server.url))
        for _ in range(5):
            with pytest.raises(ModelUnavailable):
                await complete(model, ASK)
        with pytest.raises(ModelUnavailable) as refused:
            await complete(model, ASK)
    assert refused.value.retry_after_s == 17.0


async def test_what_is_not_the_servers_fault_opens_no_breaker() -> None:
    model = ScriptedModel([*[ModelMisconfigured("The key is wrong.")] * 9, *[ModelRefused("No.")] * 9, "yes"])
    gated = GatedModel(model, Time().gates().of_model("big", "https://x.example/v1"))
    for _ in range(18):
        with pytest.raises((ModelMisconfigured, ModelRefused)):
            await complete(gated, ASK)
    assert (await complete(gated, ASK)).text == "yes"


async def test_calls_over_the_limit_of_a_minute_wait_and_do_not_fail(tmp_path: Path) -> None:
    time = Time()
    gates = time.gates(**{model_key("m", "https://x.example/v1"): GateTerms(a_minute=3)})
    begun: list[float] = []

    class Timed(ScriptedModel):
        def stream(self, request: ModelRequest):  # type: ignore[no-untyped-def]
            begun.append(time.now)
            return super().stream(request)

    model = GatedModel(Timed(lambda request: "word"), gates.of_model("m", "https://x.example/v1"))
    async with rig(tmp_path, models=Models(executor=role(model))) as house:
        run = await house.carried('xs = [ask("Say.", n=n) for n in range(7)]\nanswer(len(xs))\n')
    assert answer_of(run) == 7
    assert begun == [100.0] * 3 + [160.0] * 3 + [220.0]


async def test_a_planner_that_waits_for_its_turn_says_so(tmp_path: Path) -> None:
    door, asleep = asyncio.Event(), asyncio.Event()
    clock = [0.0]

    async def sleep(seconds: float) -> None:
        asleep.set()
        await door.wait()
        clock[0] += seconds

    gates = Gates({model_key("m", "x"): GateTerms(a_minute=1)}, now=lambda: clock[0], sleep=sleep)
    model = GatedModel(ScriptedModel(lambda request: "answer(1)"), gates.of_model("m", "x"))
    models = Models(planner=role(model, max_input_tokens=50_000))
    async with rig(tmp_path, models=models) as house, house.engine(), asyncio.timeout(BOUND_S):
        await house.rests(await house.submit(goal="Say one"))
        run = await house.submit(goal="Say one again")
        await asleep.wait()
        async for _ in house.journal.changes():
            if CallHeld(reason="waits for its turn at m (a minute: 1)") in await house.events(run):
                break
        door.set()
        assert answer_of(await house.rests(run)) == 1


# -- settings


def test_limits_are_settings(tmp_path: Path) -> None:
    (tmp_path / "planrail.toml").write_text(
        '[planner]\nmodel = "m"\nbase_url = "http://h/v1"\ncalls_per_minute = 60\n'
        '[executor]\nmodel = "m"\nbase_url = "http://h/v1"\ncalls_per_minute = 30\nparallel = 4\n'
        "[servers.crm]\nparallel = 2\nfailures = 1\ncool_down_s = 90\n"
    )
    terms = gates_of(load_settings({"PLANRAIL_PLANNER_CALLS_PER_MINUTE": "20"}, tmp_path)).terms
    assert (terms["m at http://h/v1"].at_once, terms["m at http://h/v1"].a_minute) == (4, 20)
    crm = terms["crm"]
    assert (crm.at_once, crm.breaker.failures, crm.breaker.cool_down_s, crm.breaker.longest_s) == (2, 1, 90.0, 90.0)


# -- claims


@asynccontextmanager
async def in_line(folder: Path, server: Server) -> AsyncIterator[tuple[Rig, str, asyncio.Event]]:
    """A run whose effect is claimed, and stands in line behind somebody else's call until the event is set."""
    gates, go, has_it = Gates({"crm": GateTerms(at_once=1)}), asyncio.Event(), asyncio.Event()
    async with rig(folder, Toolset.of("crm", server), gates=gates) as house, house.engine(), asyncio.timeout(BOUND_S):

        async def somebody_else() -> None:
            async with gates.of_tool(house.toolset["crm.send"], {}).passed():
                has_it.set()
                await go.wait()

        async with asyncio.TaskGroup() as others:
            others.create_task(somebody_else())
            await has_it.wait()
            run = await house.submit('x = crm.send(to="ann")\nanswer(x)\n')
            async for _ in house.journal.changes():
                if any(isinstance(e, CallHeld) for e in await house.events(run)):
                    break
            yield house, run, go


async def test_an_effect_that_stood_in_line_is_claimed_anew_before_it_is_made(tmp_path: Path) -> None:
    async with in_line(tmp_path, Server()) as (house, run, go):
        go.set()
        assert answer_of(await house.rests(run)) == "send ann"
        events = await house.events(run)
    claimed = next(e.deadline for e in events if isinstance(e, CallStarted))
    renewed = next(e.deadline for e in events if isinstance(e, ClaimRenewed))
    assert claimed is not None
    assert (renewed - claimed).total_seconds() > SOON_S


async def test_an_effect_that_stood_in_line_while_another_worker_took_its_run_is_not_made(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server, lost = Server(), asyncio.Event()

    def heard(record: logging.LogRecord) -> bool:
        if "was taken over" in record.getMessage():
            lost.set()
        return True

    caplog.handler.addFilter(heard)
    with caplog.at_level("INFO", "executor"):
        async with in_line(tmp_path, server) as (house, run, go):
            assert await house.journal.take(run, "another", dead=["w"]) is not None
            go.set()
            await lost.wait()
    assert server.made == []


async def test_a_retry_of_an_effect_is_claimed_anew(tmp_path: Path) -> None:
    server, time = Server(sick=1), Time()
    run, events = await carried(tmp_path, server, 'x = crm.send(to="ann", retry=1)\nanswer(x)\n', time)
    assert answer_of(run) == "send ann"
    assert sum(isinstance(e, ClaimRenewed) for e in events) == 1
