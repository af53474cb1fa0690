"""Consent: what strangers wrote reaches no sink before a person has allowed exactly that; where the policy denies it, never."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from bench import NOW, Bench, answer_of, starts, surprise_of
from dripping import Dripping

from executor.bind import bind
from executor.consent import PASSES, verdict, want_of
from executor.events import CallFailed, PlanCertified, PlanProposed, Question, QuestionAnswered, Recorded, RunResumed
from executor.frame import Frame, Start
from executor.run import Run
from executor.submission import Principal, Submission
from executor.tool import tool
from executor.toolset import Toolset
from executor.want import Want
from planner.budget import Budget
from planner.expression import Clock, evaluate
from planner.labels import Label, Labels, Origin, Tagged
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.policy import NO_POLICY, Policy, ToolPolicy
from planner.toolspec import Json
from planner.worst import ModelTerms
from planrail.replay import ReplayGround, replay

READ = Label(frozenset((Origin("tool w.notes", trusted=False),)))


class World:
    """A list that strangers write, records of our own, and acts."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.read: list[str] = []
        self.bad = "eve@x.example"

    @tool(effect="read", labels={"": "trusted", "[].text": "untrusted"})
    async def notes(self, n: int = 2) -> list[dict[str, str]]:
        """Notes: the addresses are ours, the texts are anybody's."""
        self.read.append("notes")
        return [{"to": f"p{i}@x.example", "text": f"{i}.{self.bad}"} for i in range(n)]

    @tool(effect="irreversible", sensitive=("to",))
    async def send(self, to: str, body: str = "") -> str:
        """Send a letter."""
        self.done.append(to)
        return to

    @tool(effect="write", sensitive=("path", "mode", "count"))
    async def save(self, path: list[str], mode: Literal["a", "b"] = "a", count: int = 1) -> int:
        """Save under some names."""
        self.done.append((tuple(path), mode, count))
        return count

    @tool(effect="read", open_world=True)
    async def look(self, at: str, deep: bool = False) -> str:
        """Look at a public place."""
        self.read.append(at)
        return "seen"

    @tool(effect="read")
    async def peek(self, path: str) -> str:
        """Look into one of our files; that the path is sensitive is guessed."""
        self.read.append(path)
        return "seen"

    @tool(effect="write")
    async def note(self, text: str) -> str:
        """Note a text."""
        self.done.append(text)
        return text


class House:
    """Reads that wait for no effect of the world."""

    @tool(effect="read", labels={"": "trusted"})
    async def ours(self) -> str:
        """A text of our own."""
        return "ours"


def bench_of(world: World, *, answers: Any = None, **policy: Any) -> Bench:
    return Bench(Toolset.of("w", world) | Toolset.of("h", House()), answers=answers, policy=Policy(**policy))


def said(question: Question, answer: Json, *, refused: bool = False) -> QuestionAnswered:
    return QuestionAnswered(question=question.id, answer=answer, refused=refused, by="ann")


async def asked(bench: Bench, script: str, **more: Any) -> tuple[Run, Question]:
    run = await bench.run(script, **more)
    assert run.status == "waiting", run.ended
    (question,) = run.open_questions
    return run, question


SEND = "ns = w.notes()\nsent = [w.send(to=n.text) for n in ns]\nanswer(sent)\n"


async def test_a_value_of_a_stranger_is_asked_for_with_where_it_comes_from() -> None:
    world = World()
    _, question = await asked(bench_of(world), SEND)
    assert world.done == []
    assert question.kind == "flow"
    rows = [
        {k: r[k] for k in ("number", "step", "item", "tool", "argument", "value", "origins", "kind")} for r in question.shown
    ]
    assert rows == [
        {"number": n + 1, "step": "sent", "item": str(n), "tool": "w.send", "argument": "to", "value": f"{n}.eve@x.example",
         "origins": ["tool w.notes"], "kind": "data"}
        for n in (0, 1)
    ]  # fmt: skip


async def test_what_is_allowed_is_done_and_the_run_goes_on() -> None:
    world = World()
    bench = bench_of(world)
    run, question = await asked(bench, SEND)
    await bench.answer(run.id, said(question, True))
    assert answer_of(await bench.carry_on(run.id)) == world.done == ["0.eve@x.example", "1.eve@x.example"]


