"""What the compiler refuses, with the words it says; what it lifts out of expressions; scripts that come in pieces."""

# ruff: noqa: E501  # a case stands on one line

from __future__ import annotations

import time

import pytest

from planner.compiler import Compiler, compile_script
from planner.errors import CompileError
from planner.program import Program, Step
from planner.unparse import unparse
from tests.planner.tools import TOOLS, WITH_AGENT


def diagnosed(script: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        compile_script(script, WITH_AGENT)
    return [str(d) for d in caught.value.diagnostics]


def program(script: str) -> Program:
    return compile_script(script, TOOLS)[0]


def shown(step: Step) -> tuple[object, ...]:
    """A step as the tests compare it: id, arguments, guards, clauses with slots, conditions."""
    arguments = {name: unparse(value) for name, value in step.arguments.items()}
    guards = [unparse(g.test) if g.when else f"not {unparse(g.test)}" for g in step.guards]
    clauses = (
        [(c.target, unparse(c.iterable), [unparse(x) for x in c.conditions]) for c in step.space.clauses] if step.space else []
    )
    return (step.id, arguments, guards, clauses, step.space.slots if step.space else (), [unparse(c) for c in step.conditions])


REFUSED = {
    "a for loop": (
        "for x in [1]:\n    crm.get(id=x)\nanswer(1)",
        "1:1: error: `for x in [1]:`: A script has no loops. Write a map: results = [ns.tool(arg=x) for x in items]. [loop]",
    ),
    "a while loop": (
        "while True:\n    crm.get(id=1)\nanswer(1)",
        "1:1: error: `while True:`: A script has no loops. Write a map over a list, or pages(…) to follow a cursor. [loop]",
    ),
    "an import": (
        "import os\nanswer(1)",
        "1:1: error: `import os`: A script imports nothing. Tools and the library are there; `re` too. [import]",
    ),
    "a star import": (
        "from os import *\nanswer(1)",
        "1:1: error: `from os import *`: A script imports nothing. Tools and the library are there; `re` too. [import]",
    ),
    "a definition": (
        "def f(x):\n    return x\nanswer(1)",
        "1:1: error: `def f(x):`: A script has no definitions. Write the steps one after the other. [definition]",
    ),
    "a class": ("class A:\n    pass\nanswer(1)", "1:1: error: `class A:`: A script has no definitions. Write a dict: {…}. [definition]"),
    "try": (
        "try:\n    crm.get(id=1)\nexcept Exception:\n    pass\nanswer(1)",
        "1:1: error: `try:`: A script has no try. Use attempt(ns.read(…), default=x), or otherwise= in the call. [try]",
    ),
    "with": (
        "with crm.get(id=1) as x:\n    pass\nanswer(1)",
        "1:1: error: `with crm.get(id=1) as x:`: A script has no with. Call the tool as a statement. [with]",
    ),
    "a walrus": (
        "a = [(n := 1)]\nanswer(a)",
        "1:7: error: `n := 1`: A name is bound by a statement of its own. Write name = … on a line before. [walrus]",
    ),
    "await": ("a = await crm.get(id=1)\nanswer(a)", "1:5: error: `await crm.get(id=1)`: Calls run in parallel by themselves. Leave `await` out. [await]"),
    "a decorator": (
        "@x\ndef f():\n    pass\nanswer(1)",
        "1:1: error: `@x`: A script has no definitions. Write the steps one after the other. [definition]",
    ),
    "del": ("a = 1\ndel a\nanswer(1)", "2:1: error: `del a`: Values do not change. Build a new value without it. [del]"),
    "an augmented assignment": (
        "a = 1\na += 1\nanswer(a)",
        "2:1: error: `a += 1`: Names are assigned once. Give the new value a new name. [assigned-twice]",
    ),
    "an assigned key": (
        'a = {}\na["b"] = 1\nanswer(a)',
        '2:1: error: `a["b"]`: Values do not change. Build a new one: {**d, "key": value}. [target]',
    ),
    "an unknown tool": (
        'a = crm.find_lead(city="x")\nanswer(a)',
        '1:5: error: `crm.find_lead(city="x")`: There is no tool crm.find_lead. Nearest: crm.find_leads. [unknown-tool]',
    ),
    "an unknown namespace": (
        "a = sap.post(x=1)\nanswer(a)",
        "1:5: error: `sap.post(x=1)`: There is no tool sap.post. See the list of tools. [unknown-tool]",
    ),
    "an unknown function": (
        "a = sume([1])\nanswer(a)",
        "1:5: error: `sume([1])`: There is no function sume. Nearest: sum, number. [unknown-function]",
    ),
    "an unknown method": (
        'a = "x".spilt(",")\nanswer(a)',
        '1:5: error: `"x".spilt(",")`: There is no method spilt. Nearest: split. [unknown-method]',
    ),
    "a wrong type": (
        'a = ask("q", returns={"n": integer})\nanswer(a)',
        '1:28: error: `integer`: This is no type. A type is one of: str int float bool date datetime, [T], {"k": T}, {str: T}, '
        '"a" | "b", T | None. [type]',
    ),
    "a name that is bound later": (
        "a = b\nb = 1\nanswer(a)",
        "1:5: error: `b`: `b` is not bound yet. Bind it on a line before. [unbound]",
    ),
    "a name that is bound nowhere": (
        "leads = [1]\nanswer(leds)",
        "2:8: error: `leds`: `leds` is not bound yet. Nearest: leads, lines. [unbound]",
    ),
    "a name of the other branch": (
        "if 1 > 2:\n    a = 1\nelse:\n    crm.save(id=a)\nanswer(1)",
        "4:17: error: `a`: `a` is bound only where this line is not reached. [unbound]",
    ),
    "a name assigned twice": (
        "a = 1\na = 2\nanswer(a)",
        "2:1: error: `a = 2`: `a` is assigned already. Give the new value a new name. [assigned-twice]",
    ),
    "a name assigned in a branch and behind it": (
        "if 1 > 2:\n    a = 1\na = 2\nanswer(a)",
        "3:1: error: `a = 2`: `a` is assigned already. Give the new value a new name. [assigned-twice]",
    ),
    "two targets of one name": (
        "a, a = [1, 2]\nanswer(a)",
        "1:1: error: `a, a = [1, 2]`: `a` is assigned already. Give the new value a new name. [assigned-twice]",
    ),
    "a namespace as a name": (
        "mail = 1\nanswer(1)",
        "1:1: error: `mail = 1`: `mail` is a namespace of tools. Use another name. [reserved]",
    ),
    "a namespace as the name of a clause": (
        "a = [crm for crm in [1]]\nanswer(a)",
        "1:10: error: `for crm in [1]`: `crm` is a namespace of tools. Use another name. [reserved]",
    ),
    "a function as the name of a lambda": (
        "a = sorted([1], key=lambda len: len)\nanswer(a)",
        "1:21: error: `lambda len: len`: `len` is a function or a type of the language. Use another name. [reserved]",
    ),
    "a step as a name": ("ask = 1\nanswer(1)", "1:1: error: `ask = 1`: `ask` is a step of the language. Use another name. [reserved]"),
    "`re` as a name": (
        "re = 1\nanswer(1)",
        "1:1: error: `re = 1`: `re` is a function or a type of the language. Use another name. [reserved]",
    ),
    "a call under and": (
        "a = True and crm.get(id=1)\nanswer(a)",
        "1:14: error: `crm.get(id=1)`: A call under and / or has no certain turn. "
        "Give the call a line of its own, under an `if` if need be. [call-place]",
    ),
    "a call in a lambda": (
        "a = sorted([1], key=lambda x: crm.get(id=x).name)\nanswer(a)",
        "1:31: error: `crm.get(id=x)`: A call has no place in a lambda. "
        "Give the call a line of its own, under an `if` if need be. [call-place]",
    ),
    "a call in otherwise": (
        "a = crm.get(id=1, otherwise=crm.get(id=2))\nanswer(a)",
        "1:29: error: `crm.get(id=2)`: A call in otherwise= or default= would run in any case. "
        "Give the call a line of its own, under an `if` if need be. [call-place]",
    ),
    "a statement inside an expression": (
        'a = [approve("x")]\nanswer(a)',
        '1:6: error: `approve("x")`: approve(…) is a statement. Give it a line of its own. [statement-only]',
    ),
    "an answer in a map": (
        "[answer(x) for x in [1]]\nanswer(1)",
        "1:2: error: `answer(x)`: answer(…) has no place in a comprehension. [statement-only]",
    ),
    "an expect in a map": (
        "[expect(x) for x in [1]]\nanswer(1)",
        "1:2: error: `expect(x)`: expect(…) has no place in a comprehension. [statement-only]",
    ),
    "a positional argument": (
        "a = crm.get(1)\nanswer(a)",
        "1:13: error: `1`: The arguments of a tool are written by name. crm.get takes id=…. [argument]",
    ),
    "a wait in a comprehension": (
        '[wait("1m") for x in [1]]\nanswer(1)',
        '1:2: error: `wait("1m")`: wait(…) has no place in a comprehension. Give it a line of its own. [statement-only]',
    ),
    "a poll in a comprehension": (
        "a = [poll(crm.get(id=i), until=lambda r: r.id) for i in [1]]\nanswer(a)",
        "1:6: error: `poll(crm.get(id=i), until=lambda r: r.id)`: poll(…) has no place in a comprehension. "
        "Give it a line of its own. [statement-only]",
    ),
    "a first in a comprehension": (
        "a = [first([crm.get(id=i) for i in j], until=lambda r: r.id) for j in [[1]]]\nanswer(a)",
        "1:6: error: `first([crm.get(id=i) for i in j], until=lambda r: r.id)`: first(…) has no place in a comprehension. "
        "Give it a line of its own. [statement-only]",
    ),
    "a wait for no length of time": (
        'wait("soon")\nanswer(1)',
        '1:6: error: `"soon"`: This is no length of time. Write it like "30s", "10m" or "1h". [option]',
    ),
    "a wait for nothing": (
        "wait()\nanswer(1)",
        '1:1: error: `wait()`: It is written `wait("10m")`, or wait(until=x) with a moment. [argument]',
    ),
    "a poll of an effect": (
        'a = poll(crm.save(id=1, note="x"), until=a)\nanswer(1)',
        '1:10: error: `crm.save(id=1, note="x")`: poll takes a read, and crm.save has an effect. '
        "Call it as a statement of its own. [argument]",
    ),
    "a poll whose until names nothing": (
        "answer(poll(crm.get(id=1), until=1))",
        "1:34: error: `1`: Nothing here names the result that `until` looks at. Write until=lambda r: r.field. [until]",
    ),
    "a poll with two names and an until of one": (
        "a, b = poll(crm.get(id=1), until=a)\nanswer(1)",
        "1:34: error: `a`: Nothing here names the result that `until` looks at. Write until=lambda r: r.field. [until]",
    ),
    "a call in an until": (
        "a = poll(crm.get(id=1), until=crm.get(id=2))\nanswer(a)",
        "1:31: error: `crm.get(id=2)`: A call has no place in until=. Give the call a line of its own, under an `if` if need be. "
        "[call-place]",
    ),
    "a poll that calls too often": (
        'a = poll(crm.get(id=1), until=a.id, every="1s", timeout="2d")\nanswer(a)',
        '1:43: error: `"1s"`: This may be 172,801 calls; a poll makes at most 1,000. Write every="173s" or more. [option]',
    ),
    "a poll in too great a hurry": (
        'a = poll(crm.get(id=1), until=a.id, every="10ms")\nanswer(a)',
        '1:43: error: `"10ms"`: A poll waits at least 1 s between two calls. [option]',
    ),
    "a first over no comprehension": (
        "a = first([1, 2], until=a)\nanswer(a)",
        '1:11: error: `[1, 2]`: It is written `ok = first([ns.tool(to=x) for x in xs], until=ok.taken, each_within="5m")`. '
        "Its first argument is a list comprehension with one call. [argument]",
    ),
    "a first over two lists": (
        "a = first([crm.get(id=i + j) for i in [1] for j in [2]], until=a)\nanswer(a)",
        "1:43: error: `for j in [2]`: `first` goes over one list. Make the list on a line before. [argument]",
    ),
    "a first with two calls an element": (
        "a = first([crm.get(id=crm.get(id=i).id) for i in [1]], until=a)\nanswer(a)",
        "1:23: error: `crm.get(id=i)`: `first` makes one call for each element: a second one has no place in it. "
        "Give the call a line of its own, under an `if` if need be. [call-place]",
    ),
    "a first that asks persons": (
        'a = first([ask_user("q") for i in [1]], until=a)\nanswer(a)',
        '1:12: error: `ask_user("q")`: `first` does not ask persons in this version: it takes calls of tools. '
        "Page them with a tool, or ask_user(…) as statements of their own. [later]",
    ),
    "an otherwise within a first": (
        "a = first([crm.get(id=i, otherwise=None) for i in [1]], until=a)\nanswer(a)",
        "1:36: error: `None`: A call in `first` has no otherwise= of its own: one that fails passes on to the next. "
        "Write otherwise= behind until=. [argument]",
    ),
    "an agent that nobody knows": (
        'delegate("flight", "look")\nanswer(1)',
        '1:10: error: `"flight"`: There is no agent flight. Nearest: flights. [unknown-agent]',
    ),
    "an agent that is not written out": (
        'a = "flights"\ndelegate(a, "look")\nanswer(1)',
        '2:10: error: `a`: The agent is written out, as a text. Write it like delegate("flights", …). [argument]',
    ),
    "an agent without a goal": (
        'delegate("flights")\nanswer(1)',
        '1:1: error: `delegate("flights")`: `goal` is missing: it is written `delegate("agent", "goal", name=value…, '
        'returns=T, [otherwise=expr, timeout="5m", limit=n])`. [argument]',
    ),
    "a loop without tools": (
        'do("look", tools=[])\nanswer(1)',
        '1:18: error: `[]`: It is written `do("instruction", tools=[ns.tool, …], max_calls=n, returns=T, name=value…)`. '
        "Name the tools: tools=[ns.read, ns.find]. [argument]",
    ),
    "a loop over what is no tool": (
        'do("look", tools=["crm.get"])\nanswer(1)',
        '1:19: error: `"crm.get"`: This is no tool. Name the tools: tools=[ns.read, ns.find]. [argument]',
    ),
    "a missing answer": ("a = 1", "1:1: error: `a = 1`: A path through the script has no answer. End it with answer(x). [no-answer]"),
    "a missing answer in a branch": (
        "if 1 > 2:\n    answer(1)",
        "1:1: error: `if 1 > 2:`: A path through the script has no answer. End it with answer(x). [no-answer]",
    ),
    "an empty script": ("", "1:1: error: The script is empty. End it with answer(x). [empty]"),
    "a script of comments": ("# nothing\n", "1:1: error: The script is empty. End it with answer(x). [empty]"),
    "a value that goes nowhere": (
        "1 + 1\nanswer(1)",
        "1:1: error: `1 + 1`: This value goes nowhere. Give it a name, or answer(…) with it. [no-effect]",
    ),
    "a bracket that stays open": ("a = [1,\nanswer(1)", "1:5: error: `a = [1,`: '[' was never closed. [syntax]"),
    "a null byte": ('answer("a\0b")', "1:10: error: The character U+0000 cannot be seen. In a string write it as \\x00. [character]"),
    "half a character": (
        'a = 1\nanswer("\ud83d")',
        "2:9: error: U+D83D is half a character: the text is no Unicode. Send it as UTF-8. [character]",
    ),
    "half an escaped character": (
        'answer("\\ud83d")',
        '1:8: error: `"\\ud83d"`: A string holds whole characters: write \\U0001f600, not two halves. [string]',
    ),
    "text that reads backwards": (
        'answer("\u202e")',
        "1:9: error: The character U+202E cannot be seen. In a string write it as \\u202e. [character]",
    ),
    "a name that only looks Latin": (
        "аnswer(1)",
        "1:1: error: `аnswer`: This is no name of the language. Names are at most 100 letters a-z, digits and underscores. [name]",
    ),
    "a secret in an expression": (
        'a = "x" + secret("k")\nanswer(a)',
        '1:11: error: `secret("k")`: secret(…) stands only as an argument of a tool, by itself. [secret]',
    ),
    "a secret in a splat": (
        'crm.save(id=1, **{"note": secret("k")})\nanswer(1)',
        '1:27: error: `secret("k")`: secret(…) stands only as an argument of a tool, by itself. [secret]',
    ),
    "two splats": (
        'crm.save(**{"id": 1}, **{"note": "a"})\nanswer(1)',
        '1:25: error: `{"note": "a"}`: One ** is enough. Join the dicts: **{**a, **b}. [splat]',
    ),
    "a type's bar between values": (
        "a = [1] | [2]\nanswer(a)",
        "1:5: error: `[1] | [2]`: `|` stands between types only. Use `or`, or x + y for lists. [operator]",
    ),
    "a lambda for a tool": (
        "crm.save(id=lambda x: x)\nanswer(1)",
        "1:13: error: `lambda x: x`: A lambda stands only as key= of min, max and sorted, and as until=. Write a comprehension. [lambda]",
    ),
    "a key that is no lambda": (
        'a = sorted([1], key="a")\nanswer(a)',
        '1:21: error: `"a"`: key= takes a lambda. Write key=lambda x: x.field. [lambda]',
    ),
    "a line indented as no block is": (
        "a = 1\n    crm.save(id=a)\nanswer(a)",
        "2:5: error: `crm.save(id=a)`: This line is indented as no block is. Statements of a block begin in one column. [indentation]",
    ),
    "a line dedented to no block": (
        "if 1 > 2:\n        crm.save(id=1)\n    crm.save(id=2)\nanswer(1)",
        "3:5: error: `crm.save(id=2)`: This line is indented as no block is. Statements of a block begin in one column. [indentation]",
    ),
    "an if without a block": (
        "if 1 > 2:\ncrm.save(id=1)\nanswer(1)",
        "1:1: error: `if 1 > 2:`: Its block is missing. Indent the lines that belong to it, or write pass. [indentation]",
    ),
    "a keyword as a key": (
        "a = crm.get(id=1)\nb = a.from\nanswer(b)",
        '2:6: error: `.from`: `from` is a word of Python\'s grammar. Write x["from"]. [syntax]',
    ),
    "a keyword as an argument": (
        'mail.send(to="a", from="b")\nanswer(1)',
        '1:17: error: `, from=`: `from` is a word of Python\'s grammar. Write **{"from": …}. [syntax]',
    ),
    "an effect under attempt": (
        "a = attempt(crm.save(id=1), default=None)\nanswer(a)",
        "1:13: error: `crm.save(id=1)`: attempt takes a read, and crm.save has an effect. Call it as a statement of its own. [argument]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_it_says_where_and_what_to_write_instead_of(what: str) -> None:
    script, expected = REFUSED[what]
    assert diagnosed(script) == [expected]


def test_all_that_is_wrong_is_told_at_once_and_uses_of_unread_names_are_not() -> None:
    assert [d.split(" ")[0] for d in diagnosed("a = await crm.get(id=1)\nb = a.id\nimport os\nanswer(c)")] == [
        "1:5:",
        "3:1:",
        "4:8:",
    ]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("a = 1\n" * 10_000, "The script has 10,001 lines and 60,000 characters."),
        ("a = " + "1" * 1_000_000, "The script has 1 lines and 1,000,004 characters."),
        ("a = " + "(" * 50_000, "Too many nested parentheses."),
        ("answer(" + "[" * 60 + "]" * 60 + ")", "Nested more than 40 deep."),
        ("answer(" + "-" * 5_000 + "x)", "Nested more than 40 deep."),
        ("answer(1" + "+1" * 5_000 + ")", "Nested more than 40 deep."),
        ("if x:\n    pass\n" + "elif x:\n    pass\n" * 900 + "answer(1)", "Nested more than 40 deep."),
        ("".join(" " * i + "if 1:\n" for i in range(60)) + " " * 60 + "answer(1)", "Nested more than 40 deep."),
        ("answer(" + "f'{" * 60 + "1" + "}'" * 60 + ")", "Nested more than 40 deep."),
        ("answer(0x" + "f" * 990 + ")", "This is no number of the language."),
        (f"{'a' * 101} = 1\nanswer(1)", "This is no name of the language."),
        ("a = [" + "crm.get(id=1)," * 1_001 + "]\nanswer(a)", "The script has more than 1,000 steps."),
    ],
)
def test_a_script_that_is_too_much_is_refused_soon(script: str, message: str) -> None:
    begun = time.process_time()
    assert message.rstrip(".") in "\n".join(diagnosed(script))
    assert time.process_time() - begun < 2


def test_parameters_cannot_take_the_names_of_the_language() -> None:
    with pytest.raises(CompileError) as caught:
        compile_script("answer(1)", TOOLS, parameters=frozenset(("crm", "len", "city", "$x")))
    assert [d.text for d in caught.value.diagnostics] == ["$x", "crm", "len"]


# -- lifting


def test_a_call_in_an_expression_is_a_step_of_its_own() -> None:
    assert [shown(s) for s in program('a = crm.get(id=1).name + f"{crm.get(id=crm.get(id=2).id)}"\nanswer(a)').steps] == [
        ("a.1", {"id": "1"}, [], [], (), []),
        ("a.2", {"id": "2"}, [], [], (), []),
        ("a.3", {"id": "$a.2.id"}, [], [], (), []),
        ("a", {"value": '$a.1.name + f"{$a.3}"'}, [], [], (), []),
        ("answer", {"value": "a"}, [], [], (), []),
    ]


def test_a_comprehension_of_a_call_is_a_map_and_its_filter_stands_before_the_call() -> None:
    assert next(shown(s) for s in program("a = [crm.get(id=x) for x in [1, 2] if x > 1]\nanswer(a)").steps) == (
        "a", {"id": "x"}, [], [("x", "[1, 2]", [])], (), ["x > 1"],
    )  # fmt: skip


def test_calls_in_one_body_are_a_chain_an_item() -> None:
    assert [shown(s) for s in program("a = [crm.get(id=crm.get(id=x).id) for x in [1] if crm.get(id=x)]\nanswer(a)").steps][
        :3
    ] == [
        ("a.1", {"id": "x"}, [], [("x", "[1]", [])], (), []),
        ("a.2", {"id": "x"}, [], [("x", "[1]", [])], (("$a.1", 1),), ["$a.1"]),
        ("a", {"id": "$a.2.id"}, [], [("x", "[1]", [])], (("$a.1", 1), ("$a.2", 1)), ["$a.1"]),
    ]


def test_a_call_in_the_second_for_is_made_for_each_item_of_the_first() -> None:
    steps = program('a = sum(y.id for x in [1] if x for y in crm.find_leads(city="a").items if y.id)\nanswer(a)').steps
    assert [shown(s) for s in steps][:2] == [
        ("a.1", {"city": '"a"'}, [], [("x", "[1]", [])], (), ["x"]),
        ("a", {"value": "sum(y.id for x in [1] if x for y in $a.1.items if y.id)"}, [], [], (), []),
    ]


def test_a_conditional_call_in_a_map_has_its_test_as_a_condition() -> None:
    assert next(shown(s) for s in program("a = [x if x > 1 else crm.get(id=x) for x in [1]]\nanswer(a)").steps) == (
        "a.1", {"id": "x"}, [], [("x", "[1]", [])], (), ["not x > 1"],
    )  # fmt: skip


def test_a_conditional_call_outside_a_map_has_its_test_as_a_guard() -> None:
    assert [shown(s) for s in program("b = 1\na = crm.get(id=1) if b else None\nanswer(a)").steps][1] == (
        "a.1", {"id": "1"}, ["b"], [], (), [],
    )  # fmt: skip


def test_statements_of_branches_carry_all_the_tests_on_their_way() -> None:
    steps = program(
        "if crm.get(id=1):\n    crm.save(id=1)\nelif 2 > 1:\n    crm.save(id=2)\nelse:\n    crm.save(id=3)\nanswer(1)"
    ).steps
    assert [(s.id, shown(s)[2]) for s in steps] == [
        ("if1.1", []),
        ("save", ["$if1.1"]),
        ("save#2", ["not $if1.1", "2 > 1"]),
        ("save#3", ["not $if1.1", "not 2 > 1"]),
        ("answer", []),
    ]


def test_the_call_in_the_first_in_is_made_once() -> None:
    first, second, *_ = program('a = [x.id for x in crm.find_leads(city="a").items]\nanswer(a)').steps
    assert (first.id, first.space, second.kind) == ("a.1", None, "let")


def test_a_splat_is_lifted_last_wherever_it_stands() -> None:
    one, other = (
        program(f"crm.save({a})\nanswer(1)")
        for a in ("**crm.get(id=1), id=crm.get(id=2).id", "id=crm.get(id=2).id, **crm.get(id=1)")
    )
    assert [shown(s) for s in one.steps] == [shown(s) for s in other.steps]


def test_a_name_bound_in_some_branches_only_is_warned_of() -> None:
    (warning,) = program("if 1 > 2:\n    a = 1\nanswer(a)").warnings
    assert str(warning) == "3:8: warning: `a`: `a` is bound in some branches only: elsewhere it is null. [partly-bound]"


def test_a_name_bound_in_both_branches_may_be_read_behind_them() -> None:
    assert program("if 1 > 2:\n    a = 1\nelse:\n    a = 2\nanswer(a)").warnings == ()


# -- in pieces

WHOLE = '''\ufeffleads = crm.find_leads(city="Aus\\
tin", limit=3)
names = [
    l.name  # é of a lead

    for l in leads.items
]
total = 1 + \\
    2
if len(names) > 1:
    note = """two
crm.save(id=1)
lines"""

    # still in the block
    crm.save(id=leads.items[0].id, note=note)
elif names:
    crm.save(id=1)
else:
    pass
x = 1; y = 2
answer(f"{len(names)} é {total}")'''


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_character_by_character_gives_the_same_steps_and_places_as_at_once(newline: str) -> None:
    text = WHOLE.replace("\n", newline)
    compiler = Compiler(TOOLS)
    came = [step for character in text for step in compiler.feed(character)]
    made = compiler.finish()
    at_once = compile_script(WHOLE, TOOLS)[0]
    assert made.steps == at_once.steps
    assert [s.at for s in made.steps] == [s.at for s in at_once.steps]
    assert came == list(made.steps[: len(came)])


def test_a_step_comes_as_soon_as_its_line_is_complete() -> None:
    compiler = Compiler(TOOLS)
    came = [[s.id for s in compiler.feed(line + "\n")] for line in WHOLE.split("\n")]
    assert came == [
        [],
        ["leads"],
        [],
        [],
        [],
        [],
        ["names"],
        [],
        ["total"],
        *[[]] * 11,
        ["note", "save", "save#2", "x", "y"],
        ["answer"],
    ]


def test_no_step_comes_after_an_error() -> None:
    compiler = Compiler(TOOLS)
    assert compiler.feed("a = crm.nothing(id=1)\nb = crm.get(id=1)\n") == []


def test_a_statement_of_many_lines_is_read_without_trying_every_line() -> None:
    begun = time.process_time()
    assert diagnosed("x = (\n" + "y = 3\n" * 1_900)
    assert time.process_time() - begun < 2


# -- ids that are given


def test_the_first_statements_take_the_ids_that_are_given_and_the_others_none_that_is_taken() -> None:
    """What a revision of a plan keeps is called as it was, whatever stands before it; an `if` counts before what is in it."""
    script = "if len(crm.find_leads(city='a').items) > 0:\n    a = crm.get(id=1)\nb = crm.get(id=2)\nanswer(b)\n"
    program, _ = compile_script(script, TOOLS, ids=("if9", "a#3"), taken=("b", "answer", "b#2"))
    assert program.ids == ("if9", "a#3", "b#3", "answer#2")
    assert [s.id for s in program.steps] == ["if9.1", "a#3", "b#3", "answer#2"]
    assert program["a#3"].reads() == {"$if9.1"}
    assert compile_script(script, TOOLS, ids=program.ids)[0] == program
