"""Prompt: what the planner is told. Its prefix is the same in every call, so that vendors' prefix caches hit.

The prefix teaches the language from the same table that the compiler reads; what differs from goal to goal (tools, goal,
diagnostics) comes after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from planner.catalog import Catalog
from planner.diagnostic import Diagnostic
from planner.language import DIALECT, RULES, STEPS, TOOL, TYPES
from planner.library import FUNCTIONS, METHODS, RE_FUNCTIONS, LibraryFunction
from planner.llm.port import Message

_INTRODUCTION = """\
You write plan scripts: small programs in a subset of Python, proved by a checker and run in parallel. Answer with the whole \
plan alone: no prose, no code fences. Use only the tools below. Prefer expressions to model steps: ask only for what needs \
language or judgement. Never write values that you do not know."""

_EXAMPLES = """\
Example 1. Goal: Send an introduction to the best dental leads in Austin
leads = crm.find_leads(vertical="dental", city="Austin", limit=20)
scored = [crm.score_lead(id=l.id) for l in leads.items if l.rating >= 4.5]
best = [s for s in scored if s.score >= 70]
expect(len(best) > 0, "no good leads")
mails = [ask("Write a two-line introduction.", lead=b, returns={"subject": str, "body": str}) for b in best]
sent = [mail.send(to=b.email, subject=m.subject, body=m.body) for b, m in zip(best, mails)]
answer(f"{len(sent)} introductions sent")

Example 2. Goal: Who is the customer of my oldest open invoice?
invoices = pages(billing.list_invoices(status="open"), cursor="next", limit=200)
oldest = min(invoices, key=lambda i: i.due)
customer = attempt(crm.get_customer(id=oldest.customer_id), default=None)
answer(customer.name if customer else "unknown")"""

MAX_TRIED = 20_000  # characters of a refused script that the model is shown again
MAX_TOLD = 20  # diagnostics

_CORRECT = "Answer with the whole script, corrected."


@cache
def prefix() -> str:
    """The fixed part of the planner's prompt."""
    steps = "\n".join(f"{f.signature}: {f.summary}" for f in (TOOL, *STEPS.values()) if f.taught)
    return "\n\n".join(
        (
            _INTRODUCTION,
            f"Language\n{DIALECT}",
            f"Steps\n{steps}\nT is one of: {TYPES}",
            f"Rules\n{RULES}",
            f"Library\n{_library()}",
            _EXAMPLES,
        )
    )


def _library() -> str:
    """Every function by its signature; a summary only where the name does not say it."""
    plain = {"len", "sum", "min", "max", "sorted", "any", "all", "zip", "enumerate", "range", "round", "abs", "set", "list",
             "dict", "str", "int", "float", "bool"}  # fmt: skip
    telling = {"today", "now", "minutes_between", "urls", "emails"}
    known = " ".join(n if n in plain else f.signature for n, f in FUNCTIONS.items() if n in plain | telling)
    others = "\n".join(_line(f) for n, f in FUNCTIONS.items() if n not in plain | telling)
    methods = {kind: " ".join(n for n, f in METHODS.items() if kind in f.receivers) for kind in ("str", "list", "dict")}
    listed = "\n".join(f".{kind}: {names}" for kind, names in methods.items())
    return f"{known}\n{others}\n{' '.join(f.signature for f in RE_FUNCTIONS.values())}\n{listed}"


def _line(function: LibraryFunction) -> str:
    return f"{function.signature}: {function.summary}"


def plan_messages(
    goal: str,
    catalog: Catalog,
    tried: Sequence[tuple[str, Sequence[Diagnostic]]] = (),
    looked_up: str = "",
    about: str = "",
    *,
    as_json: bool = False,
) -> tuple[Message, ...]:
    """The messages that ask for a plan; `tried` are earlier scripts with what was wrong with them, the last one last.

    `looked_up` is what was found before, in words; a plan may use it, and does not look it up again. Tools are chosen by the
    goal's words, and by those of `about`.
    """
    known = f"\n\n{looked_up}" if looked_up else ""
    form = "\n\nAnswer in the JSON form of the script, by the schema that you are given." if as_json else ""
    offer = catalog.offer(f"{goal}\n{about}" if about else goal)
    agents = f"\n\n{catalog.agents}" if catalog.agents else ""
    messages = [
        Message(role="system", content=prefix()),
        Message(role="user", content=f"Tools\n{offer}{agents}\n\nGoal: {goal}{known}{form}"),
    ]
    described = {t.name for t in offer.tools}
    for script, diagnostics in tried:
        more = [f"… and {len(diagnostics) - MAX_TOLD} more"] if len(diagnostics) > MAX_TOLD else []
        told = "\n".join([*(str(d) for d in diagnostics[:MAX_TOLD]), *more])
        further = [t for t in catalog.named(script[:MAX_TRIED]) if t.name not in described]
        described |= {t.name for t in further}
        lines = "\n".join(["\n\nTools", *map(catalog.line, further)]) if further else ""
        messages.append(Message(role="assistant", content=script[:MAX_TRIED] or "(empty)"))
        messages.append(Message(role="user", content=f"The checker refuses it:\n{told}{lines}\n\n{_CORRECT}"))
    return tuple(messages)
