"""A call gives a ToolResult whatever the function does meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import killable_tools
import pytest

from executor.artifacts import MemoryArtifacts
from executor.call import MAX_HUNG_THREADS, call_tool, probe_tool
from executor.outcome import MAX_DEPTH, MAX_MESSAGE, MAX_RESULT_BYTES
from executor.tool import FailureKind, Tool, ToolContext, ToolDone, ToolFailed, ToolResult, bind_tool, tool
from planner.toolspec import Json

CONTEXT = ToolContext(key="k1", run="r1")


def bound(function: Callable[..., Any]) -> Tool:
    return bind_tool("t", function)


def returning(value: object, annotation: Any = Json) -> Tool:
    def give() -> Any:
        """Give it."""
        return value

    give.__annotations__["return"] = annotation
    return bound(tool(effect="read")(give))


async def result_of(value: object, annotation: Any = Json) -> ToolResult:
    return await call_tool(returning(value, annotation), {}, CONTEXT)


async def failure_of(value: object, annotation: Any = Json) -> ToolFailed:
    result = await result_of(value, annotation)
    assert isinstance(result, ToolFailed)
    return result


async def until_ended(pid: int) -> None:
    """Wait until no process has this id, or until it is only waiting to be reaped."""
    async with asyncio.timeout(10):
        while _alive(pid):  # noqa: ASYNC110  # a foreign process gives no notice
            await asyncio.sleep(0.01)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


async def until_written(path: Path) -> list[int]:
    async with asyncio.timeout(10):
        while not (pids := _pids(path)):  # noqa: ASYNC110  # a foreign process gives no notice
            await asyncio.sleep(0.01)
    return pids


def _pids(path: Path) -> list[int]:
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


@tool(effect="read")
def add(left: int, right: int = 1) -> int:
    """Add two numbers."""
    return left + right


async def test_a_sync_tool_runs_off_the_loop() -> None:
    @tool(effect="read")
    def where() -> bool:
        """Whether this is the main thread."""
        return threading.current_thread() is threading.main_thread()

    assert await call_tool(bound(where), {}, CONTEXT) == ToolDone(False)


async def test_an_async_tool_runs_on_the_loop() -> None:
    @tool(effect="read")
    async def twice(number: int) -> int:
        """Double."""
        await asyncio.sleep(0)
        return number * 2

    assert await call_tool(bound(twice), {"number": 4}, CONTEXT) == ToolDone(8)


async def test_a_killable_tool_gives_its_result_from_its_process() -> None:
    assert await call_tool(bound(killable_tools.double), {"number": 4}, CONTEXT) == ToolDone(8)


async def test_a_killable_tool_is_told_key_run_and_workspace(tmp_path: Path) -> None:
    context = ToolContext(key="k9", run="r9", workspace=tmp_path)
    told = await call_tool(bound(killable_tools.whereabouts), {}, context)
    assert told == ToolDone({"key": "k9", "run": "r9", "workspace": str(tmp_path)})


async def test_the_context_is_injected_and_no_argument() -> None:
    artifacts = MemoryArtifacts()

    @tool(effect="read")
    def keep(text: str, context: ToolContext) -> str:
        """Keep a text."""
        return context.artifacts.put(text.encode(), media_type="text/plain").hash + context.key

    result = await call_tool(bound(keep), {"text": "a"}, ToolContext(key="!", artifacts=artifacts))
    assert isinstance(result, ToolDone)
    assert artifacts.get(result.value.removesuffix("!")) == b"a"
    refused = await call_tool(bound(keep), {"text": "a", "context": {"key": "x"}}, CONTEXT)
    assert isinstance(refused, ToolFailed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "t.add: left: Field required"),
        ({"left": "many"}, "t.add: left: Input should be a valid integer, unable to parse string as an integer"),
        ({"left": 1, "rihgt": 2}, "t.add: it has no argument `rihgt`. Did you mean `right`? Its arguments: left, right."),
        ({"left": 1, "zzz": 2}, "t.add: it has no argument `zzz`. Its arguments: left, right."),
    ],
)
async def test_arguments_that_do_not_fit_are_refused_with_what_would(arguments: dict[str, Json], message: str) -> None:
    assert await call_tool(bound(add), arguments, CONTEXT) == ToolFailed(message, "invalid")


async def test_an_argument_without_a_json_form_is_refused() -> None:
    @tool(effect="read")
    def echo(text: str) -> str:
        """Echo."""
        return text

    result = await call_tool(bound(echo), {"text": "\ud800"}, CONTEXT)
    assert isinstance(result, ToolFailed)
    assert result.kind == "invalid"


async def test_a_tool_that_raises_has_crashed_and_does_not_tell_its_secret() -> None:
    @tool(effect="read")
    def crash() -> str:
        """Crash."""
        raise ValueError("a secret")

    assert await call_tool(bound(crash), {}, CONTEXT) == ToolFailed(
        "t.crash crashed (ValueError); the log has the details.", "crashed"
    )


@pytest.mark.parametrize("error", [SystemExit(0), StopIteration(), TimeoutError(), asyncio.CancelledError(), MemoryError()])
async def test_no_exception_of_a_tool_gets_through(error: BaseException) -> None:
    @tool(effect="read")
    def crash() -> str:
        """Crash."""
        raise error

    @tool(effect="read")
    async def crash_async() -> str:
        """Crash."""
        raise error

    for function in (crash, crash_async):
        result = await call_tool(bound(function), {}, CONTEXT)
        assert isinstance(result, ToolFailed)
        assert result.kind == "crashed"


async def test_an_async_tool_is_cancelled_when_its_time_is_up() -> None:
    ended = asyncio.Event()

    @tool(effect="read", timeout_s=0.05)
    async def hang() -> str:
        """Hang."""
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    assert await call_tool(bound(hang), {}, CONTEXT) == ToolFailed("t.hang did not answer within 0.05 s.", "timeout")
    assert ended.is_set()


async def test_an_async_tool_that_refuses_to_be_cancelled_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.call.GRACE_S", 0.05)
    release = asyncio.Event()

    @tool(effect="read")
    async def stubborn() -> str:
        """Hang on."""
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return ""

    result = await call_tool(bound(stubborn), {}, CONTEXT, timeout_s=0.05)
    release.set()
    assert result == ToolFailed("t.stubborn did not answer within 0.05 s.", "timeout")


async def test_a_cancelled_call_cancels_its_async_tool() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    @tool(effect="read")
    async def hang() -> str:
        """Hang."""
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    call = asyncio.create_task(call_tool(bound(hang), {}, CONTEXT))
    await started.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


async def test_a_sync_tool_that_hangs_is_abandoned_while_the_loop_goes_on() -> None:
    release = threading.Event()
    ticks = 0

    @tool(effect="read")
    def hang() -> str:
        """Hang."""
        release.wait()
        return ""

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    ticking = asyncio.create_task(tick())
    result = await call_tool(bound(hang), {}, CONTEXT, timeout_s=0.1)
    ticking.cancel()
    release.set()
    assert result == ToolFailed("t.hang did not answer within 0.1 s.", "timeout")
    assert ticks > 3


async def test_too_many_hanging_threads_make_further_calls_fail_as_transient() -> None:
    release = threading.Event()

    @tool(effect="read")
    def hang() -> str:
        """Hang."""
        release.wait()
        return ""

    calls = [call_tool(bound(hang), {}, CONTEXT, timeout_s=0.1) for _ in range(MAX_HUNG_THREADS)]
    await asyncio.gather(*calls)
    refused = await call_tool(bound(add), {"left": 1}, CONTEXT)
    release.set()
    assert isinstance(refused, ToolFailed)
    assert refused.kind == "transient"
    async with asyncio.timeout(10):
        while await call_tool(bound(add), {"left": 1}, CONTEXT) != ToolDone(2):  # noqa: ASYNC110  # threads end when they end
            await asyncio.sleep(0.01)


def test_a_hanging_thread_does_not_hold_up_the_exit() -> None:
    script = textwrap.dedent("""
        import asyncio, threading
        from executor.call import call_tool
        from executor.tool import ToolContext, bind_tool, tool
        @tool(effect="read")
        def hang() -> str:
            "Hang."
            threading.Event().wait()
            return ""
        print(asyncio.run(call_tool(bind_tool("t", hang), {}, ToolContext(key="k"), timeout_s=0.1)).kind)
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "timeout\n"