async def test_what_is_refused_is_not_done_and_says_who_refused_what() -> None:
    world = World()
    run = await bench_of(world, answers=lambda q: said(q, False)).run(SEND)
    assert world.done == []
    assert surprise_of(run) == ("sent", "failed")
    assert run.ended is not None
    assert "ann did not allow it: `to` of w.send is from tool w.notes" in run.ended.reason


async def test_of_several_values_those_with_the_numbers_may_pass_and_the_others_take_the_otherwise() -> None:
    world = World()
    lines = 'ns = w.notes(n=3)\nsent = [w.send(to=n.text, otherwise="kept") for n in ns]\nanswer(sent)\n'
    run = await bench_of(world, answers=lambda q: said(q, [2])).run(lines)
    assert answer_of(run) == ["kept", "1.eve@x.example", "kept"]
    assert world.done == ["1.eve@x.example"]


async def test_where_the_policy_denies_nothing_is_asked_and_nothing_done() -> None:
    world = World()
    bench = bench_of(world, flows="deny")
    run = await bench.run(SEND)
    assert (world.done, run.questions) == ([], {})
    failed = [r.event for r in await bench.events(run.id) if isinstance(r.event, CallFailed)]
    assert [f.kind for f in failed] == ["refused", "refused"]
    assert failed[0].message == "The policy refuses it: `to` of w.send is from tool w.notes."


async def test_a_tool_that_the_policy_allows_is_not_asked_for() -> None:
    world = World()
    run = await bench_of(world, flows="deny", tools={"w.send": ToolPolicy(flows="allow")}).run(SEND)
    assert len(answer_of(run)) == 2


async def test_trusted_values_closed_types_and_null_pass() -> None:
    world = World()
    lines = (
        "ns = w.notes()\na = w.send(to=ns[0].to, body=ns[0].text)\n"
        'b = w.save(path=["x"], count=len(ns[0].text), mode="b" if "eve" in ns[1].text else "a")\n'
        "answer([a, b])\n"
    )
    assert (await bench_of(world).run(lines)).status == "done"
    assert len(world.done) == 2


async def test_a_text_does_not_pass_for_a_number() -> None:
    lines = 'ns = w.notes()\na = w.save(path=["x"], count=ns[0].text)\nanswer(a)\n'
    bench = bench_of(World())
    step = bench.program(lines).steps[1]
    frame = Frame(bench.program(lines), {}, bench.toolset.specs, 10, policy=Policy())
    for value, is_wanted in ((3, False), ("/etc", True)):
        assert (want_of(step, "count", Tagged(value, Labels.of(READ)), frame) is not None) is is_wanted


async def test_all_else_runs_first_and_all_that_is_known_is_asked_in_one_question() -> None:
    world = World()
    lines = (
        "ns = w.notes()\na = w.send(to=ns[0].text)\nx = w.look(at=ns[1].text)\no = h.ours()\n"
        "b = w.save(path=[ns[1].text, o])\nanswer([a, x, b])\n"
    )
    bench = bench_of(world)
    run, question = await asked(bench, lines)
    assert [(r["tool"], r["argument"]) for r in question.shown] == [("w.send", "to"), ("w.look", "at"), ("w.save", "path")]
    assert world.read == ["notes"]
    assert "o" in {step for step, _ in run.calls}
    await bench.answer(run.id, said(question, True))
    assert (await bench.carry_on(run.id)).status == "done"
    kinds = [r.event.type for r in await bench.events(run.id)]
    assert kinds.count("question_asked") == 1


async def test_another_value_is_asked_again_and_the_same_one_in_a_resumed_run_is_not() -> None:
    world = World()
    lines = "ns = w.notes(n=1)\na = w.send(to=ns[0].text)\nb = w.send(to=ns[0].text + a)\nanswer(b)\n"
    bench = bench_of(world)
    run, first = await asked(bench, lines)
    await bench.answer(run.id, said(first, True))
    run = await bench.carry_on(run.id)
    (second,) = run.open_questions
    assert (second.id, second.shown[0]["value"]) == ("flow#2", "0.eve@x.example0.eve@x.example")
    await bench.answer(run.id, said(second, False))
    run = await bench.carry_on(run.id)
    assert run.status == "failed"
    await bench.journal.append(run.id, [RunResumed(by="ann")], epoch=None, status="queued")
    run = await bench.carry_on(run.id)
    assert [q.id for q in run.open_questions] == ["flow#3"]
    assert world.done == ["0.eve@x.example"]


