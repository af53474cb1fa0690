"""Every row of docs/faults.md is so: models and tools are played, what happens to the house is held by the tests it names."""

from __future__ import annotations

import ast
import asyncio
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from executor.gate import GatedModel, Gates
from executor.run import Run
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.llm.openai import OpenAIModel
from planner.llm.port import ModelRequest, Piece
from planner.llm.retry import Retrying
from planner.models import Models
from planner.tokens import count_messages
from tests.agent_faults import AGENTS
from tests.doc_tables import ROOT
from tests.fault_tables import HOUSE, MODELS, TOOLS, HouseFault, ModelFault, ToolFault
from tests.model_server import ModelServer, Rule, by_rules
from tests.node_faults import NODE
from tests.push_faults import NOTIFICATIONS
from tests.rig import BOUND_S, answer_of, reason_of, rig, role


@tool(effect="read", killable=True, timeout_s=1.0, retries=0, usd=0.01)
def hangs_in_a_process() -> str:
    """Hang."""
    threading.Event().wait()
    return ""


@tool(effect="read", killable=True, timeout_s=1.0, retries=0, usd=0.01)
def prints() -> str:
    """Print without end."""
    while True:
        print("x", flush=True)
        time.sleep(0.01)


class Odd:
    """Tools that do what tools do."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.release = threading.Event()

    @tool(effect="read", usd=0.01)
    async def good(self) -> int:
        """Seven."""
        return 7

    @tool(effect="read", usd=0.01)
    async def raises(self) -> int:
        """Has a bug."""
        raise ValueError("inner details")

    @tool(effect="read", usd=0.01)
    def exits(self) -> int:
        """Ends the process, it thinks."""
        raise SystemExit(3)

    @tool(effect="read", usd=0.01)
    async def fails(self) -> int | ToolFailed:
        """Says no."""
        return ToolFailed("The box is full.")

    @tool(effect="read", usd=0.01, retries=2)
    async def later(self, times: int, wait: float | None = None) -> int | ToolFailed:
        """Is not available for some times."""
        self.calls["later"] += 1
        return 7 if self.calls["later"] > times else ToolFailed("Come back later.", "transient", wait)

    @tool(effect="read", usd=0.01, timeout_s=0.05, retries=1)
    async def hangs(self) -> int:
        """Never answers."""
        await asyncio.Event().wait()
        return 7

    @tool(effect="read", usd=0.01, timeout_s=0.05, retries=1)
    def hangs_in_a_thread(self) -> int:
        """Never answers."""
        self.release.wait()
        return 7

    @tool(effect="irreversible", usd=0.01, timeout_s=0.05, retries=1)
    async def sends(self) -> int:
        """Never answers, and may have done it."""
        await asyncio.Event().wait()
        return 7

    @tool(effect="read", usd=0.01)
    def floods(self) -> str:
        """A lot."""
        return "x" * 100_000_000

    @tool(effect="read", usd=0.01)
    async def endless(self) -> Any:
        """Numbers."""

        def numbers() -> Iterator[int]:
            while True:
                yield 7

        return numbers()

    @tool(effect="read", usd=0.01)
    async def wrong_type(self) -> int:
        """No number."""
        return "seven"  # type: ignore[return-value]  # that is the fault

    @tool(effect="read", usd=0.01)
    async def no_json(self) -> Any:
        """An object."""
        return object()

    @tool(effect="read", usd=0.01)
    async def nan(self) -> float:
        """No number either."""
        return float("nan")


@pytest.fixture
async def toolset() -> AsyncIterator[Toolset]:
    odd = Odd()
    yield Toolset.of("odd", odd) | Toolset.of("odd", [hangs_in_a_process, prints])
    odd.release.set()


class Hurried:
    """A model whose requests have so many seconds."""

    def __init__(self, model: OpenAIModel, seconds: float) -> None:
        self._model = model
        self._seconds = seconds

    def stream(self, request: ModelRequest) -> AsyncGenerator[Piece, None]:
        return self._model.stream(request.model_copy(update={"timeout_s": self._seconds}))


@asynccontextmanager
async def played(fault: ModelFault, waits: list[float]) -> AsyncIterator[tuple[ModelServer, Models]]:
    """The server that plays the fault, and the models that stand before it as the house wires them."""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    rules = (Rule(replies=fault.replies),) if fault.replies else ()
    async with ModelServer(by_rules(rules)) as server:
        url = server.url if fault.replies else f"http://127.0.0.1:{_free_port()}/v1"
        endless = any(reply.fault == "endless" for reply in fault.replies)  # it is cut off by its length, not by the clock
        port = Hurried(OpenAIModel(None, url), 10.0 if endless else 0.5)
        model = Retrying(GatedModel(port, Gates().of_model("m", url)), sleep=sleep)
        yield server, Models(role(model, max_input_tokens=50_000, max_output_tokens=60), role(model, max_output_tokens=60))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ends_as(fault: ModelFault | ToolFault, run: Run) -> None:
    if fault.ends == "done":
        assert answer_of(run) == 7
    else:
        assert fault.says in reason_of(run)


def waited(fault: ModelFault | ToolFault, waits: list[float]) -> None:
    if fault.waits is not None:
        assert len(waits) == len(fault.waits)
        assert all(least <= wait <= 30 for wait, least in zip(waits, fault.waits, strict=True))


UNMENDED = Budget(replans=0)  # the tables tell what a fault does to its step; a replan asks the planner after that


@pytest.mark.parametrize("fault", MODELS, ids=lambda f: f.fault)
async def test_what_a_model_does_wrong_ends_as_the_table_says(fault: ModelFault, toolset: Toolset, tmp_path: Path) -> None:
    waits: list[float] = []
    async with played(fault, waits) as (server, models), rig(tmp_path, toolset, models=models) as house:
        run = await house.carried(fault.script, goal="" if fault.script else "Say a number", budget=UNMENDED)
        ends_as(fault, run)
        assert run.usage.model_calls == fault.calls
        assert len(server.requests) == (fault.calls if fault.replies else 0)
        given = [fault.replies[min(n, len(fault.replies) - 1)] for n in range(len(server.requests))]
        billed = [r for r, g in zip(server.requests, given, strict=True) if g.status == 200 and g.fault != "close"]
        assert run.usage.input_tokens == sum(count_messages(r.messages) for r in billed)
    waited(fault, waits)


@pytest.mark.parametrize("fault", TOOLS, ids=lambda f: f.fault)
async def test_what_a_tool_does_wrong_ends_as_the_table_says(fault: ToolFault, toolset: Toolset, tmp_path: Path) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with rig(tmp_path, toolset, sleep=sleep) as house, asyncio.timeout(BOUND_S):
        run = await house.carried(f"x = {fault.call}\nanswer(x)\n")
    ends_as(fault, run)
    assert run.tool_calls == fault.calls
    assert run.usage.usd == pytest.approx(0.01 * fault.calls)
    waited(fault, waits)


@pytest.mark.parametrize("fault", [*HOUSE, *NODE, *NOTIFICATIONS, *AGENTS], ids=lambda f: f.fault)
def test_what_happens_to_the_house_is_held_by_tests_that_exist(fault: HouseFault) -> None:
    assert fault.held_by
    for held_by in fault.held_by:
        path, _, name = held_by.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}, held_by


def test_no_fault_stands_twice() -> None:
    told = [f.fault for f in (*MODELS, *TOOLS, *HOUSE, *NODE, *NOTIFICATIONS, *AGENTS)]
    assert len(told) == len(set(told))
