"""Handing: what one specialist's plan hands to another: typed fields, labels kept, once, inside one budget, no cycles."""

from __future__ import annotations

from typing import Any

import pytest
from bench import PLENTY, Bench, answer_of, starts

from executor.hand_tools import hand_tools
from executor.handing import MAX_DEPTH, Handing
from executor.journal.memory import MemoryJournal
from executor.pack import Specialist
from executor.router_settings import RouterSettings
from executor.routing import Routing
from executor.run import Run
from executor.specialists import Member, Specialists
from executor.tool import ToolContext, tool
from executor.toolset import Toolset
from planner.errors import CompileError
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.playbook import Playbooks, parse_playbook
from planner.worst import ModelTerms
from planrail.replay import ReplayGround, replay

OPENED: list[tuple[str, str]] = []


@tool(effect="write", idempotent=True, sensitive=("to",))
async def open_ticket(to: str, text: str, context: ToolContext) -> int:
    """Open a ticket."""
    if (context.key, text) not in OPENED:
        OPENED.append((context.key, text))
    return len(OPENED)


@tool(effect="read", labels={"": "untrusted"})
async def heard() -> list[str]:
    """What strangers said."""
    return ["cannot log in", "the door is stuck"]


@tool(effect="write")
async def note(text: str) -> str:
    """Note something."""
    return text


TOOLS = Toolset.of("front", [heard, note]) | Toolset.of("desk", [open_ticket])
TAKE = """---
params: {to: str, reports: '[str]'}
---
kept = [r for r in reports[:5] if r != ""]
if len(kept) > 0:
    ids = [desk.open_ticket(to=to, text=r) for r in kept]
    answer({"tickets": ids})
else:
    answer({"tickets": []})
"""
ROUND = "---\nparams: {n: int}\n---\nback = hand.back(n=n)\nanswer(back)\n"
BACK = "---\nparams: {n: int}\n---\nround = hand.round(n=n)\nanswer(round)\n"


def member(name: str, tools: set[str], playbook: str = "", **takes: str) -> Member:
    about = Specialist(f"Does {name}.", takes=takes, playbook=playbook, gives="{tickets: [int]}" if playbook else "")
    return Member(name, about, frozenset(tools), frozenset({playbook} if playbook else ()))


WHO = Specialists(
    (
        member("front", {"front.heard", "front.note"}),
        member("desk", {"desk.open_ticket"}, "take", to="str", reports="[str]"),
        member("round", set(), "round", n="int"),
        member("back", set(), "back", n="int"),
    )
)
BOOKS = Playbooks(parse_playbook(name, text) for name, text in {"take": TAKE, "round": ROUND, "back": BACK}.items())
PLAN = 'said = front.heard()\nr = hand.desk(to="us", reports=["a", "b"])\nanswer(r.tickets)\n'


def bench(*replies: str, who: Specialists = WHO, books: Playbooks = BOOKS, **more: Any) -> Bench:
    OPENED.clear()
    role = Role(ScriptedModel(list(replies)), ModelTerms(model="big", max_input_tokens=50_000, max_output_tokens=400))
    made = Bench(TOOLS | hand_tools(who), Models(role) if replies else Models(), playbooks=books, **more)
    made.routing, made.handing = Routing(who, None, RouterSettings()), Handing(who, books)
    return made


def why(run: Run) -> str:
    assert run.ended is not None
    assert run.status == "failed", run.ended
    return run.ended.reason


# -- what it comes to


async def test_the_fields_go_to_the_other_ones_playbook_and_its_answer_comes_back() -> None:
    made = bench()
    run = await made.run(PLAN)
    assert answer_of(run) == [1, 2]
    assert [text for _, text in OPENED] == ["a", "b"]
    (handed,) = [s for s in starts(await made.events(run.id)) if s.call == "hand.desk"]
    assert (handed.step, handed.arguments) == ("r__in", {"to": "us", "reports": ["a", "b"]})


async def test_a_hand_over_in_a_branch_over_several_lines_brings_branches_along() -> None:
    script = """said = front.heard()
if len(said) > 1:
    r = hand.desk(
        to="us",
        reports=[""],
    )
    front.note(text="handed")
answer(r)
"""
    run = await bench().run(script)
    assert answer_of(run) == {"tickets": []}
    assert OPENED == []
    assert run.certified is not None
    assert '    front.note(text="handed")\nanswer(r)\n' in run.certified.script


async def test_names_of_the_playbook_are_its_own() -> None:
    script = 'ids, kept, to = 1, 2, "me"\nr = hand.desk(to="us", reports=["a"])\nanswer([ids, kept, to, r.tickets])\n'
    assert answer_of(await bench().run(script)) == [1, 2, "me", [1]]


async def test_two_hand_overs_in_one_plan_are_two() -> None:
    run = await bench().run('a = hand.desk(to="us", reports=["x"])\nb = hand.desk(to="us", reports=["x"])\nanswer([a, b])\n')
    assert answer_of(run) == [{"tickets": [1]}, {"tickets": [2]}]


async def test_its_worst_case_is_inside_the_budget_of_the_whole_before_anything_runs() -> None:
    run = await bench().run(PLAN, budget=PLENTY.model_copy(update={"calls": 6}))  # 1 + 1 + 5
    assert "7 tool calls" in why(run)
    assert OPENED == []