async def test_a_read_that_leaves_the_house_is_asked_for_what_it_is_given() -> None:
    world = World()
    _, question = await asked(bench_of(world), "ns = w.notes(n=1)\nanswer(w.look(at=ns[0].text))\n")
    assert [r["argument"] for r in question.shown] == ["at"]
    assert world.read == ["notes"]


APPROVED = 'ns = w.notes(n=1)\napprove("send")\nanswer(w.send(to=ns[0].text))\n'


async def test_an_approval_that_showed_the_very_call_is_a_consent_to_it() -> None:
    world = World()
    bench = bench_of(world)
    run, question = await asked(bench, APPROVED)
    assert question.kind == "approve"
    assert question.shown[0]["flows"] == [{"argument": "to", "origins": ["tool w.notes"], "kind": "data"}]
    await bench.answer(run.id, said(question, True))
    assert answer_of(await bench.carry_on(run.id)) == "0.eve@x.example"


async def test_an_approval_that_did_not_know_the_arguments_is_none() -> None:
    lines = 'a = w.notes(n=1)\napprove("send")\nb = w.send(to=a[0].to)\nc = w.send(to=b + a[0].text)\nanswer(c)\n'
    bench = bench_of(World())
    run, question = await asked(bench, lines)
    await bench.answer(run.id, said(question, True))
    run = await bench.carry_on(run.id)
    assert [q.kind for q in run.open_questions] == ["flow"]


@pytest.mark.parametrize("kind", ["user", "agent"])
async def test_yes_answers_the_scripts_own_approval_and_never_the_policy(kind: Literal["user", "agent"]) -> None:
    run = await bench_of(World()).run(APPROVED, preapproved=True, principal=Principal(kind=kind))
    assert [q.kind for q in run.open_questions] == (["flow"] if kind == "user" else ["approve"])


async def test_nobody_in_time_is_a_no() -> None:
    world = World()
    bench = bench_of(world)
    bench.question_timeout_s = 60.0
    run = await bench.run(SEND)
    record = await bench.journal.get(run.id)
    assert record is not None
    await bench.pass_until(record)
    await bench.journal.append(run.id, [], epoch=None, status="queued", only_if=["waiting"])
    run = await bench.carry_on(run.id)
    assert run.ended is not None
    assert "Nobody allowed it in time" in run.ended.reason
    assert world.done == []


async def test_an_approval_is_no_consent_to_what_the_policy_denies() -> None:
    world = World()
    run = await bench_of(world, answers=lambda q: said(q, True), flows="deny").run(APPROVED)
    assert run.status == "failed"
    assert world.done == []


async def test_a_run_of_a_build_without_a_policy_goes_on_and_asks() -> None:
    before = bench_of(World(), tools={"w.send": ToolPolicy(flows="allow")})
    events = await before.events((await before.run(SEND)).id)
    world = World()
    bench = bench_of(world)
    old = [_without_policy(r) for r in events[:6]]
    run = await bench.carry_on(await bench.restore(old))
    assert [q.kind for q in run.open_questions] == ["flow"]
    changed = await bench.carry_on(await bench.restore(events[:6]))
    assert changed.ended is not None
    assert changed.ended.reason == "The policy has changed since the plan was certified."
    assert world.done == []


def _without_policy(recorded: Recorded) -> Recorded:
    event = recorded.event
    if not isinstance(event, PlanCertified):
        return recorded
    certificate = event.certificate.model_copy(update={"policy": NO_POLICY, "flows": ()})
    return recorded.model_copy(update={"event": event.model_copy(update={"certificate": certificate})})


# -- strict


CHOSEN = 'ns = w.notes()\nxs = [w.send(to=n.to) for n in ns if "1" in n.text]\nanswer(xs)\n'


async def test_what_a_stranger_chooses_is_asked_in_strict_mode_alone() -> None:
    world = World()
    assert answer_of(await bench_of(world).run(CHOSEN)) == ["p1@x.example"]
    _, question = await asked(bench_of(World(), strict=True), CHOSEN)
    (row,) = question.shown
    assert (row["argument"], row["kind"], row["value"]) == ("", "control", {"to": "p1@x.example"})


