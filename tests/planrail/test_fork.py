"""Fork: a run that begins with what another one has done; over Runs, the engine and a real SQLite journal."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import DBAPIError

from executor.errors import KeyTaken, NotAnswerable, NotForkable, UnknownArtifact, UnknownRun
from executor.events import CallFinished, CallStarted, EffectsInherited, QuestionAsked, RunForked
from executor.pack import PackHost
from executor.run import Run
from executor.submission import ForkOf, Principal
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from packs.gtm import pack, tables
from planner.errors import CompileError
from planner.models import Models
from planner.playbook import read_playbook
from planrail.forking import ForkWish
from planrail.view import Viewer
from tests.rig import ANN, BOUND_S, Rig, answer_of, reason_of, rig, role

PLAYBOOK = read_playbook(Path(tables.__file__).parent / "playbooks" / "lead_generation.plan")
ALL = {"leads", "scored", "facts", "mails", "drafts", "saved"}
# what each fork of the demo calls: what reads the step, and what the order lets start only after it (drafts commute)
CONES: dict[str, set[str]] = {
    "leads": ALL,
    "scored": ALL - {"leads"},
    "best": {"facts", "mails", "drafts", "saved"},
    "expect": {"facts", "mails", "drafts", "saved"},
    "facts": {"facts", "mails", "drafts", "saved"},
    "mails": {"mails", "drafts"},
    "drafts": {"drafts"},
    "saved": {"saved"},
    "names": set(),
    "answer": set(),
}


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[tuple[Rig, Run]]:
    """A house with the pack gtm, and its demo, done."""
    engine = create_engine(f"sqlite:///{folder / 'crm.db'}")
    toolset = pack(PackHost(engine, folder)).tools
    async with rig(folder, toolset, playbooks=[PLAYBOOK]) as house:
        yield house, await house.carried(goal="Find dental leads in Austin and draft introductions")
    engine.dispose()


def mails(folder: Path) -> int:
    engine = create_engine(f"sqlite:///{folder / 'crm.db'}")
    with engine.connect() as connection:
        count: int = connection.execute(select(func.count()).select_from(tables.outbox)).scalar_one()
    engine.dispose()
    return count


async def forked(house: Rig, run: str, step: str, *, says: bool | None = None, **more: Any) -> Run:
    """The fork, carried on; what it asks is answered alike, or nobody answers."""
    key = more.pop("key", None)
    record = await house.runs.fork(run, ANN, ForkWish(step, **more), key=key)
    async with house.engine(), asyncio.timeout(BOUND_S):
        state = await house.rests(record.id)
        while says is not None and state.status == "waiting":
            for question in state.open_questions:
                await house.runs.answer(state.id, ANN, says, question=question.id)
            state = await house.rests(state.id)
    return state


def called(run: Run) -> Counter[str]:
    """The steps whose calls were made, by how many."""
    made = [c.started for c in run.calls.values() if c.started is not None and not (c.finished and c.finished.how == "fork")]
    return Counter(s.step for s in made)


def adopted(run: Run) -> Counter[str]:
    return Counter(step for (step, _), c in run.calls.items() if c.finished is not None and c.finished.how == "fork")


async def asked_about(house: Rig, run: str) -> list[tuple[str, Any]]:
    """The effects that a person was shown before they were made again, with their arguments."""
    asked = [e.question for e in await house.events(run) if isinstance(e, QuestionAsked) and e.question.kind == "repeat"]
    return [(s["tool"], s["arguments"]) for q in asked for s in q.shown]


@pytest.mark.parametrize(("step", "cone"), CONES.items(), ids=CONES)
async def test_a_fork_of_the_demo_gives_the_same_answer_calls_exactly_the_cone_and_asks_before_each_repeated_effect(
    tmp_path: Path, step: str, cone: set[str]
) -> None:
    async with demo(tmp_path) as (house, original):
        before = await house.journal.read(original.id)
        fork = await forked(house, original.id, step, says=True)
        assert answer_of(fork) == answer_of(original)
        assert set(called(fork)) == cone
        assert adopted(fork) == Counter(s for s, _ in original.calls if s in ALL - cone)
        repeated = [c.started for c in fork.calls.values() if c.started is not None and c.started.claim]
        shown = await asked_about(house, fork.id)
        assert sorted(shown, key=str) == sorted([(s.call, s.arguments) for s in repeated], key=str)
        assert {s.step for s in repeated} == cone & {"drafts", "saved"}
        keys = {c.started.key for c in original.calls.values() if c.started is not None and c.started.key}
        assert keys.isdisjoint(c.started.key for c in fork.calls.values() if c.started is not None)
        assert (await house.runs.replay(fork.id, ANN)).findings == ()
        assert await house.journal.read(original.id) == before
    assert mails(tmp_path) == (14 if "drafts" in cone else 7)


@pytest.mark.parametrize("step", ["leads", "mails", "saved"])
async def test_no_takes_over_what_the_effects_gave_and_makes_none(tmp_path: Path, step: str) -> None:
    async with demo(tmp_path) as (house, original):
        fork = await forked(house, original.id, step, says=False)
        assert answer_of(fork) == answer_of(original)
        assert set(called(fork)) == CONES[step] - {"drafts", "saved"}
        assert not [c for c in fork.calls.values() if c.started is not None and c.started.claim]
        assert fork.usage.usd == 0
        assert (await house.runs.replay(fork.id, ANN)).findings == ()
    assert mails(tmp_path) == 7


async def test_what_is_adopted_says_where_it_is_from_and_costs_no_call(tmp_path: Path) -> None:
    async with demo(tmp_path) as (house, original):
        fork = await forked(house, original.id, "mails")
        again = await forked(house, fork.id, "mails")  # of a fork: it has the same results, by way of the first one
        for run, source in ((fork, original), (again, fork)):
            assert run.submission.forked_from == ForkOf(run=source.id, step="mails")
            events = await house.events(run.id)
            first = next(e for e in events if isinstance(e, RunForked))
            assert (first.run, first.seq, first.step, first.now) == (source.id, source.seq, "mails", original.now)
            finished = run.call("facts", "0").finished
            assert finished is not None
            assert finished.forked is not None
            assert (finished.how, finished.forked.run, finished.forked.step, finished.forked.item) == (
                "fork", source.id, "facts", "0"
            )  # fmt: skip
            inherited = next(e for e in events if isinstance(e, EffectsInherited))
            assert Counter(e.call for e in inherited.effects) == {"mail.draft": 7}
            assert run.tool_calls == 0
        view = Viewer(fork, house.toolset.specs, house.planning.terms, house.segments.load).view()
    assert view.forked_from == ForkOf(run=original.id, step="mails")
    assert {s.id: s.adopted for s in view.steps if s.adopted} == {"leads": 1, "scored": 9, "facts": 7, "saved": 7}
    assert view.plan_source == "playbook"


# -- scripts of one's own


class Desk:
    """Tools that count, and one that waits for the test."""

    def __init__(self) -> None:
        self.reads: list[int] = []
        self.written: list[int] = []
        self.came, self.go = asyncio.Event(), asyncio.Event()

    @tool(effect="read", labels={"": "trusted"})
    async def read(self, x: int) -> int:
        """Ten times as much."""
        self.reads.append(x)
        return x * 10

    @tool(effect="write")
    async def write(self, x: int) -> str:
        """Write it down."""
        self.written.append(x)
        return f"{x} is written"

    @tool(effect="irreversible", timeout_s=15)
    async def hold(self, x: int) -> int:
        """Wait for the test."""
        self.came.set()
        await self.go.wait()
        return x

    @tool(effect="read")
    async def large(self, size: int) -> str:
        """A long text."""
        return "x" * size


SCRIPT = """\
a = d.read(x=1)
b = d.read(x=2)
w = d.write(x=a)
c = d.read(x=a + b)
answer([a, b, w, c])
"""


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[Rig, Desk]]:
    made = Desk()
    async with rig(folder, Toolset.of("d", made)) as house:
        yield house, made


async def test_an_edited_script_adopts_the_calls_that_are_the_same_and_makes_the_others(tmp_path: Path) -> None:
    edited = SCRIPT.replace("x=2", "x=3").replace("b = ", "other = ").replace("a + b", "a + other").replace("a, b", "a, other")
    async with desk(tmp_path) as (house, made):
        original = await house.carried(SCRIPT)
        made.reads.clear()
        fork = await forked(house, original.id, "c", script=edited, says=False)  # w comes after the new read, as an effect
        assert answer_of(fork) == [10, 30, "10 is written", 400]
        assert made.reads == [3, 40]
        assert made.written == [10]
        assert await asked_about(house, fork.id) == [("d.write", {"x": 10})]
        assert adopted(fork) == {"a": 1, "w": 1}
        assert fork.submission.script == edited


async def test_equal_calls_are_counted_each_adopted_result_serves_one_of_them(tmp_path: Path) -> None:
    script = "a = d.write(x=1)\nb = d.write(x=1)\nanswer([a, b])\n"
    more = "a = d.write(x=1)\nb = d.write(x=1)\nc = d.write(x=1)\nanswer([a, b, c])\n"
    async with desk(tmp_path) as (house, made):
        original = await house.carried(script)
        fork = await forked(house, original.id, "answer", script=more)
        assert fork.status == "done"  # the third call is a new one: nobody is asked
        assert (adopted(fork), len(made.written)) == ({"a": 1, "b": 1}, 3)
        last = await forked(house, original.id, "b")
        assert [q.id for q in last.open_questions] == ["repeat:b"]
        assert adopted(last) == {"a": 1}


async def test_an_effect_with_other_arguments_is_made_without_a_question(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, made):
        original = await house.carried(SCRIPT)
        fork = await forked(house, original.id, "w", script=SCRIPT.replace("d.write(x=a)", "d.write(x=a + 1)"))
        assert (fork.status, made.written) == ("done", [10, 11])
        assert await asked_about(house, fork.id) == []


async def test_a_step_can_be_named_by_its_line(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, _):
        original = await house.carried(SCRIPT)
        fork = await forked(house, original.id, "4")
        assert fork.submission.forked_from == ForkOf(run=original.id, step="line 4")
        assert set(called(fork)) == {"c"}


async def test_an_equal_key_is_the_same_fork_and_another_wish_with_it_is_refused(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, made):
        original = await house.carried(SCRIPT)
        fork = await forked(house, original.id, "c", key="k")
        reads = list(made.reads)
        assert (await forked(house, original.id, "c", key="k")).id == fork.id
        assert made.reads == reads
        with pytest.raises(KeyTaken):
            await house.runs.fork(original.id, ANN, ForkWish("b"), key="k")
        assert (await forked(house, original.id, "c")).id != fork.id


async def test_nobody_else_forks_a_run_and_what_cannot_be_forked_says_why(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, _):
        original = await house.carried(SCRIPT)
        with pytest.raises(UnknownRun):
            await house.runs.fork(original.id, Principal(id="eve"), ForkWish("c"))
        with pytest.raises(NotForkable, match="no step nope"):
            await house.runs.fork(original.id, ANN, ForkWish("nope"))
        with pytest.raises(CompileError):
            await house.runs.fork(original.id, ANN, ForkWish("c", script="x = y\n"))
        unplanned = await house.submit(SCRIPT)
        with pytest.raises(NotForkable, match="no plan yet"):
            await house.runs.fork(unplanned, ANN, ForkWish("c"))
        assert len(await house.runs.find(ANN)) == 2


async def test_a_fork_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """The database fails in the middle of the fork's events."""
    async with desk(tmp_path) as (house, _):
        original = await house.carried(SCRIPT)
        with house.journal.engine.begin() as connection:
            connection.exec_driver_sql(
                f"CREATE TRIGGER full BEFORE INSERT ON planrail_event WHEN NEW.seq = 6 AND NEW.run != '{original.id}' "
                "BEGIN SELECT RAISE(ABORT, 'no'); END"
            )
        with pytest.raises(DBAPIError):
            await house.runs.fork(original.id, ANN, ForkWish("c"), key="k")
        assert [r.id for r in await house.runs.find(ANN)] == [original.id]
        with house.journal.engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER full")
        assert (await forked(house, original.id, "c", key="k")).status == "done"


