"""Script → Plan → script: the same program in both forms, whatever it holds."""

# ruff: noqa: E501  # a case stands on one line

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from planner.compiler import compile_script
from planner.errors import CompileError
from planner.parse import parse_expression, parse_script
from planner.plan import CallStatement, For, If, Let, Plan
from planner.script import compile_plan, plan_of, script_of
from planner.syntax import Expr, Statement
from planner.unparse import unparse
from tests.planner.syntax_strategies import expressions, statements
from tests.planner.tools import TOOLS

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")  # of hypothesis, for its own reports
ROOMY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def _fits(node: Expr) -> bool:
    """Whether the parser takes it: it refuses what is nested deeper than a person reads."""
    try:
        parse_expression(unparse(node))
    except CompileError as error:
        if error.diagnostics[0].code in ("too-deep", "call"):
            return False
        raise
    return True


@ROOMY
@given(expressions())
def test_an_expression_that_is_printed_reads_as_itself(node: Expr) -> None:
    if _fits(node):
        assert parse_expression(unparse(node)) == node
        assert "\n" not in unparse(node)


@ROOMY
@given(expressions())
def test_printing_what_was_read_is_stable(node: Expr) -> None:
    if _fits(node):
        once = unparse(parse_expression(unparse(node)))
        assert unparse(parse_expression(once)) == once


@ROOMY
@given(st.lists(statements(), min_size=1, max_size=3).map(tuple))
def test_a_program_survives_the_way_to_text_and_json_and_back(program: tuple[Statement, ...]) -> None:
    try:
        plan = plan_of(program)
        text = script_of(plan)
    except CompileError as error:
        assert error.diagnostics[0].code in ("too-deep", "call", "lambda")  # noqa: PT017
        return
    assert plan_of(parse_script(text)) == plan
    assert script_of(plan_of(parse_script(text))) == text
    stored = Plan.model_validate_json(plan.model_dump_json())
    assert stored == plan
    assert script_of(stored) == text


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("a = 'it''s'", 'a = "its"'),
        ("a = 'say \"x\"'", 'a = "say \\"x\\""'),
        ('a = r"\\d"', 'a = "\\\\d"'),
        ('a = "\\N{BULLET}\\x41\\u00e9\\U0001f600\\101\\q"', 'a = "•Aé😀A\\\\q"'),
        ('a = """two\nlines"""', 'a = "two\\nlines"'),
        ('a = f"{d["k"]}"', "a = f\"{d['k']}\""),
        ("a = f\"{'\\n'.join(xs)}\"", "a = f\"{'\\n'.join(xs)}\""),
        ('a = f"{f"{f"{1}"}"}"', 'a = f"{f\'{f"{1}"}\'}"'),
        ('a = f"{{x}} {y!r:>{w}}"', 'a = f"{{x}} {y!r:>{w}}"'),
        ('a = f"{x == y=}"', 'a = f"x == y={x == y!r}"'),
        ("a = f'{x:\"}'", 'a = f"{x:\\"}"'),
        ('a = f"a" "b" f"{c}"', 'a = f"ab{c}"'),
        ("a = (  # why\n  1,  # one\n  2)", "a = [1, 2]"),
        ("a = b \\\n  + c", "a = b + c"),
        ("a = [b, \\\n  c]", "a = [b, c]"),
        ("a = 1;  b = 2", "a = 1\nb = 2"),
        ("a = x is not None", "a = x != None"),
        ("a = crm.f(x=1,)", "a = crm.f(x=1)"),
        ("a = poll(crm.f(), until=lambda r: r.x)", "a = poll(crm.f(), until=a.x)"),
        ("a = poll(crm.f(), until=a.x)", "a = poll(crm.f(), until=a.x)"),
        ("a = poll(crm.f(), until=lambda r: [a for a in r])", "a = poll(crm.f(), until=lambda r: [a for a in r])"),
        ("a = poll(crm.f(), until=lambda r: [r for r in r])", "a = poll(crm.f(), until=lambda r: [r for r in r])"),
        ("a = poll(crm.f(), until=lambda a: [a for a in a])", "a = poll(crm.f(), until=[a for a in a])"),
        ("a, b = poll(crm.f(), until=lambda r: r.x)", "a, b = poll(crm.f(), until=lambda r: r.x)"),
        ("a = poll(crm.f(), until=lambda r: r.x).y", "a = poll(crm.f(), until=lambda r: r.x).y"),
        ("poll(crm.f(), until=lambda r: r.x)", "poll(crm.f(), until=lambda r: r.x)"),
        (
            "a = first([crm.f(x=x) for x in xs if x], until=lambda r: r, each_within='5m')",
            'a = first([crm.f(x=x) for x in xs if x], until=a, each_within="5m")',
        ),
        ("wait('10m')", 'wait("10m")'),
        ("crm.f(**d, x=1)", "crm.f(x=1, **d)"),
        ("a = -x[-1] - -1", "a = -x[-1] - -1"),
        ("a = not (x and y)", "a = not (x and y)"),
        ("a = (x for x in (y if z else w))", "a = (x for x in (y if z else w))"),
        ("if a:\r\n\tb = 1\r\nelse:\r\n\tpass\r\n", "if a:\n    b = 1"),
        ("a = 0xff + 1_000 + 0o17 + 1e3", "a = 255 + 1000 + 15 + 1000.0"),
        ('x = "größe".größe', 'x = "größe".größe'),
    ],
)
def test_today_s_ways_of_writing_are_read_and_printed_in_one(written: str, printed: str) -> None:
    plan = compile_plan(written)
    assert script_of(plan) == printed + "\n"
    assert compile_plan(printed) == plan


