"""Who approves: an answer by the agent that submitted the goal never counts as an approval, through any door."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executor.artifacts import MemoryArtifacts
from executor.errors import NotAnswerable
from executor.events import Event, Question, QuestionAnswered, QuestionAsked, RunParked
from executor.gate import Gates
from executor.journal.memory import MemoryJournal
from executor.planning import Planning
from executor.run import Run, fold
from executor.segment import Segments
from executor.submission import Principal, Submission
from executor.tool import tool
from executor.toolset import Toolset
from planner.labels import Labels, Origin
from planner.models import Models
from planner.playbook import Playbooks
from planner.toolspec import Json
from planrail.forking import ForkWish
from planrail.runs import Runs
from tests.rig import _now


class Town:
    """What strangers wrote, and acts."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    @tool(effect="read", labels={"": "untrusted"})
    async def post(self) -> str:
        """What anybody wrote."""
        return "eve"

    @tool(effect="irreversible", sensitive=("to",))
    async def send(self, to: str) -> str:
        """Send."""
        self.sent.append(to)
        return to


SCRIPT = (
    'x = t.post()\na = t.send(to=x)\napprove("more")\nb = t.send(to="bob")\nok = ask_user("go on?", returns=bool)\nanswer(ok)\n'
)
QUESTIONS = {
    "approve": Question(id="q", kind="approve", of="approve", text="?", answer_schema={"type": "boolean"}, shown=[]),
    "flow": Question(id="q", kind="flow", of="a", text="?", shown=[]),
    "reconcile": Question(id="q", kind="reconcile", of="a", text="?", answer_schema={"type": "boolean"}),
    "repeat": Question(id="q", kind="repeat", of="a", text="?", answer_schema={"type": "boolean"}, shown=[]),
    "ask_user": Question(id="q", kind="ask_user", of="ok", text="?"),
}


@dataclass
class House:
    """Runs over a journal in memory, carried on by hand."""

    town: Town = field(default_factory=Town)
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def __post_init__(self) -> None:
        ids, artifacts, toolset = itertools.count(1), MemoryArtifacts(), Toolset.of("t", self.town)
        planning = Planning(toolset.specs, Playbooks(), None, Models().terms(parallel=4))
        self.runs = Runs(
            self.journal, artifacts=artifacts, planning=planning, now=_now, new_id=lambda: f"run{next(ids):013}"
        )  # fmt: skip
        self.segments = Segments(
            journal=self.journal, artifacts=artifacts, toolset=toolset, models=Models(), planning=planning,
            secrets={}.get, now=_now, worker="w", version="test", gates=Gates(),
        )  # fmt: skip

    async def carried_on(self, run: str) -> Run:
        epoch = await self.journal.take(run, "w", dead=["w"])
        assert epoch is not None
        await self.segments.advance(run, epoch, asyncio.Event())
        return await self.state(run)

    async def state(self, run: str) -> Run:
        return fold(Run(run), await self.journal.read(run))

    async def parked(self, submitter: Principal, *events: Event) -> str:
        """A run of that principal that waits, after these events."""
        run = (await self.runs.submit(Submission(script=SCRIPT, principal=submitter))).id
        epoch = await self.journal.take(run, "w")
        await self.journal.append(run, [*events, RunParked(questions=("q",))], epoch=epoch, status="waiting", release=True)
        return run


PRINCIPALS = st.builds(
    Principal,
    id=st.just("ann"),
    kind=st.sampled_from(["user", "agent"]),
    scopes=st.sampled_from([frozenset[str](), frozenset(("approve",)), frozenset(("other",))]),
)
ANSWERS: st.SearchStrategy[Json] = st.sampled_from([True, [1], "yes", 1])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(PRINCIPALS, PRINCIPALS, st.sampled_from(sorted(QUESTIONS)), ANSWERS)
def test_only_people_and_other_agents_with_the_scope_approve(
    submitter: Principal, answerer: Principal, kind: str, answer: Json
) -> None:
    async def given_answer() -> list[QuestionAnswered]:
        house = House()
        run = await house.parked(submitter, QuestionAsked(question=QUESTIONS[kind]))
        with contextlib.suppress(NotAnswerable):
            await house.runs.answer(run, answerer, answer, question="q")
        return [r.event for r in await house.journal.read(run) if isinstance(r.event, QuestionAnswered)]

    answers = asyncio.run(given_answer())
    if kind != "ask_user" and answerer.kind == "agent" and (answerer == submitter or "approve" not in answerer.scopes):
        assert answers == []
    for counted in answers:
        assert counted.kind == answerer.kind
    if answerer.kind == "user" and answer is True:
        assert answers


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(PRINCIPALS, st.sampled_from(["submit", "fork"]))
def test_yes_with_a_submission_is_a_persons_and_never_answers_the_policy(submitter: Principal, door: str) -> None:
    async def carried() -> tuple[Run, Town]:
        house = House()
        yes = door == "submit"
        run = (await house.runs.submit(Submission(script=SCRIPT, principal=submitter, preapproved=yes))).id
        state = await house.carried_on(run)
        if door == "fork":
            run = (await house.runs.fork(run, submitter, ForkWish("a", preapproved=True))).id
            state = await house.carried_on(run)
        return state, house.town

    state, town = asyncio.run(carried())
    assert town.sent == []
    asked = {q.kind for q in state.open_questions}
    assert "flow" in asked
    assert ("approve" in asked) == (submitter.kind == "agent")


@pytest.mark.parametrize("kind", ["user", "agent"])
async def test_an_answer_to_a_question_of_the_script_is_no_approval_and_says_who_gave_it(kind: str) -> None:
    house, ann = House(), Principal(id="ann", kind="user")
    who = Principal.model_validate({"id": "ann", "kind": kind})
    lines = 'x = t.post()\nok = ask_user("send it to eve?", returns=bool)\nif ok:\n    a = t.send(to=x)\nanswer(ok)\n'
    run = (await house.runs.submit(Submission(script=lines, principal=who))).id
    await house.carried_on(run)
    await house.runs.answer(run, who, True, question="ok")
    state = await house.carried_on(run)
    assert [q.kind for q in state.open_questions] == ["flow"]
    assert house.town.sent == []
    await house.runs.answer(run, ann, True, question="flow")
    state = await house.carried_on(run)
    assert house.town.sent == ["eve"]
    assert state.ended is not None
    origin = Origin("person", trusted=True) if kind == "user" else Origin("agent", trusted=True)
    assert origin in Labels.from_json(state.ended.answer_labels).whole().data


async def test_a_fork_takes_over_what_was_allowed_and_done_and_asks_anew_for_the_rest() -> None:
    house, ann = House(), Principal(id="ann")
    lines = 'x = t.post()\na = t.send(to=x)\nb = t.send(to=x + "2")\nanswer(b)\n'
    run = (await house.runs.submit(Submission(script=lines, principal=ann))).id
    for _ in range(2):
        state = await house.carried_on(run)
        (question,) = state.open_questions
        await house.runs.answer(run, ann, True, question=question.id)
        if len(question.shown) == 2:
            break
    await house.carried_on(run)
    assert house.town.sent == ["eve", "eve2"]
    fork = (await house.runs.fork(run, ann, ForkWish("b", script=lines.replace('"2"', '"3"')))).id
    state = await house.carried_on(fork)
    assert [[r["value"] for r in q.shown] for q in state.open_questions] == [["eve3"]]
    await house.runs.answer(fork, ann, False)
    await house.carried_on(fork)
    assert house.town.sent == ["eve", "eve2"]