# -- what is refused


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('r = hand.desk(to="us", reports=7)', "reports"),  # by the checker, of the tool's own types
        ('r = hand.desk(to="us")', "these fields, each by its name: to: str, reports: [str]"),
        ('r = hand.desk(to="us", reports=[], transcript="x")', "these fields, each by its name"),
        ('r = hand.desk("us", [])', "these fields, each by its name"),
        ('hand.desk(to="us", reports=[])\nr = 1', "stands alone on its line"),
        ('r = [hand.desk(to=x, reports=[]) for x in ["a"]]', "stands alone on its line"),
        ('r = str(hand.desk(to="us", reports=[]))', "stands alone on its line"),
        ('r = do("it", tools=[hand.desk])', "stands alone on its line"),
        ("r = hand.round(n=1)", "round would hand over to itself, by way of round and back"),
    ],
)  # fmt: skip
async def test_what_is_no_hand_over_of_these_fields_is_refused_at_its_own_line(line: str, message: str) -> None:
    run = await bench().run(f"\n\n{line}\nanswer(r)\n")
    assert message in why(run)
    ((_, refused),) = run.refusals
    assert refused.diagnostics[0].line == 3
    assert OPENED == []


async def test_a_place_after_a_hand_over_is_told_by_the_script_as_it_was_written() -> None:
    run = await bench().run('r = hand.desk(to="us", reports=[])\nx = front.nothing()\nanswer(r)\n')
    ((_, refused),) = run.refusals
    assert (refused.diagnostics[0].line, refused.diagnostics[0].text) == (2, "front.nothing()")


def test_there_are_so_many_hand_overs_in_each_other_and_no_more() -> None:
    names = [f"d{n}" for n in range(MAX_DEPTH + 1)]
    who = Specialists(tuple(member(n, set(), n, n="int") for n in names))
    further = [f"x = hand.{after}(n=n)\nanswer(x)\n" for after in names[1:]] + ["answer(n)\n"]
    books = Playbooks(
        parse_playbook(n, f"---\nparams: {{n: int}}\n---\n{body}") for n, body in zip(names, further, strict=True)
    )
    handing = Handing(who, books)
    assert handing.expanded("x = hand.d1(n=1)\nanswer(x)\n").script.count("hand.") == MAX_DEPTH
    with pytest.raises(CompileError, match="at most 3 hand-overs in each other"):
        handing.expanded("x = hand.d0(n=1)\nanswer(x)\n")


# -- trust


async def test_what_a_stranger_said_stays_a_strangers_on_the_other_side() -> None:
    made = bench(answers=None)
    run = await made.run("said = front.heard()\nr = hand.desk(to=said[0], reports=said)\nanswer(r)\n")
    (question,) = run.open_questions
    assert question.kind == "flow"
    assert question.shown is not None
    assert {row["tool"] for row in question.shown} == {"desk.open_ticket"}
    assert {row["value"] for row in question.shown} == {"cannot log in"}
    assert "tool front.heard" in question.shown[0]["origins"]
    assert OPENED == []


async def test_a_plan_of_one_specialist_may_hand_over_and_may_not_use_the_others_tools_itself() -> None:
    made = bench(PLAN)
    assert answer_of(await made.run(goal="Hand it over", skill="front")) == [1, 2]
    prompt = made.models.planner.model.requests[-1].messages[-1].content  # type: ignore[union-attr]  # a scripted one
    assert "hand.desk(to: str, reports: [str]) -> learned {tickets: [int]}" in prompt
    assert "desk.open_ticket" not in prompt
    assert "hand.front" not in prompt
    both = 'r = hand.desk(to="us", reports=[])\ndesk.open_ticket(to="us", text="by itself")\nanswer(r)\n'
    run = await bench(both, both, both).run(goal="Hand it over", skill="front")
    assert [(r.diagnostics[0].code, r.diagnostics[0].line) for _, r in run.refusals] == [("not-its-own", 2)] * 3
    assert OPENED == []


# -- replans, crashes, replays


async def test_a_plan_that_handed_something_over_is_mended_and_hands_nothing_over_again() -> None:
    plan = PLAN.replace("answer", 'expect(len(r.tickets) > 5, "too few")\nanswer')
    made = bench(plan, "answer(len(r.tickets))\n")
    run = await made.run(goal="Hand it over", skill="front")
    assert answer_of(run) == 2
    assert [r.certified.revision for r in run.revisions] == [1, 2]
    assert [text for _, text in OPENED] == ["a", "b"]


async def test_a_run_goes_on_from_every_prefix_of_its_journal_and_opens_each_ticket_once() -> None:
    made = bench(PLAN)
    run = await made.run(goal="Hand it over", skill="front")
    events = await made.events(run.id)
    for length in range(1, len(events)):
        again = bench(PLAN, journal=MemoryJournal())
        name = await again.restore(events[:length])
        OPENED.extend((s.key, str(s.arguments["text"])) for s in starts(events[:length]) if s.call == "desk.open_ticket")
        assert len(answer_of(await again.carry_on(name))) == 2
        assert sorted(text for _, text in OPENED) == ["a", "b"], length


async def test_a_replay_puts_the_same_in_again_and_says_so_where_the_playbook_is_another() -> None:
    made = bench(PLAN)
    run = await made.run(goal="Hand it over", skill="front")
    recorded = await made.events(run.id)
    same = replay(run.id, recorded, ReplayGround(made.planning, None, made.segments().load))
    assert same.findings == ()
    made.handing = Handing(WHO, Playbooks([parse_playbook("take", TAKE.replace("[:5]", "[:4]"))]))
    other = replay(run.id, recorded, ReplayGround(made.planning, None, made.segments().load))
    assert "statement 5 compiles otherwise" in [f.what for f in other.findings]