async def test_a_running_run_is_forked_with_its_settled_work_and_an_effect_of_unknown_end_is_asked_about(
    tmp_path: Path,
) -> None:
    script = "a = d.read(x=1)\nh = d.hold(x=a)\nanswer(h)\n"
    async with desk(tmp_path) as (house, made):
        running = await house.submit(script)
        async with house.engine(), asyncio.timeout(BOUND_S):
            await made.came.wait()
            record = await house.runs.fork(running, ANN, ForkWish("answer"))
            fork = await house.rests(record.id)
            assert (adopted(fork), called(fork)) == ({"a": 1}, {})
            (question,) = fork.open_questions
            assert question.shown == [
                {
                    "tool": "d.hold", "arguments": {"x": 10}, "item": "", "effect": 0,
                    "note": "it was begun; nobody knows how it ended",
                }
            ]  # fmt: skip
            await house.runs.answer(fork.id, ANN, False)
            assert "refused" in reason_of(await house.rests(fork.id))
            assert (await house.runs.replay(fork.id, ANN)).findings == ()
            made.go.set()
            assert answer_of(await house.rests(running)) == 10


async def test_the_agent_that_forked_does_not_allow_a_repeat(tmp_path: Path) -> None:
    agent = Principal(id="ann", kind="agent")
    async with desk(tmp_path) as (house, _):
        original = await house.carried(SCRIPT)
        fork = await forked(house, original.id, "w", preapproved=True)  # which answers a script's own approvals alone
        assert fork.status == "waiting"
        with pytest.raises(NotAnswerable):
            await house.runs.answer(fork.id, agent, True)