def test_a_plan_as_json_is_the_script_that_it_says() -> None:
    plan = Plan(
        statements=(
            CallStatement(to=("leads",), call="crm.find_leads", named={"city": '"Austin"', "limit": "3"}),
            If(
                test="len(leads.items) > 1",
                then=(CallStatement(call="crm.save", named={"id": "l.id"}, each=(For(target="l", iterable="leads.items", conditions=("l.rating > 4",)),)),),
                orelse=(If(test="leads", then=(Let(to=("a", "b"), value="1, 2"),)),),
            ),
            CallStatement(call="answer", args=("leads",)),
        )
    )  # fmt: skip
    text = script_of(plan)
    assert text == (
        'leads = crm.find_leads(city="Austin", limit=3)\n'
        "if len(leads.items) > 1:\n"
        "    [crm.save(id=l.id) for l in leads.items if l.rating > 4]\n"
        "elif leads:\n"
        "    a, b = [1, 2]\n"
        "answer(leads)\n"
    )
    assert [s.id for s in compile_script(text, TOOLS)[0].steps] == ["leads", "save", "a", "answer"]


@pytest.mark.parametrize(
    "source",
    [
        "1\n)\nmail.send(to=1)\n(", "1); mail.send(to=1); (2", "1 # ", "1\nmail.send(to=1)", "x = 1", "", " ", "# only a comment",
        "1)(2", "1 if", "import os", "*a", "**a", "x := 1", "1,\n", "\\", "'", '"""', "{", "1;2", "a\0", "\ud800",
    ],
)  # fmt: skip
def test_a_source_that_is_more_than_an_expression_adds_no_statement(source: str) -> None:
    """What a client sends as an argument is one expression in the script, or the plan is refused."""
    try:
        text = script_of(Plan(statements=(CallStatement(call="crm.save", named={"id": source}),)))
    except (CompileError, ValidationError):
        return
    (statement,) = parse_script(text)
    assert unparse(statement.value).startswith("crm.save(id=")  # type: ignore[union-attr]  # it is a Bind, or the test fails


@pytest.mark.parametrize("target", ["x in [1] for y", "x] + [0 for z", "x.y", "x[0]", "*x", "(x", "x, 1", "", "for"])
def test_a_target_that_is_more_than_names_is_refused(target: str) -> None:
    with pytest.raises((CompileError, ValidationError)):
        script_of(Plan(statements=(CallStatement(call="crm.get", each=(For(target=target, iterable="[1]"),)),)))


@pytest.mark.parametrize("to", ["if", "None", "__x", "crm", "len", "ask", "answer", "x"])
def test_a_reserved_target_of_a_plan_is_refused_by_the_compiler(to: str) -> None:
    plan = Plan(statements=(Let(to=(to,), value="1"), Let(to=("x",), value="1"), CallStatement(call="answer", args=("1",))))
    with pytest.raises(CompileError):
        compile_script(script_of(plan), TOOLS)


@pytest.mark.parametrize("to", ["x y", "x\n", "$x", "é", "1x", "x;y", "x=1;y"])
def test_a_target_that_is_no_name_is_no_plan(to: str) -> None:
    with pytest.raises(ValidationError):
        Let(to=(to,), value="1")


@pytest.mark.parametrize(
    "call", ["crm.get(id=1) or mail.send", "crm.get(id=1); mail.send", "x\nmail.send", "(lambda: 1)", "", "1"]
)
def test_a_call_that_is_more_than_a_name_is_refused(call: str) -> None:
    plan = Plan(statements=(CallStatement(call=call, named={"to": "1"}), CallStatement(call="answer", args=("1",))))
    with pytest.raises(CompileError):
        compile_script(script_of(plan), TOOLS)


def test_a_plan_nested_too_deep_is_refused() -> None:
    document: dict[str, object] = {"kind": "let", "to": ["x"], "value": "1"}
    for _ in range(60):
        document = {"kind": "if", "test": "1", "then": [document]}
    with pytest.raises((CompileError, ValidationError)):
        compile_script(script_of(Plan.model_validate({"statements": [document]})), TOOLS)


def test_an_expression_that_is_too_long_for_a_plan_is_a_diagnostic() -> None:
    with pytest.raises(CompileError) as caught:
        compile_plan("a = 1\nb = [" + "1," * 10_000 + "]")
    assert str(caught.value.diagnostics[0]).startswith("2:1: error: `b = [1,1,")
    assert "more than 20,000 characters. Give a part of it a name. [too-long]" in str(caught.value)