async def test_a_killable_tool_that_hangs_is_killed_with_what_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    call = asyncio.create_task(call_tool(bound(killable_tools.hang), {"pids": str(pids)}, CONTEXT, timeout_s=2))
    own, below = await until_written(pids)
    assert _alive(own)
    assert await call == ToolFailed("t.hang did not answer within 2 s.", "timeout")
    await until_ended(own)
    await until_ended(below)


async def test_a_cancelled_call_kills_its_process(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    call = asyncio.create_task(call_tool(bound(killable_tools.hang), {"pids": str(pids)}, CONTEXT))
    own, below = await until_written(pids)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until_ended(own)
    await until_ended(below)


async def test_a_killed_worker_takes_its_killable_tools_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = textwrap.dedent(f"""
        import asyncio, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import killable_tools
        from executor.call import call_tool
        from executor.tool import ToolContext, bind_tool
        asyncio.run(call_tool(bind_tool("t", killable_tools.hang), {{"pids": {str(pids)!r}}}, ToolContext(key="k")))
    """)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    own, below = await until_written(pids)
    worker.send_signal(signal.SIGKILL)
    await worker.wait()
    await until_ended(own)
    await until_ended(below)


async def test_what_a_killable_tool_prints_is_no_part_of_its_answer() -> None:
    assert await call_tool(bound(killable_tools.chatter), {}, CONTEXT) == ToolDone("said ''")


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (killable_tools.crash, "crashed"),
        (killable_tools.leave, "crashed"),
        (killable_tools.flood, "invalid"),
        (killable_tools.store, "crashed"),
    ],
)
async def test_a_killable_tool_that_goes_wrong_is_a_failure(function: Callable[..., Any], kind: FailureKind) -> None:
    result = await call_tool(bound(function), {}, CONTEXT)
    assert isinstance(result, ToolFailed)
    assert result.kind == kind