async def test_in_strict_mode_an_effect_under_a_guard_of_a_stranger_is_asked() -> None:
    world = World()
    lines = 'ns = w.notes()\nif "eve" in ns[0].text:\n    w.note(text="hello")\nanswer(1)\n'
    bench = bench_of(world, strict=True)
    run, question = await asked(bench, lines)
    assert [(r["tool"], r["argument"], r["origins"]) for r in question.shown] == [("w.note", "", ["tool w.notes"])]
    await bench.answer(run.id, said(question, True))
    assert (await bench.carry_on(run.id)).status == "done"
    assert world.done == ["hello"]


async def test_in_strict_mode_a_chosen_value_is_asked_at_the_address_of_a_read() -> None:
    world = World()
    lines = 'ns = w.notes()\nt = [n.to for n in ns if "1" in n.text]\nanswer(w.look(at=t[0]))\n'
    assert answer_of(await bench_of(world).run(lines)) == "seen"
    _, question = await asked(bench_of(World(), strict=True), lines)
    assert [(r["argument"], r["value"], r["kind"]) for r in question.shown] == [("at", "p1@x.example", "choice")]


# -- kept through crashes


async def test_from_every_prefix_of_its_journal_a_run_asks_once_and_acts_once() -> None:
    whole = bench_of(World(), answers=lambda q: said(q, True))
    events = await whole.events((await whole.run(SEND)).id)
    for cut in range(1, len(events)):
        world = World()
        bench = bench_of(world, answers=lambda q: said(q, True))
        run = await bench.carry_on(await bench.restore(events[:cut]))
        assert [q.kind for q in run.questions.values() if q.kind != "reconcile"] == ["flow"], cut
        assert len({s.item for s in starts(await bench.events(run.id)) if s.step == "sent"}) == 2, cut


# -- what a model decides that has read strangers


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ('w.note(text="hello")', [("", {"text": "hello"}, "control")]),
        ('w.send(to="ann")', [("", {"to": "ann"}, "control")]),
        ("h.ours()", []),
    ],
)
def test_an_effect_that_a_model_decides_on_that_has_read_strangers_is_asked_for(call: str, wanted: list[Any]) -> None:
    bench = bench_of(World())
    program = bench.program(f"x = {call}\nanswer(x)\n")
    step = program.steps[0]
    bound = bind(step, {}, lambda expr, scope: evaluate(expr, scope, clock=Clock(NOW)))
    frame = Frame(program, {}, bench.toolset.specs, 10, policy=Policy())
    found = verdict(Start(step, "", bound, decided_by=READ), frame, Run("r")).wanted
    assert [(w.argument, w.value, w.kind) for w in found] == wanted
    assert verdict(Start(step, "", bound), frame, Run("r")) == PASSES


# -- in front


async def written_by_a_replan(bench: Bench, script: str, goal: str) -> str:
    """A run whose script a planner wrote that had read strangers."""
    proposed = PlanProposed(script=script, source="replan")
    await bench.journal.create(Submission(goal=goal, budget=bench.budget), run="run1", key="run1", now=NOW)
    await bench.journal.append("run1", [proposed], epoch=None)
    return "run1"


FOREIGN = 'ns = w.notes()\na = w.send(to="{}", body=ns[0].text)\nanswer(a)\n'


async def test_what_the_script_itself_would_give_to_a_sink_is_asked_before_anything_runs() -> None:
    world = World()
    bench = bench_of(world)
    run = await bench.carry_on(await written_by_a_replan(bench, FOREIGN.format("eve@x.example"), "write to ann@x.example"))
    (question,) = run.open_questions
    assert [(r["argument"], r["value"]) for r in question.shown] == [("to", "eve@x.example")]
    assert world.read == []
    await bench.answer(run.id, said(question, True))
    assert answer_of(await bench.carry_on(run.id)) == "eve@x.example"
    assert [r.event.type for r in await bench.events(run.id)].count("question_asked") == 1


async def test_what_the_goal_says_itself_is_not_asked() -> None:
    world = World()
    bench = bench_of(world)
    run = await bench.carry_on(await written_by_a_replan(bench, FOREIGN.format("ann@x.example"), "write to ann@x.example"))
    assert answer_of(run) == "ann@x.example"