async def test_a_refused_repeat_fails_the_run_and_a_resume_asks_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, made):
        original = await house.carried(SCRIPT)
        fork = await forked(house, original.id, "w")
        async with house.engine(), asyncio.timeout(BOUND_S):
            await house.runs.answer(fork.id, ANN, refused=True)
            assert "refused" in reason_of(await house.rests(fork.id))
            await house.runs.resume(fork.id, ANN)
            assert [q.kind for q in (await house.rests(fork.id)).open_questions] == ["repeat"]
            await house.runs.answer(fork.id, ANN, True)
            assert answer_of(await house.rests(fork.id)) == answer_of(original)
        assert made.written == [10, 10]
        assert (await house.runs.replay(fork.id, ANN)).findings == ()


APPROVED = """\
a = d.read(x=1)
approve(f"write {a}")
w = d.write(x=a)
c = d.read(x=a + 5)
answer([w, c])
"""


async def test_an_approval_counts_for_a_fork_only_where_it_would_show_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, made):
        waiting = await house.carried(APPROVED)
        async with house.engine():
            await house.runs.answer(waiting.id, ANN, True)
            original = await house.rests(waiting.id)
        same = await forked(house, original.id, "c")
        assert answer_of(same) == answer_of(original)
        assert adopted(same) == {"a": 1, "approve": 1, "w": 1}
        other = await forked(house, original.id, "answer", script=APPROVED.replace("d.write(x=a)", "d.write(x=a + 1)"))
        assert [q.kind for q in other.open_questions] == ["approve"]
        assert made.written == [10]


