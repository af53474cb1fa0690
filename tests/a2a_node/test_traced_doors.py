"""One trace over several houses: what comes in by the doors, and what goes out to other agents and to MCP servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client

from executor.agent_tools.agent import AgentSettings
from executor.mcp_tools.server import McpServer
from executor.submission import Submission
from planner.traceparent import Traceparent, trace_of
from tests.a2a_node.nodes import DONE, Node, node, script
from tests.a2a_node.wire import BINDINGS, BOUND_S, Binding
from tests.planrail.otlp_receiver import Received, Receiver, receiving
from tests.planrail.test_traces import CALLER, ran
from tests.warm import warm_command

AGENT = "invoke_agent planrail"


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, collector: Receiver) -> Iterator[Node]:
    """A node that is traced, and knows one goal."""
    home = tmp_path_factory.mktemp("node")
    (home / "playbooks").mkdir()
    (home / "playbooks" / "count.plan").write_text("---\ngoal: count it\n---\nanswer(1)\n")
    traced = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_SERVICE_NAME": "node"}
    with node(home, **traced) as started:
        yield started


def caller(number: int) -> Traceparent:
    """A span of a caller's trace of its own."""
    return Traceparent(f"{number:032x}", CALLER.span)


def told_of(collector: Receiver, trace: str) -> Received:
    """The span of the run in that trace, once it has come."""
    with collector.came:
        assert collector.came.wait_for(lambda: any(s.trace == trace for s in collector.named(AGENT)), BOUND_S)
    (found,) = (s for s in collector.named(AGENT) if s.trace == trace)
    return found


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("streams", [False, True])
def test_a_task_belongs_to_the_trace_that_its_request_came_with(
    served: Node, collector: Receiver, binding: Binding, streams: bool
) -> None:
    came = caller(1 + BINDINGS.index(binding) + 10 * streams)
    params = {"message": script(DONE)}
    if streams:
        *_, last = served.wire(binding).stream("SendStreamingMessage", params, traceparent=str(came))
        task = last["statusUpdate"]["taskId"]
    else:
        task = served.wire(binding).call("SendMessage", params, traceparent=str(came))["task"]["id"]
    agent = told_of(collector, came.trace)
    assert (agent.attributes["planrail.run.id"], agent.parent) == (task, came.span)


@pytest.mark.parametrize("header", ["00-nonsense-01", f"{CALLER}, {CALLER}", f"{CALLER}-more"])
def test_what_is_no_traceparent_changes_nothing(served: Node, collector: Receiver, header: str) -> None:
    task = served.wire("rest").call("SendMessage", {"message": script(DONE)}, traceparent=header)["task"]["id"]
    assert told_of(collector, trace_of(task)).parent == ""


@pytest.mark.parametrize("era", ["legacy", "auto"])
async def test_a_run_of_an_mcp_client_belongs_to_the_trace_that_its_request_names(
    served: Node, collector: Receiver, era: str
) -> None:
    came = caller(100 + len(era))
    async with Client(f"{served.address}/mcp", mode=era) as client:
        result = await client.call_tool("run_plan", {"script": DONE}, meta={"traceparent": str(came)})
    assert result.structured_content is not None
    agent = told_of(collector, came.trace)
    assert (agent.attributes["planrail.run.id"], agent.parent) == (result.structured_content["run_id"], came.span)


async def test_what_another_agent_does_for_a_run_is_in_the_runs_trace(
    served: Node, collector: Receiver, tmp_path: Path
) -> None:
    with receiving() as mine:
        delegates = Submission(script='a = delegate("other", "count it")\nanswer(a)\n')
        run = await ran(tmp_path, mine, delegates, agents={"other": AgentSettings(url=served.address)})
        assert run.ended is not None
        assert (run.status, run.ended.answer) == ("done", "1")
        asked = mine.one("invoke_agent other")
    assert (asked.kind, asked.trace, asked.attributes["planrail.step"]) == ("client", trace_of(run.id), "a")
    theirs = told_of(collector, asked.trace)
    assert (theirs.parent, theirs.attributes["planrail.run.id"]) == (asked.id, asked.attributes["planrail.delegated.task"])


async def test_what_an_mcp_server_does_for_a_run_is_in_the_runs_trace(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    with receiving() as collector:
        env = {
            "PLANRAIL_HOME": str(tmp_path / "theirs"), "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_SERVICE_NAME": "theirs",
        }  # fmt: skip
        other = McpServer.model_validate({"command": str(warm_command()), "args": ["mcp"], "env": env, "cwd": str(tmp_path)})
        asks = Submission(script="r = other.run_plan(script=\"answer('theirs')\")\nanswer(r.status)\n")
        run = await ran(tmp_path / "ours", collector, asks, mcp_servers={"other": other})
        ours, theirs = collector.until(AGENT, 2)
        call = collector.one("execute_tool other.run_plan")
    assert (run.ended and run.ended.answer, ours.resource["service.name"], theirs.resource["service.name"]) == (
        "done", "planrail", "theirs",
    )  # fmt: skip
    assert (theirs.trace, theirs.parent, call.parent) == (ours.trace, call.id, ours.id)