async def test_a_failure_of_a_killable_tool_arrives_whole() -> None:
    assert await call_tool(bound(killable_tools.fail), {}, CONTEXT) == ToolFailed("later", "transient", 3.0)


async def test_a_result_of_a_hundred_megabytes_is_a_failure() -> None:
    assert (await failure_of("x" * 100_000_000, str)).kind == "invalid"
    at_the_limit = "x" * (MAX_RESULT_BYTES - 2)
    assert await result_of(at_the_limit, str) == ToolDone(at_the_limit)
    assert (await failure_of("ä" * (MAX_RESULT_BYTES - 2), str)).kind == "invalid"


async def test_a_small_object_that_unfolds_into_gigabytes_is_refused_in_bounded_time() -> None:
    bomb: list[object] = ["x" * 1000]
    for _ in range(12):
        bomb = [bomb] * 10
    started = time.monotonic()
    assert "the limit is" in (await failure_of(bomb)).message
    assert time.monotonic() - started < 10


async def test_an_iterator_without_end_is_refused() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 1

    assert "iterator" in (await failure_of(endless(), list[int])).message


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
async def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    for value, annotation in ((number, float), ([{"a": number}], Json), ([number], list[float])):
        failure = await failure_of(value, annotation)
        assert failure == ToolFailed("t.give returned a number that JSON does not have (NaN or infinity).", "invalid")
    assert (await failure_of(str(number), float)).kind == "invalid"


@pytest.mark.parametrize("value", [object(), {"a": object()}, [threading.Lock()], {1, object()}])
async def test_an_object_without_a_json_form_is_refused(value: object) -> None:
    assert await failure_of(value) == ToolFailed("t.give returned what it does not declare: it is not JSON", "invalid")


async def test_a_structure_that_contains_itself_is_refused() -> None:
    circle: list[object] = []
    circle.append({"again": circle})
    assert "contains itself" in (await failure_of(circle)).message


async def test_depth_is_bounded() -> None:
    deep: list[object] = []
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert await result_of(deep) == ToolDone(deep)
    assert "levels of nesting" in (await failure_of([deep])).message


async def test_a_lone_surrogate_is_refused() -> None:
    for annotation in (str, Json):
        assert (await failure_of("a\ud800", annotation)).kind == "invalid"
    assert (await failure_of({"\udfff": 1})).kind == "invalid"


async def test_a_result_of_another_type_than_declared_is_refused() -> None:
    failure = await failure_of({"a": 1}, list[int])
    assert failure.message == "t.give returned what it does not declare: Input should be a valid list"


async def test_a_failure_is_bounded_before_it_goes_on() -> None:
    wild = ToolFailed("\ud800" * 9_000, "odd", float("nan"))  # type: ignore[arg-type]
    assert await failure_of(wild) == ToolFailed("?" * MAX_MESSAGE, "failed", None)


async def test_a_probe_answers_by_key_and_none_when_it_cannot_tell() -> None:
    async def ask(key: str) -> bool:
        return key == "k1"

    def vanish(key: str) -> bool:
        raise OSError("no network")

    async def hang(key: str) -> bool:
        return await asyncio.Event().wait()

    answers: list[tuple[Callable[[str], Any] | None, bool | None]] = [
        (None, None), (ask, True), (lambda key: key != "k1", False), (lambda key: None, None), (vanish, None), (hang, None),
    ]  # fmt: skip
    for probe, expected in answers:
        probed = dataclasses.replace(bound(tool(effect="irreversible", timeout_s=0.1)(_send)), probe=probe)
        assert await probe_tool(probed, "k1") is expected


def _send(to: str) -> None:
    """Send."""


async def test_an_async_generator_is_no_tool_result() -> None:
    @tool(effect="read")
    def stream() -> list[int]:
        """Stream."""

        async def numbers() -> AsyncIterator[int]:
            yield 1

        return numbers()  # type: ignore[return-value]

    result = await call_tool(bound(stream), {}, CONTEXT)
    assert isinstance(result, ToolFailed)