async def test_large_results_are_adopted_with_their_artifacts(tmp_path: Path) -> None:
    script = "t = d.large(size=200000)\nn = d.read(x=len(t))\nanswer(n)\n"
    async with desk(tmp_path) as (house, _):
        original = await house.carried(script)
        fork = await forked(house, original.id, "n")
        assert answer_of(fork) == 2_000_000
        finished = fork.call("t").finished
        assert finished is not None
        assert finished.artifact is not None
        assert len(await house.runs.artifact(fork.id, finished.artifact.hash, ANN)) == 200_002
        with pytest.raises(UnknownArtifact):
            await house.runs.artifact(fork.id, "0" * 64, ANN)


async def test_the_clock_of_a_fork_is_the_original_s(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, made):
        original = await house.carried(
            'a = d.read(x=int(format_time(now(), "%M%S")))\nb = d.read(x=2)\nanswer([str(now()), a, b])\n'
        )
        made.reads.clear()
        fork = await forked(house, original.id, "b")
        assert answer_of(fork) == answer_of(original)
        assert made.reads == [2]


async def test_a_fork_has_a_copy_of_the_original_s_files(tmp_path: Path) -> None:
    from executor.builtin import builtin_tools  # noqa: PLC0415  # the one test that needs them

    script = 'w = files.write(path="a.txt", content="one")\nr = files.read(path="a.txt")\nanswer(r)\n'
    async with rig(tmp_path, builtin_tools()) as house:
        house.segments = replace(house.segments, workspaces=tmp_path / "workspaces")
        original = await house.carried(script)
        fork = await forked(house, original.id, "r")
        assert answer_of(fork) == answer_of(original)
        assert set(called(fork)) == {"r"}
        assert (tmp_path / "workspaces" / fork.id / "a.txt").read_text() == "one"