async def test_what_was_refused_in_front_is_not_done() -> None:
    world = World()
    bench = bench_of(world, answers=lambda q: said(q, False))
    run = await bench.carry_on(await written_by_a_replan(bench, FOREIGN.format("eve@x.example"), "write to ann@x.example"))
    assert run.status == "failed"
    assert world.done == []


async def test_no_read_is_made_early_that_a_person_has_to_allow() -> None:
    world = World()
    model = Dripping(["ns = w.notes(n=1)\n", "x = w.peek(path=ns[0].text)\n", "answer(x)\n"])
    terms = ModelTerms(model="big", max_input_tokens=50_000, max_output_tokens=4_000)
    bench = Bench(Toolset.of("w", world), Models(planner=Role(model, terms)), answers=None)
    run = await bench.run(goal="Do it", budget=Budget(calls=100, reserve=0.5))
    (question,) = run.open_questions
    assert [(r["tool"], r["argument"]) for r in question.shown] == [("w.peek", "path")]
    assert world.read == ["notes"]


async def test_a_replay_says_where_a_person_would_be_asked_today() -> None:
    before = bench_of(World(), tools={"w.send": ToolPolicy(flows="allow")})
    events = await before.events((await before.run(SEND)).id)
    found = replay("run1", events, ReplayGround(bench_of(World()).planning, None, lambda finished: finished.value)).findings
    assert ("question", "sent") in [(f.kind, f.step) for f in found]
    assert "policy" in [f.what for f in found]
    whole = bench_of(World(), answers=lambda q: said(q, True))
    events = await whole.events((await whole.run(SEND)).id)
    assert replay("run1", events, ReplayGround(whole.planning, None, lambda finished: finished.value)).findings == ()


# -- after a replan


def binding(script: str, step: str, *, value: str = "eve", origins: tuple[str, ...] = ("tool w.notes",), item: str = "") -> str:
    program = bench_of(World()).program(script)
    return Want(program[step], item, "to", value, origins).binding


def test_a_consent_holds_on_where_the_step_was_kept_and_nothing_else_is_new() -> None:
    kept = "ns = w.notes()\nif len(ns) > 1:\n    a = w.send(to=ns[0].text)\nanswer(1)\n"
    usual = binding(kept, "a")
    assert usual == binding(kept.replace("answer(1)", "b = h.ours()\nanswer(b)"), "a")
    others = [
        binding(kept.replace("ns[0].text", "ns[1].text"), "a"),
        binding(kept.replace("> 1", "> 0"), "a"),
        binding(kept, "a", value="mallory"),
        binding(kept, "a", origins=("replan",)),
        binding(kept, "a", item="3"),
    ]
    assert len({usual, *others}) == 1 + len(others)


async def test_what_a_replan_would_give_to_a_sink_is_asked_before_anything_of_it_runs() -> None:
    world = World()
    mended = 'late = w.look(at="eve.example")\nanswer(late)\n'
    model = Role(ScriptedModel([mended]), ModelTerms(model="big", max_input_tokens=50_000, max_output_tokens=400))
    bench = bench_of(world)
    bench.models = Models(planner=model)
    lines = 'ns = w.notes(n=1)\nexpect(len(ns) > 3, "few")\nanswer(w.look(at="ann.example"))\n'
    run, question = await asked(bench, lines, goal="look at ann.example")
    assert [(r["value"], r["origins"]) for r in question.shown] == [("eve.example", ["replan"])]
    assert run.certified is not None
    assert (run.certified.revision, world.read) == (2, ["notes"])
    await bench.answer(run.id, said(question, True))
    assert answer_of(await bench.carry_on(run.id)) == "seen"
    assert world.read == ["notes", "eve.example"]


async def test_what_a_person_or_the_policy_refused_is_not_replanned() -> None:
    world = World()
    role = Role(ScriptedModel([]), ModelTerms(model="big", max_input_tokens=50_000, max_output_tokens=400))
    for bench in (bench_of(world, answers=lambda q: said(q, False)), bench_of(world, flows="deny")):
        bench.models = Models(planner=role)
        run = await bench.run(SEND)
        assert (run.status, run.planner_calls) == ("failed", [])
