"""What a collector is told of runs: a real one, over HTTP, which reads the protobuf."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from executor.run import Run, is_over
from executor.submission import Principal, Submission
from planner.traceparent import Traceparent, span_of, trace_of, traceparent_of
from planrail import otlp
from planrail.forking import ForkWish
from planrail.house import House, open_house
from planrail.settings import ModelSettings, Settings, SettingsError, load_settings
from planrail.spans import SegmentSpans, Span
from planrail.telemetry_settings import TelemetrySettings
from tests.executor.test_builtin_http import replying, serving
from tests.model_server.script import Reply, Rule, Script
from tests.model_server.server import ModelServer
from tests.planrail.command import ROOT, Command
from tests.planrail.otlp_receiver import Receiver, receiving
from tests.test_floors import FLOORS

BOUND_S = 60.0
LOCAL = Principal()
CALLER = Traceparent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
COUNTED = 'n = data.count(rows=[{"who": "Ann Miller"}])\nanswer(n)\n'


@pytest.fixture
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@asynccontextmanager
async def house(home: Path, collector: Receiver | None, **settings: Any) -> AsyncIterator[House]:
    """A house that is traced, whose runs are carried on; when it is closed, all has been told."""
    told = settings.pop("telemetry", {}) | ({} if collector is None else {"endpoint": collector.url})
    settings = {"home": home, "packs": (), "telemetry": TelemetrySettings(**told), **settings}
    async with asyncio.timeout(BOUND_S), open_house(Settings(**settings)) as opened, opened.engine():
        yield opened


async def rests(house: House, run: str) -> Run:
    """The run, once it has ended or waits for a person."""
    async for _ in house.journal.changes():
        if is_over(status := (await house.runs.record(run, LOCAL)).status) or status == "waiting":
            break
    return await house.runs.get(run, LOCAL)


async def ran(home: Path, collector: Receiver | None, submission: Submission, **settings: Any) -> Run:
    async with house(home, collector, **settings) as opened:
        return await rests(opened, (await opened.runs.submit(submission)).id)


def modelled(server: ModelServer) -> dict[str, ModelSettings]:
    """The models of that server, for planning and for `ask`."""
    return {role: ModelSettings(model=name, base_url=server.url) for role, name in (("planner", "big"), ("executor", "small"))}


PLANNED = Script(
    rules=(
        Rule(
            model="big",
            replies=(Reply(text="for x in y:\n    pass\n"), Reply(text='t = ask("Say it.", of="Ann")\nanswer(t)\n')),
        ),
        Rule(model="small", replies=(Reply(text="Said."),)),
    )
)


async def test_a_run_is_a_span_of_an_agent_over_its_plan_its_tools_and_its_models(collector: Receiver, tmp_path: Path) -> None:
    async with ModelServer(script=PLANNED) as server:
        run = await ran(tmp_path, collector, Submission(goal="Say something of Ann", session="talk"), **modelled(server))
    assert run.status == "done"
    agent, plan, chat = (collector.one(name) for name in ("invoke_agent planrail", "plan planrail", "chat small"))
    written = collector.named("chat big")
    assert {s.trace for s in collector.spans} == {trace_of(run.id)}
    assert (agent.parent, plan.parent, chat.parent, {s.parent for s in written}) == ("", agent.id, agent.id, {plan.id})
    assert [s.attributes["planrail.purpose"] for s in written] == ["write", "repair"]
    usage = {name: value for name, value in chat.attributes.items() if name.startswith("gen_ai")}
    spent = next(c.finished.usage for c in run.calls.values() if c.finished is not None)
    assert usage == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "small",
        "gen_ai.usage.input_tokens": spent.input_tokens, "gen_ai.usage.output_tokens": spent.output_tokens,
    }  # fmt: skip
    assert agent.attributes["gen_ai.usage.input_tokens"] == run.usage.input_tokens
    named = ("gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.conversation.id", "planrail.run.id", "planrail.status")
    assert [agent.attributes[n] for n in named] == ["invoke_agent", "planrail", "talk", run.id, "done"]
    assert (plan.attributes["gen_ai.operation.name"], plan.attributes["planrail.plan.refusals"]) == ("plan", 1)
    assert (agent.kind, plan.kind, chat.kind) == ("internal", "internal", "client")
    assert all(agent.begun <= s.begun <= s.ended <= agent.ended for s in collector.spans)
    assert agent.resource["service.name"] == "planrail"


async def test_models_are_told_the_span_by_which_they_are_asked(collector: Receiver, tmp_path: Path) -> None:
    async with ModelServer(script=PLANNED) as server:
        await ran(tmp_path, collector, Submission(goal="Say something of Ann"), **modelled(server))
        *written, asked = (traceparent_of(r.traceparent) for r in server.requests)
    assert asked == Traceparent(collector.one("chat small").trace, collector.one("chat small").id)
    assert {w and w.span for w in written} == {collector.one("invoke_agent planrail").id}


async def test_a_tool_call_is_a_span_with_its_outcome_and_nothing_that_was_said(collector: Receiver, tmp_path: Path) -> None:
    script = f'p = http.fetch(url="http://10.1.2.3/private", otherwise=None)\n{COUNTED}'
    run = await ran(tmp_path, collector, Submission(goal="Find Ann Miller", script=script))
    counted, fetched = collector.one("execute_tool data.count"), collector.one("execute_tool http.fetch")
    key = next(c.started.key for (step, _), c in run.calls.items() if step == "n" and c.started is not None)
    assert counted.attributes == {
        "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "data.count", "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": key, "planrail.step": "n", "planrail.call": "data.count",
    }  # fmt: skip
    assert (counted.error, fetched.error, fetched.attributes["error.type"]) == (False, True, "refused")
    assert [word for word in (b"Miller", b"10.1.2.3", b"private") if word in collector.content] == []


async def test_content_is_told_where_it_is_wanted_and_secrets_are_not(collector: Receiver, tmp_path: Path) -> None:
    script = 'n = data.select(rows=[{"who": "Ann Miller", "key": "hunter22hunter22"}])\nanswer(n)\n'
    submission = Submission(goal="Find Ann Miller", script=script)
    await ran(tmp_path, collector, submission, telemetry={"content": True}, secrets={"crm": "hunter22hunter22"})
    agent, tool = collector.one("invoke_agent planrail"), collector.one("execute_tool data.select")
    (asked,) = json.loads(agent.attributes["gen_ai.input.messages"])
    (answered,) = json.loads(agent.attributes["gen_ai.output.messages"])
    rows = [{"who": "Ann Miller", "key": "«secret crm»"}]
    assert asked == {"role": "user", "parts": [{"type": "text", "content": "Find Ann Miller"}]}
    assert json.loads(answered["parts"][0]["content"]) == rows
    assert json.loads(tool.attributes["gen_ai.tool.call.arguments"])["rows"] == rows
    assert json.loads(tool.attributes["gen_ai.tool.call.result"]) == rows
    planned = collector.one("plan planrail").attributes["planrail.plan.script"]
    assert planned == script.replace("hunter22hunter22", "«secret crm»")
    assert b"hunter22" not in collector.content


async def test_a_run_that_was_asked_for_within_a_trace_belongs_to_it(collector: Receiver, tmp_path: Path) -> None:
    run = await ran(tmp_path, collector, Submission(script=COUNTED, traceparent=str(CALLER)))
    agent = collector.one("invoke_agent planrail")
    assert (agent.trace, agent.parent, agent.id) == (CALLER.trace, CALLER.span, span_of(run.id, 1))
    assert {s.trace for s in collector.spans} == {CALLER.trace}


async def test_what_the_caller_does_not_record_is_not_told_and_is_gone_on_with_all_the_same(
    collector: Receiver, tmp_path: Path
) -> None:
    heard: list[bytes] = []
    async with serving(replying(b"hello", heard=heard)) as port:
        script = f'p = http.fetch(url="http://127.0.0.1:{port}/")\nanswer(p.status)\n'
        submission = Submission(script=script, traceparent=str(Traceparent(CALLER.trace, CALLER.span, sampled=False)))
        run = await ran(tmp_path, collector, submission, http_allow_private=("127.0.0.1",))
    told = f"traceparent: 00-{CALLER.trace}-{span_of(run.id, 1, 'p', '')}-00"
    assert run.status == "done"
    assert told in heard[0].decode().lower()
    assert collector.spans == []


@pytest.mark.parametrize("propagate", [True, False])
async def test_pages_are_sent_the_ids_of_the_trace_unless_that_is_not_wanted(
    collector: Receiver, tmp_path: Path, propagate: bool
) -> None:
    heard: list[bytes] = []
    async with serving(replying(b"hello", heard=heard)) as port:
        script = f'p = http.fetch(url="http://127.0.0.1:{port}/")\nanswer(p.status)\n'
        told = {"propagate": propagate}
        await ran(tmp_path, collector, Submission(script=script), http_allow_private=("127.0.0.1",), telemetry=told)
    span = collector.one("execute_tool http.fetch")
    assert (f"traceparent: 00-{span.trace}-{span.id}-01" in heard[0].decode().lower()) is propagate


async def test_nothing_is_sent_where_nothing_is_traced(tmp_path: Path) -> None:
    heard: list[bytes] = []
    async with serving(replying(b"hello", heard=heard)) as port:
        script = f'p = http.fetch(url="http://127.0.0.1:{port}/")\nanswer(p.status)\n'
        run = await ran(tmp_path, None, Submission(script=script, traceparent=str(CALLER)), http_allow_private=("127.0.0.1",))
    assert run.status == "done"
    assert b"traceparent" not in heard[0].lower()


async def test_what_several_workers_do_for_a_run_is_one_trace_and_a_fork_links_to_it(
    collector: Receiver, tmp_path: Path
) -> None:
    asks = 'who = ask_user("Who?", returns=str)\n'
    script = f'a = data.count(rows=[{{"n": 1}}])\n{asks}b = data.count(rows=[{{"n": who}}])\nanswer([a, who, b])\n'
    run = (await ran(tmp_path, collector, Submission(script=script))).id
    async with house(tmp_path, collector) as opened:
        await opened.runs.answer(run, LOCAL, "Ann")
        await rests(opened, run)
        fork = (await opened.runs.fork(run, LOCAL, ForkWish(step="b"))).id
        await rests(opened, fork)
    first, second = (s for s in collector.named("invoke_agent planrail") if s.trace == trace_of(run))
    assert (first.attributes["planrail.status"], second.attributes["planrail.status"]) == ("waiting", "done")
    assert (second.links, first.links) == (((trace_of(run), first.id),), ())
    calls = [s for s in collector.named("execute_tool data.count") if s.trace == first.trace]
    assert {s.attributes["planrail.step"]: s.parent for s in calls} == {"a": first.id, "b": second.id}
    assert ("planrail.question_asked", {"planrail.kind": "ask_user", "planrail.question": "who"}) in first.moments
    assert first.attributes["planrail.worker"] != second.attributes["planrail.worker"]
    (forked,) = (s for s in collector.named("invoke_agent planrail") if s.trace != first.trace)
    assert (forked.trace, forked.links) == (trace_of(fork), ((second.trace, second.id),))


async def test_a_run_that_is_resumed_goes_on_in_its_trace(collector: Receiver, tmp_path: Path) -> None:
    script = 'p = http.fetch(url="http://10.1.2.3/private")\nanswer(p)\n'
    run = (await ran(tmp_path, collector, Submission(script=script))).id
    async with house(tmp_path, collector) as opened:
        await opened.runs.resume(run, LOCAL)
        await rests(opened, run)
    first, second = collector.named("invoke_agent planrail")
    assert (first.trace, first.error, first.attributes["error.type"]) == (second.trace, True, "failed")
    assert second.links == ((first.trace, first.id),)
    assert [s.attributes["error.type"] for s in collector.named("execute_tool http.fetch")] == ["refused", "refused"]
    assert b"10.1.2.3" not in collector.content


def test_opentelemetrys_variables_have_a_command_traced_and_all_is_told_when_it_ends(
    command: Command, collector: Receiver
) -> None:
    command.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
    run = command("run", "--script", "-", "--json", stdin="x = odd.crash()\nanswer(x)\n").json["id"]
    assert collector.one("invoke_agent planrail").trace == trace_of(run)
    assert collector.one("execute_tool odd.crash").attributes["error.type"] == "crashed"
    assert b"kaboom" not in collector.content


async def test_a_call_that_a_cancel_broke_off_is_told_as_unfinished(collector: Receiver, tmp_path: Path) -> None:
    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def never(request: bytes, writer: asyncio.StreamWriter) -> None:
        gone.set_result(None)
        await asyncio.Event().wait()

    async with serving(never) as port, house(tmp_path, collector, http_allow_private=("127.0.0.1",)) as opened:
        script = f'p = http.fetch(url="http://127.0.0.1:{port}/")\nanswer(p.status)\n'
        run = (await opened.runs.submit(Submission(script=script))).id
        await gone
        await opened.runs.cancel(run, LOCAL)
        await rests(opened, run)
    assert collector.one("execute_tool http.fetch").attributes["error.type"] == "unfinished"
    assert collector.one("invoke_agent planrail").attributes["error.type"] == "cancelled"


# -- whatever is wrong with the collector


async def test_a_collector_that_is_away_holds_up_neither_a_run_nor_the_end_of_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_FLUSH_S", 0.2)
    with receiving() as gone:
        pass
    run = await ran(tmp_path, gone, Submission(script=COUNTED))
    assert (run.status, run.ended and run.ended.answer) == ("done", 1)


async def test_a_collector_that_does_not_answer_makes_nobody_wait_and_what_is_too_much_is_dropped(
    collector: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "_FLUSH_S", 0.2)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "50")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")
    collector.gate.clear()
    script = 'n = [data.count(rows=[{"n": i}]) for i in range(200)]\nanswer(len(n))\n'
    async with house(tmp_path, collector) as opened:
        submission = Submission(script=script, budget=opened.settings.budget.model_copy(update={"calls": 500, "fan_out": 500}))
        run = await rests(opened, (await opened.runs.submit(submission)).id)
    assert (run.status, run.ended and run.ended.answer) == ("done", 200)
    collector.gate.set()
    collector.until("execute_tool data.count")
    assert len(collector.spans) < 150


async def test_a_collector_that_is_away_is_in_the_log_once_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(otlp, "_FLUSH_S", 2.0)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
    with receiving() as gone:
        pass
    await ran(tmp_path, gone, Submission(script=COUNTED))
    told = [r.msg for r in caplog.records if r.name.startswith("opentelemetry.exporter")]
    assert len(told) == len(set(told)) > 0


async def test_a_mistake_in_telling_ends_the_telling_and_not_the_run(
    collector: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(*_: object) -> list[Span]:
        raise ValueError("a mistake")

    monkeypatch.setattr(SegmentSpans, "hear", wrong)
    run = await ran(tmp_path, collector, Submission(script=COUNTED))
    assert run.status == "done"
    assert [r.message for r in caplog.records if r.levelno == logging.ERROR] == [f"run {run.id} is traced no further"]


@pytest.mark.parametrize(
    ("missing", "protocol", "said"),
    [("planrail.otlp", "http/protobuf", 'pip install "planrail[otel]"'), ("", "grpc", "OTLP over grpc is not spoken")],
)
async def test_what_stands_against_tracing_is_logged_and_runs_go_on(
    collector: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    missing: str, protocol: str, said: str,
) -> None:  # fmt: skip
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    run = await ran(tmp_path, collector, Submission(script=COUNTED), telemetry={"protocol": protocol})
    assert (run.status, collector.spans) == ("done", [])
    assert said in caplog.text


def test_opentelemetry_is_loaded_by_one_module_which_is_loaded_where_runs_are_traced_alone() -> None:
    imports = re.compile(r"^( *)(?:from|import) (opentelemetry|planrail\.otlp)\b", re.MULTILINE)
    found = {
        (path.relative_to(ROOT).as_posix(), name, indent != "")
        for floor in FLOORS
        for path in (ROOT / floor).rglob("*.py")
        for indent, name in imports.findall(path.read_text(encoding="utf-8"))
    }
    assert found == {("planrail/otlp.py", "opentelemetry", False), ("planrail/traces.py", "planrail.otlp", True)}


# -- what is set


@pytest.mark.parametrize(
    ("env", "url"),
    [
        ({}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/otlp/"}, "http://c:4318/otlp/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/x", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://d"}, "http://c/x"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, ""),
    ],
)
def test_opentelemetrys_variables_say_whether_and_where_to(env: dict[str, str], url: str, tmp_path: Path) -> None:
    assert load_settings(env, tmp_path).telemetry.url == url


def test_opentelemetrys_variables_win_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "planrail.toml").write_text('[telemetry]\nendpoint = "http://file:1"\nservice = "mine"\ncontent = true\n')
    env = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://env:2", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b,x=y",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "false", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }  # fmt: skip
    found = load_settings(env, tmp_path).telemetry
    assert (found.endpoint, found.service, found.content, found.protocol) == ("http://env:2", "mine", False, "grpc")
    assert {name: value.get_secret_value() for name, value in found.headers.items()} == {"api-key": "a b", "x": "y"}
    with pytest.raises(SettingsError, match=r"telemetry\.endpoint"):
        load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "localhost:4317"}, tmp_path)


async def test_the_collector_is_sent_its_headers(collector: Receiver, tmp_path: Path) -> None:
    await ran(tmp_path, collector, Submission(script=COUNTED), telemetry={"headers": {"x-key": "sesame"}, "service": "mine"})
    assert {h["x-key"] for h in collector.headers} == {"sesame"}
    assert {s.resource["service.name"] for s in collector.spans} == {"mine"}


VALID = f"00-{CALLER.trace}-{CALLER.span}-01"


@pytest.mark.parametrize(
    "text",
    [
        "", "x", VALID[:-1], f"{VALID}0", f"{VALID}-", f"{VALID}-more", VALID.upper(), f" {VALID}", f"{VALID}\n",
        f"ff{VALID[2:]}", f"00-{'0' * 32}-{CALLER.span}-01", f"00-{CALLER.trace}-{'0' * 16}-01", VALID.replace("4bf9", "4bg9"),
        f"01{VALID[2:]}-{'x' * 300}", VALID.replace("-", "_"), 5, None, [VALID], VALID.encode(),
    ],
)  # fmt: skip
def test_what_is_no_traceparent_is_not_taken(text: object) -> None:
    assert traceparent_of(text) is None


def test_a_traceparent_is_its_ids_and_whether_it_is_recorded_whatever_a_later_version_adds() -> None:
    assert traceparent_of(VALID) == CALLER
    assert str(CALLER) == VALID
    assert traceparent_of(VALID[:-2] + "02") == Traceparent(CALLER.trace, CALLER.span, sampled=False)
    assert traceparent_of(f"cc-{VALID[3:]}-what-the-future-will-be-like") == CALLER


def test_who_asks_again_within_another_trace_asks_for_the_same() -> None:
    plain = Submission(script=COUNTED)
    assert plain.digest() == plain.model_copy(update={"traceparent": VALID}).digest()