async def test_a_fork_of_a_failed_run_repairs_it_without_paying_again(tmp_path: Path) -> None:
    script = "a = d.read(x=1)\nw = d.write(x=a)\nb = [1][a]\nanswer([w, b])\n"
    async with desk(tmp_path) as (house, made):
        failed = await house.carried(script)
        assert failed.status == "failed"
        fork = await forked(house, failed.id, "b", script=script.replace("[1][a]", "[1][a - 10]"))
        assert answer_of(fork) == ["10 is written", 1]
        assert (made.reads, made.written) == ([1], [10])


def starts_of(events: Sequence[object]) -> list[CallStarted]:
    return [e for e in events if isinstance(e, CallStarted)]


async def test_the_adopted_events_stand_in_the_journal_before_anything_is_called(tmp_path: Path) -> None:
    async with desk(tmp_path) as (house, _):
        original = await house.carried(SCRIPT)
        record = await house.runs.fork(original.id, ANN, ForkWish("c"))
        events = await house.events(record.id)
        assert (record.status, record.seq) == ("queued", len(events))
        assert record.tools == (await house.runs.record(original.id, ANN)).tools != ""  # only who covers them takes it
        assert [e.type for e in events[:4]] == ["run_submitted", "run_forked", "plan_proposed", "plan_certified"]
        assert isinstance(events[-1], EffectsInherited)
        assert {e.step for e in events if isinstance(e, CallFinished)} == {"a", "b", "w"}
        assert all(s.key == "" and not s.claim for s in starts_of(events))


# -- of a run that was replanned


SENT: list[int] = []


@tool(effect="write")
async def put(n: int) -> int:
    """Put a number."""
    if n == 3:
        return ToolFailed("3 cannot be put.")  # type: ignore[return-value]
    SENT.append(n)
    return n


async def test_a_fork_of_a_replanned_run_keeps_its_words_untrusted_and_asks_for_effects_of_replaced_lines(
    tmp_path: Path,
) -> None:
    SENT.clear()
    planner = role(["b = t.put(n=2)\nanswer(b + 40)\n"])
    async with rig(tmp_path, Toolset.of("t", [put]), models=Models(planner=planner)) as house:
        original = await house.carried("a = [t.put(n=x) for x in [1, 3]]\nanswer(a)\n")
        assert answer_of(original) == 42
        same = await forked(house, original.id, "answer")
        assert answer_of(same) == 42
        assert same.ended is not None
        assert ["replan", False] in same.ended.answer_labels["origins"]
        script = "c = t.put(n=1)\nanswer(c)\n"
        asks = await forked(house, original.id, "c", script=script)
        assert [q.kind for q in asks.open_questions] == ["repeat"]
        assert SENT == [1, 2]
