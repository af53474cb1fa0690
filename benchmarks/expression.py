"""Expressions evaluated a second, beside Python's own eval: `python -m benchmarks.expression`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, compared
from planner.clock import Clock
from planner.expression import Scope, evaluate
from planner.labels import Label, Labels, Origin, Tagged
from planner.parse import parse_expression

EXPRESSIONS = {
    "a look-up": ("lead.email", 100_000),
    "a look-up two deep": ("lead.address.city", 100_000),
    "an element": ("leads[3].email", None),
    "a comparison": ("lead.score >= 70", None),
    "a text": ('f"{lead.name} in {lead.address.city}"', None),
    "a filter of 100": ("[l for l in leads if l.score >= 70]", None),
}
_LABELS = Labels.of(Label(frozenset((Origin("tool crm.find_leads", trusted=False),))))
CLOCK = Clock(datetime(2026, 5, 4, tzinfo=UTC))


async def measured(options: Options) -> Table:
    count = options.size(100_000, 5_000)
    works: dict[str, Measure] = {}
    for what, (text, _) in EXPRESSIONS.items():
        times = count // 50 if "100" in what else count
        works[what] = partial(ours, text, times)
        works[f"python {what}"] = partial(pythons, text, times)
    for work in works.values():
        await work()  # warm
    taken = await interleaved(works, options)
    rows: list[Row] = []
    for what, (text, least) in EXPRESSIONS.items():
        bar = None if least is None else Bar("≥", least, "a second")
        rows.append(compared(f"{what}: `{text}`", taken[what], "a second", "Python", taken[f"python {what}"], bar))
    notes = (
        "Ours are parsed once; each evaluation counts every node against its bounds and carries labels beside every value. "
        "Python's are compiled once and evaluated with `eval`, with neither.",
    )
    return Table("Expressions", tuple(rows), notes)


async def ours(text: str, count: int) -> float:
    """Evaluations a second."""
    expression, scope = parse_expression(text), _scope()
    start = time.perf_counter()
    for _ in range(count):
        evaluate(expression, scope, clock=CLOCK)
    return count / (time.perf_counter() - start)


async def pythons(text: str, count: int) -> float:
    """The same of Python itself, over objects with attributes."""
    leads = [_object(i) for i in range(100)]
    code, scope = compile(text, "expression", "eval"), {"lead": leads[80], "leads": leads}
    start = time.perf_counter()
    for _ in range(count):
        eval(code, scope)
    return count / (time.perf_counter() - start)


def _scope() -> Scope:
    """A lead and a hundred of them, as an untrusted tool gives them."""
    leads = [_lead(i) for i in range(100)]
    return {"lead": Tagged(leads[80], _LABELS), "leads": Tagged(leads, _LABELS)}


def _lead(number: int) -> dict[str, object]:
    return {"name": f"Lead {number}", "email": f"{number}@x.example", "score": number, "address": {"city": "Austin"}}


def _object(number: int) -> SimpleNamespace:
    lead = _lead(number)
    return SimpleNamespace(**{**lead, "address": SimpleNamespace(city="Austin")})


if __name__ == "__main__":
    main(measured)
