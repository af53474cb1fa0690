"""Playbooks: the file, the goals that have its structure, and what bad files and bad values are told."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import create_engine

from executor.builtin import builtin_tools
from executor.hand_tools import hand_tools
from executor.handing import Handing
from executor.pack import PackHost, load_packs
from executor.specialists import specialists_of
from planner.budget import Budget
from planner.check import Ground, certify
from planner.compiler import compile_script
from planner.errors import CompileError, PlaybookError
from planner.playbook import Parameter, Playbook, Playbooks, parse_playbook, read_playbook
from planner.script import plan_of
from planner.toolspec import Json
from planner.worst import ModelTerms, Terms
from tests.planner.tools import TOOLS

LEADS = """\
---
goal: "Find {vertical} leads in {city} and draft introductions"     # literal text and typed slots
params: {vertical: str, city: str, limit: int = 20}
tools: [crm, mail]
fallback: lead_list.plan                                            # runs when confidence falls below the floor
---
leads = crm.find_leads(vertical=vertical, city=city, limit=limit)
answer(f"{len(leads.items)} leads")
"""
SCRIPT = "answer(1)\n"


def playbook(goal: str, params: str = "") -> Playbook:
    lines = "\n  ".join(goal.splitlines())
    return parse_playbook("p", f"---\ngoal: |\n  {lines}\nparams: {{{params}}}\n---\n{SCRIPT}")


def test_the_file_of_the_reference_is_read_as_it_is_meant() -> None:
    text = {"type": "string"}
    assert parse_playbook("leads", LEADS) == Playbook(
        name="leads",
        goals=("Find {vertical} leads in {city} and draft introductions",),
        parameters=(
            Parameter("vertical", "str", text),
            Parameter("city", "str", text),
            Parameter("limit", "int", {"type": "integer"}, 20, required=False),
        ),
        tools=("crm", "mail"),
        script="\n" * 6 + LEADS.rpartition("---\n")[2],
        fallback="lead_list",
    )


def test_params_may_be_a_mapping_over_several_lines() -> None:
    head = '---\ngoal: x\nparams:\n  kind: \'"a" | "b"\'\n  n: int = -1\n---\nanswer(1)\n'
    flow = '---\ngoal: x\nparams: {kind: "a" | "b", n: int = -1}   # or {like: so}\n---\nanswer(1)\n'
    expected = (
        Parameter("kind", '"a" | "b"', {"enum": ["a", "b"]}),
        Parameter("n", "int", {"type": "integer"}, -1, required=False),
    )
    assert parse_playbook("p", head).parameters == parse_playbook("p", flow).parameters == expected


def test_commas_equal_signs_and_brackets_within_types_and_defaults_are_theirs() -> None:
    params = 'a: "x,y" | "p=q" = "p=q", b: {"k": str, "n": int}, c: [str], d: str | None = None, e: str = "a, {b}: c"'
    found = playbook("Do it", params).parameters
    assert [(p.name, p.default, p.required) for p in found] == [
        ("a", "p=q", False), ("b", None, True), ("c", None, True), ("d", None, False), ("e", "a, {b}: c", False),
    ]  # fmt: skip
    assert found[0].schema == {"enum": ["x,y", "p=q"]}


def test_goals_may_be_lines_or_a_list_and_a_playbook_may_have_none() -> None:
    heads = ("goal: |\n  One.\n\n  Two  words!", "goal: [One, Two words]", "tools: crm")
    read = [parse_playbook("p", f"---\n{head}\n---\n{SCRIPT}") for head in heads]
    assert [p.goals for p in read] == [("One", "Two words"), ("One", "Two words"), ()]
    assert read[2].tools == ("crm",)


@pytest.mark.parametrize("text", [LEADS, LEADS.replace("\n", "\r\n"), "\n\n" + LEADS, "\ufeff" + LEADS])
def test_diagnostics_have_the_line_numbers_of_the_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "leads.plan"
    path.write_bytes(text.replace("len(leads", "len(lead").encode())
    read = read_playbook(path)
    with pytest.raises(CompileError) as refused:
        compile_script(read.script, TOOLS, parameters=read.names)
    lines = text.splitlines()
    unbound = next(d for d in refused.value.diagnostics if "lead" in d.text)
    assert lines[unbound.line - 1].startswith("answer(")


BAD = [
    ("answer(1)", "begins with a line ---"),
    ("x\n---\ngoal: a\n---\nanswer(1)", "begins with a line ---"),
    ("---\ngoal: a\nanswer(1)", "begins with a line ---"),
    ("---\ngoal: a\ngoal: [\n---\nanswer(1)", "no YAML (line 4)"),
    ("---\ngoal: 2026-99-99\n---\nanswer(1)", "no YAML"),
    ("---\n" + "[" * 2_000 + "\n---\nanswer(1)", "no YAML"),
    ("---\ngoal: a\x00\n---\nanswer(1)", "no YAML"),
    ("---\n- a\n---\nanswer(1)", "its head is no mapping"),
    ("---\ngaol: a\n---\nanswer(1)", "unknown key `gaol`"),
    ("---\ngoal: {city}\n---\nanswer(1)", "goal is no text"),
    ("---\ngoal: [1]\n---\nanswer(1)", "goal is no text"),
    ("---\ngoal: a\ntools: {crm: 1}\n---\nanswer(1)", "tools is no text"),
    ("---\ngoal: a\nparams: [x]\n---\nanswer(1)", "params is no mapping"),
    ("---\ngoal: a\nparams: {city}\n---\nanswer(1)", "`city` in params has no type"),
    ("---\ngoal: a\nparams: {city: town}\n---\nanswer(1)", "the parameter city: A type is one of"),
    ("---\ngoal: a\nparams: {city: 5}\n---\nanswer(1)", "the parameter city: A type is one of"),
    ("---\ngoal: a\nparams: {city: str = }\n---\nanswer(1)", "the default of city is no literal"),
    ("---\ngoal: a\nparams: {n: int = len([])}\n---\nanswer(1)", "the default of n is no literal"),
    ('---\ngoal: a\nparams: {n: int = "x"}\n---\nanswer(1)', "the default of n is not int"),
    ('---\ngoal: a\nparams: {n: "a" | "b" = "c"}\n---\nanswer(1)', "the default of n is not"),
    ("---\ngoal: a\nparams: {my-city: str}\n---\nanswer(1)", "`my-city` cannot be a parameter's name"),
    ("---\ngoal: a {city}\n---\nanswer(1)", "the slot {city}, and params does not"),
]


@pytest.mark.parametrize(("text", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_file_is_named_with_what_is_wrong(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "bad one.plan"
    path.write_text(text)
    with pytest.raises(PlaybookError) as raised:
        read_playbook(path)
    assert raised.value.message.startswith(f"{path}: ")
    assert reason in raised.value.message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin.plan").write_bytes(b"---\ngoal: caf\xe9\n---\n")
    for path in (tmp_path / "none.plan", tmp_path / "latin.plan", tmp_path):
        with pytest.raises(PlaybookError, match="cannot be read"):
            read_playbook(path)


FIND = playbook(
    "Find {vertical} leads in {city} and draft introductions\nFind {limit} {vertical} leads in {city}",
    'vertical: "dental" | "real estate", city: str, limit: int = 20',
)


@pytest.mark.parametrize(
    ("goal", "vertical", "city", "limit"),
    [
        ("Find dental leads in Austin and draft introductions", "dental", "Austin", 20),
        ("find DENTAL leads in Austin AND draft Introductions", "dental", "Austin", 20),
        ("  Find dental  leads\nin\tAustin and draft introductions ", "dental", "Austin", 20),
        ("Find dental leads in Austin and draft introductions.", "dental", "Austin", 20),
        ("Find dental leads in Austin and draft introductions !?", "dental", "Austin", 20),
        ("Find dental leads in Austin, and draft introductions", "dental", "Austin", 20),
        ('Find dental leads in "Austin" and draft introductions', "dental", "Austin", 20),
        ("Find Real Estate leads in San José del Cabo and draft introductions", "real estate", "San José del Cabo", 20),
        ("Find dental leads in Stratford and Avon and draft introductions", "dental", "Stratford and Avon", 20),
        ("Find 5 dental leads in St. John's", "dental", "St. John's", 5),
    ],
)
def test_a_goal_matches_by_its_structure(goal: str, vertical: str, city: str, limit: int) -> None:
    assert FIND.match(goal) == {"vertical": vertical, "city": city, "limit": limit}


@pytest.mark.parametrize(
    "goal",
    [
        "",
        "Find leads",
        "Find bakery leads in Austin and draft introductions",
        "Find dental leads in and draft introductions",
        "Find dental leads in , and draft introductions",
        "Find some dental leads in Austin",
        "Find 5.5 dental leads in Austin",
        "Find 12345678901 dental leads in Austin",
        "Find 5 dental leads in one two three four five six seven",
        "Please find dental leads in Austin and draft introductions",
        "Find dental leads in Austin and draft introductions and send them",
    ],
)
def test_a_goal_of_another_structure_does_not_match(goal: str) -> None:
    assert FIND.match(goal) is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("float", "2.5", 2.5), ("int", "-3", -3), ("bool", "Yes", True), ("date", "2026-11-22", "2026-11-22"),
        ("int | None", "7", 7), ("str", "a (b) [c] $1", "a (b) [c] $1"), ('"a.b" | "c|d"', "c|d", "c|d"),
    ],
)  # fmt: skip
def test_a_slot_takes_what_its_type_says(kind: str, text: str, value: Json) -> None:
    assert playbook("Take {x} now", f"x: {kind}").match(f"take {text} NOW") == {"x": value}


@pytest.mark.parametrize(("kind", "text"), [("date", "tomorrow"), ("bool", "perhaps"), ('"a.b"', "axb"), ("float", "nan")])
def test_a_slot_takes_nothing_else(kind: str, text: str) -> None:
    assert playbook("Take {x} now", f"x: {kind}").match(f"take {text} now") is None


def test_a_goals_own_words_are_no_pattern() -> None:
    found = playbook("What (if any) is a.b+c* in {x}", "x: str")
    assert found.match("What (if any) is a.b+c* in y?") == {"x": "y"}
    assert found.match("What if any is aXbbc in y") is None


def test_a_slot_that_stands_twice_holds_the_same_both_times() -> None:
    twice = playbook("Compare {x} with {y}, then {x} alone", 'x: "a" | "b", y: str')
    assert twice.match("Compare a with b, then A alone") == {"x": "a", "y": "b"}
    assert twice.match("Compare a with b, then b alone") is None


@pytest.mark.parametrize(
    "goal",
    [
        "x " * 50_000,
        "Find " * 20_000,
        "Find dental leads in " * 5_000,
        "a" * 100_000,
        " " * 100_000,
        "Find {vertical} " * 6_000,
    ],
)
def test_a_hostile_goal_takes_no_time(goal: str) -> None:
    hostile = playbook("Find {a} {b} {c} {a} {b} in {d} {e} and {f}", "a: str, b: str, c: str, d: str, e: str, f: str")
    known = Playbooks([FIND, replace(hostile, name="hostile")])
    begun = time.process_time()
    assert known.match(goal) is None
    assert known.match(goal[:2_000]) is None
    assert len(known.nearest(goal)) == 2
    assert time.process_time() - begun < 1.0


def test_values_are_bound_by_type_and_bad_ones_are_told() -> None:
    assert FIND.bind({"vertical": "Dental", "city": "Austin", "limit": "3"}) == {
        "vertical": "dental",
        "city": "Austin",
        "limit": 3,
    }
    cases: list[tuple[dict[str, Json], str]] = [
        ({"vertical": "dental"}, "p needs city: str. Give it with -p city=…."),
        ({"vertical": "dental", "city": "A", "town": "B"}, "p has no parameter town. It has: city, limit, vertical."),
        ({"vertical": "bakery", "city": "A"}, 'p: vertical is "dental" | "real estate": \'bakery\' is not one of'),
        ({"vertical": "dental", "city": 5}, "p: city is str: 5 is not of type 'string'."),
        ({"vertical": "dental", "city": "A", "limit": "many"}, "p: limit is int: 'many' is not of type 'integer'."),
        ({"vertical": "dental", "city": "A", "limit": "9" * 5_000}, "p: limit is int:"),
    ]
    for given, told in cases:
        with pytest.raises(PlaybookError) as raised:
            FIND.bind(given)
        assert str(raised.value).startswith(told)


@pytest.mark.parametrize("value", ["nan", "inf", "-Infinity", float("nan"), float("inf")])
def test_a_number_that_json_does_not_have_is_no_parameter(value: Json) -> None:
    with pytest.raises(PlaybookError, match="x is float"):
        playbook("Take {x}", "x: float").bind({"x": value})


def test_playbooks_are_found_by_name_with_or_without_their_ending() -> None:
    known = Playbooks([FIND])
    assert known.get("p") is known.get("p.plan") is FIND
    with pytest.raises(PlaybookError) as raised:
        known.get("q" * 100_000)
    assert str(raised.value) == f"There is no playbook {'q' * 80}. There are: p."


def test_the_first_playbook_that_fits_is_taken_and_the_nearest_come_first() -> None:
    one, two, none = (parse_playbook(n, f"---\n{g}---\n{SCRIPT}") for n, g in
                      [("one", "goal: Water the plants\n"), ("two", "goal: Water the roses\n"), ("none", "")])  # fmt: skip
    known = Playbooks([none, one, two])
    assert known.match("water the roses!") == (two, {})
    assert [p.name for p in known.nearest("Water the rose bushes", n=2)] == ["two", "one"]
    assert {p.name for p in known.nearest("xyz")} == {"one", "two"}
    assert Playbooks().nearest("x") == []


TYPICAL: dict[str, Json] = {"string": "Austin", "integer": 5, "number": 1.5, "boolean": True}


def typical(schema: Any) -> Json:
    """A value of that schema."""
    if "enum" in schema:
        return cast(Json, schema["enum"][0])
    if schema["type"] == "array":
        return [typical(schema["items"])] * 3
    if schema["type"] == "object":
        return {name: typical(of) for name, of in schema["properties"].items()}
    return TYPICAL[schema["type"]]


@pytest.mark.parametrize("models", [Terms(), Terms(ModelTerms("big"), ModelTerms("small"))], ids=["no model", "models"])
def test_every_playbook_of_every_pack_is_certified_within_the_default_budget(models: Terms, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/planrail.db")
    packs = tuple(load_packs(PackHost(engine, tmp_path)))
    books = [read_playbook(p) for pack in packs if pack.playbooks is not None for p in sorted(pack.playbooks.glob("*.plan"))]
    handing = Handing(specialists_of(packs), Playbooks(books))
    tools = builtin_tools() | hand_tools(handing.specialists)
    for pack in packs:
        tools |= pack.tools
    taking = {t for book in books for m in handing.specialists.taking if m.about.playbook == book.name for t in book.tools}
    checked = []
    for book in books:
        params = book.bind({p.name: typical(p.schema) for p in book.parameters if p.required})
        script = handing.expanded(book.script).script
        program, statements = compile_script(script, tools.specs, parameters=frozenset(params))
        proved = certify(program, plan_of(statements), Ground(tools.specs, Budget(), models, params))
        others = taking if "hand" in book.tools else set()
        assert {name.partition(".")[0] for name in proved.tools} <= {*book.tools, *others}
        assert book.fallback is None or book.fallback in {b.name for b in books}
        checked.append(book.name)
    engine.dispose()
    assert {"lead_generation", "lead_list", "rescore_list"} <= set(checked)
