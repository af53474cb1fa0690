"""The plan language as one table: what the compiler accepts is what the prompt teaches and the docs print.

The library's functions and methods stand in `planner.library`; here are the grammar, the steps and the types.
"""

from __future__ import annotations

from dataclasses import dataclass

GRAMMAR = """\
script     = { statement }
statement  = name {"," name} "=" expression | call | "if" expression ":" block [ "elif" … | "else:" block ]
call       = step "(" … ")"
step       = tool (namespace "." name) | ask | choose | do | delegate | ask_user | approve | expect | attempt | pages | wait
             | poll | first | answer
expression = literals, names, x.key, x["key"], slices, + - * / // %, comparison, in / not in, and / or / not,
             a if c else b, list / dict / set / generator comprehensions (also two fors, tuple targets), f-strings,
             **dict in a tool's call, lambda x: expr only as key= of min, max, sorted, or as until=
no         = loops, def, class, import, walrus, try, with, del, global, await, decorators"""

DIALECT = """\
Statements: name = expression (or a, b = …), a step's call, if / elif / else. Expressions: x.key, x["key"], slices, arithmetic,
comparison, in, and / or / not, a if c else b, comprehensions, f-strings, **dict in a tool's call,
lambda as key= or until= alone. No loops, def, class, import, walrus, try, with, del, await."""  # for who knows Python: models

TYPES = 'str int float bool date datetime, [T], {"k": T}, {str: T}, "a" | "b", T | None'

RESERVED = frozenset(("re", "str", "int", "float", "bool", "date", "datetime", "True", "False", "None", "secret"))


@dataclass(frozen=True)
class StepForm:
    """How a step is written. `positional` names its plain arguments in order; `options` are settled when it is compiled."""

    word: str
    signature: str
    summary: str
    positional: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()  # further arguments that are expressions
    options: frozenset[str] = frozenset()
    takes_inputs: bool = False  # any other named argument is an input of the step
    in_expressions: bool = True  # may stand inside an expression or a comprehension
    in_maps: bool = True  # may stand inside a comprehension
    taught: bool = True  # to every planner; else only to those who have something to use it with


_CALL_OPTIONS = frozenset(("otherwise", "limit", "timeout", "retry", "again"))
_PERSON_OPTIONS = frozenset(("otherwise", "timeout", "remind"))
_MODEL_OPTIONS = frozenset(("otherwise", "limit", "returns", "model", "sure", "timeout"))

TOOL = StepForm(
    "tool", 'ns.tool(arg=…, [otherwise=expr, limit=n, timeout="30s", retry=n, again=True])', "one tool call",
    options=_CALL_OPTIONS, takes_inputs=True,
)  # fmt: skip

STEPS = {
    form.word: form
    for form in (
        StepForm(
            "ask", 'ask("instruction", name=value…, returns=T, [otherwise=expr, model="planner", sure=0.8])',
            "a model without tools that sees only these inputs; model=\"planner\" for hard synthesis; "
            "sure=: fails where it is less sure",
            ("instruction",), frozenset(("instruction",)), options=_MODEL_OPTIONS, takes_inputs=True,
        ),
        StepForm(
            "choose", 'choose("question", items, [returns=None if nothing may fit])',
            "a model picks one of items by its index",
            ("question", "items"), frozenset(("question", "items")), options=_MODEL_OPTIONS, takes_inputs=True,
        ),
        StepForm(
            "do", 'do("instruction", tools=[ns.tool, …], max_calls=n, returns=T, name=value…)',
            "a cheap model that calls these tools in a loop: only for what needs looking around",
            ("instruction",), frozenset(("instruction", "tools")),
            options=_MODEL_OPTIONS - {"timeout"} | {"tools", "max_calls", "parallel"}, takes_inputs=True,
        ),
        StepForm(
            "ask_user", 'ask_user("question", returns=T, [timeout="2h", remind="30m"])',
            "a person answers; a refusal ends the run unless otherwise=",
            ("question",), frozenset(("question",)), options=_PERSON_OPTIONS | {"returns", "limit"},
        ),
        StepForm(
            "approve", 'approve("what", [timeout="2h", remind="30m"])',
            "a person allows every later effect; a refusal ends the run unless otherwise=",
            ("what",), frozenset(("what",)), options=_PERSON_OPTIONS, in_expressions=False,
        ),
        StepForm(
            "expect", 'expect(cond, "why")', "false stops every later effect, model and person",
            ("condition", "why"), frozenset(("condition",)), in_expressions=False,
        ),
        StepForm(
            "attempt", "attempt(ns.read(…), default=x)", "a read whose not-found becomes the default",
            ("call",), frozenset(("call", "default")), named=frozenset(("default",)), options=frozenset(("limit",)),
        ),
        StepForm(
            "pages", 'pages(ns.read(…), cursor="next", items="items", limit=n)',
            "all items of a read, following its cursor: its field and the argument so named",
            ("call",), frozenset(("call",)), options=frozenset(("cursor", "items", "limit", "otherwise")),
        ),
        StepForm(
            "wait", 'wait("10m")', "holds back everything after it for so long, once all before it is done",
            ("duration",), named=frozenset(("until",)), in_expressions=False, in_maps=False,
        ),
        StepForm(
            "poll", 'job = poll(ns.read(…), until=job.done, every="30s", timeout="1h")',
            "reads until it is so, and holds back what wait would; no time left: fails, or otherwise=",
            ("call",), frozenset(("call", "until")), named=frozenset(("until",)),
            options=frozenset(("every", "timeout", "otherwise")), in_maps=False,
        ),
        StepForm(
            "first", 'ok = first([ns.tool(to=x) for x in xs], until=ok.taken, each_within="5m")',
            "one after the other, until a result satisfies; none does: fails, or otherwise=",
            ("calls",), frozenset(("calls", "until")), named=frozenset(("until",)),
            options=frozenset(("each_within", "otherwise")), in_maps=False,
        ),
        StepForm(
            "answer", "answer(x)", "the run's result; one on every path, after all effects",
            ("value",), frozenset(("value",)), in_expressions=False,
        ),
        StepForm(
            "delegate", 'delegate("agent", "goal", name=value…, returns=T, [otherwise=expr, timeout="5m", limit=n])',
            "another agent reaches the goal; it sees only the goal and these inputs, and may take minutes",
            ("agent", "goal"), frozenset(("agent", "goal")), options=frozenset(("otherwise", "returns", "timeout", "limit")),
            takes_inputs=True, taught=False,
        ),
    )
}  # fmt: skip

RULES = """\
Every name is assigned once, and known from the next line on.
Steps run in parallel as soon as their inputs are there; effects keep the order of the script.
[ns.tool(id=x.id) for x in xs] is a map: one call an item, in parallel. Give maps a bound: a slice xs[:20] or limit=20.
A missing key, an index out of range and max([]) stop the run. x.get("key") gives None.
Calls do not stand under and / or: use if. Arguments of tools are written by name."""
