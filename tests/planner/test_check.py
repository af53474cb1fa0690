"""The certificate: what is proved of a plan before it runs, and what is refused."""

# ruff: noqa: E501  # a case stands on one line

from __future__ import annotations

import json
from typing import Any

import pytest

from planner.budget import Budget
from planner.certificate import EffectNotice, Flow
from planner.check import Ground, certify
from planner.compiler import compile_script
from planner.errors import PlanRefused
from planner.hand import Hand
from planner.labels import Label, Origin
from planner.prices import Rates
from planner.script import plan_of
from planner.toolspec import ToolSpec
from planner.worst import ModelTerms, Terms
from tests.planner.tools import TOOLS, certificate, listed, schema, tool

CHEAP = ModelTerms("cheap", Rates(input=0.15, cached_input=0.1, output=0.6), max_input_tokens=1_000, max_output_tokens=100)
STRONG = ModelTerms("strong", Rates(input=2.5, cached_input=1.0, output=10.0), max_input_tokens=2_000, max_output_tokens=500)
TERMS = Terms(planner=STRONG, executor=CHEAP)
LEADS = 'leads = crm.find_leads(city="a", limit=3)\n'
MAILS = "mails = mail.read()\n"
END = "\nanswer(1)"


def refused(script: str, tools: dict[str, ToolSpec] = TOOLS, **ground: Any) -> list[str]:
    with pytest.raises(PlanRefused) as caught:
        certificate(script, tools, **ground)
    return [str(d) for d in caught.value.diagnostics]


def flows(script: str, **ground: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(f.argument, f.kind, f.origins) for f in certificate(script + END, **ground).flows]


# -- arguments and references


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("crm.get()", "1:1: error: `crm.get()`: crm.get needs `id` (integer). It takes id=…. [argument]"),
        ("crm.get(idd=1, id=2)", "1:13: error: `1`: crm.get has no argument `idd`. It takes id=…. Nearest: id. [argument]"),
        ('crm.get(id="a")', "1:12: error: `\"a\"`: `id`: 'a' is not of type 'integer'. [argument]"),
        ('crm.get(id=str(1))', "1:12: error: `str(1)`: `id` is string here; it takes integer. [argument]"),
        ('crm.get(id=secret("n"))', '1:12: error: `secret("n")`: `id` is string here; it takes integer. [argument]'),
        ('crm.get(**{"id": "a"})', "1:1: error: `crm.get(**{\"id\": \"a\"})`: `id`: 'a' is not of type 'integer'. [argument]"),
        (LEADS + "a = leads.itmes", "2:5: error: `leads.itmes`: There is no key `itmes`. It has the keys items, next. [no-key]"),
        (LEADS + 'a = leads["itmes"]', "2:5: error: `leads[\"itmes\"]`: There is no key `itmes`. It has the keys items, next. [no-key]"),
        (LEADS + "a = [x.mail for x in leads.items]",
         "2:6: error: `x.mail`: There is no key `mail`. It has the keys id, name, email, rating, about. [no-key]"),
        (LEADS + "a = leads.items[0].name.first", "2:5: error: `leads.items[0].name.first`: There is no key `first`. It is string. [no-key]"),
        ("a = [x for x in 1]", "1:17: error: `1`: This is integer, no list. [not-a-list]"),
        ("a = [1].lower()", "1:5: error: `[1].lower()`: There is no `.lower()` on array. It is on str. [no-method]"),
        ('a = ask("q", returns={"n": int}).m', "1:5: error: `ask(\"q\", returns={\"n\": int}).m`: There is no key `m`. It has the keys n. [no-key]"),
        ("a = poll(crm.get(id=1), until=a.nam)", "1:31: error: `a.nam`: There is no key `nam`. It has the keys id, name, email, rating, about. [no-key]"),
        (LEADS + "a = first([crm.get(id=l.id) for l in leads.items], until=lambda r: r.nam)",
         "2:68: error: `r.nam`: There is no key `nam`. It has the keys id, name, email, rating, about. [no-key]"),
        ("wait(crm.get(id=1))", '1:6: error: `crm.get(id=1)`: wait takes text like "10m" or a number of seconds; this is object. [argument]'),
        ("wait(until=5)", "1:12: error: `5`: wait takes a moment; this is integer. [argument]"),
        ("a = pages(crm.find_leads(city=\"x\"))", "1:1: error: `a = pages(crm.find_leads(city=\"x\"))`: "
         "crm.find_leads has no argument `next` that would take a cursor. Give cursor=. [argument]"),
        ("a = pages(crm.pages(), items=\"rows\")",
         "1:1: error: `a = pages(crm.pages(), items=\"rows\")`: crm.pages returns no `rows`. It returns items, next. [no-key]"),
    ],
)  # fmt: skip
def test_what_is_certain_to_fail_is_refused(script: str, expected: str) -> None:
    assert refused(script + END) == [expected]


@pytest.mark.parametrize(
    "script",
    [
        'd = {"id": 1}\ncrm.get(**{**d, "id": 2})',
        'a = max([1], default="none").lower()',
        LEADS + "a = [x.id for x in leads.items[:2] if x.rating > 1]\nb = [crm.get(id=i) for i in a]",
        LEADS + 'a = leads.get("itmes")',
        'a = {**crm.get(id=1), "more": 1}.more',
        'a = {"k": 1, str(2): "x"}.k',
    ],
)
def test_what_may_succeed_is_let_through(script: str) -> None:
    assert certificate(script + END)


def test_a_splat_may_bring_any_number_so_it_bounds_nothing() -> None:
    script = 'd = ask("q", returns={"limit": int})\nleads = crm.find_leads(city="a", **d)\na = [crm.get(id=x.id) for x in leads.items]'
    assert certificate(script + END).bounds == {"a": 100}


# -- the worst case


@pytest.mark.parametrize(
    ("over", "most"),
    [
        ("range(7)", 7),
        ("range(2, 7)", 5),
        ("range(200, 203 + 1)", 4),
        ("range(9 - 2)", 7),
        ("range(9 - 2.5)", 100),
        ("[1, 2, 3]", 3),
        ("crm.find_leads(city='a').items", 20),
        ("crm.find_leads(city='a', limit=7).items", 7),
        ("crm.find_leads(city='a', limit=-1).items", 100),
        ("crm.find_leads(city='a', limit=0).items", 100),
        ("crm.find_leads(city='a').items[:5]", 5),
        ("crm.find_leads(city='a').items[-4:]", 4),
        ("crm.find_leads(city='a').items[:-1]", 20),
        ("sorted(crm.find_leads(city='a').items)[:5]", 5),
        ("[x for x in crm.find_leads(city='a').items if x.id]", 20),
        ("[x for x in [1, 2] for y in [1, 2, 3]]", 6),
        ("ask('q', returns=[int])", 100),
        ("ask('q', returns=[int])[:9]", 9),
        ("ask('q', returns=[int])[:9] + [1]", 10),
        ("zip(ask('q', returns=[int]), [1, 2])", 2),
        ("pages(crm.pages(), limit=30)", 30),
        ("range(100000000000000000000000)", 100),
    ],
)
def test_the_bound_of_a_map_is_the_least_that_is_certain(over: str, most: int) -> None:
    made = certificate(f"xs = {over}\na = [crm.get(id=1) for x in xs]" + END, budget=Budget(calls=10_000), terms=TERMS)
    assert made.bounds["a"] == most


@pytest.mark.parametrize(
    ("options", "calls"),
    [("", 121), (', every="1m"', 61), (', every="40m"', 3), (', every="2h"', 2), (', every="45s", timeout="1m"', 3)],
)
def test_a_poll_counts_its_first_call_and_one_after_each_interval_and_no_time_between(options: str, calls: int) -> None:
    made = certificate(f'wait("9d")\na = poll(web.fetch(url="u"), until=True{options})' + END)
    worst = made.worst_case
    assert (worst.calls, worst.steps, worst.seconds) == (calls, 3, calls * 2.0)
    assert worst.usd == pytest.approx(calls * 0.01)


def test_a_first_counts_one_call_an_element_one_after_the_other() -> None:
    script = LEADS + "a = first([crm.save(id=l.id) for l in leads.items[:2]], until=True, otherwise=1)" + END
    made = certificate(script)
    assert (made.worst_case.calls, made.worst_case.seconds, made.bounds) == (3, 3.0, {"a": 2})
    assert [(e.tool, e.times) for e in made.effects] == [("crm.save", 2)]


def test_the_until_of_a_poll_or_a_first_decides_which_value_it_is() -> None:
    to = "\nmail.send(to=a.email)"
    from_mail, from_crm = [[("to", "choice", (f"tool {name}",))] for name in ("mail.read", "crm.get")]
    assert flows(MAILS + 'a = poll(crm.get(id=1), until=mails.items[0].body == "x")' + to) == from_mail
    assert flows(MAILS + "a = poll(crm.get(id=len(mails.items[0].body)), until=a.rating > 4)" + to) == from_mail
    assert flows("a = first([crm.get(id=i) for i in [1, 2]], until=a.about)" + to) == from_crm
    assert flows("a = first([crm.get(id=i) for i in [1, 2]], until=a.rating > 4)" + to) == []


def test_limit_and_fan_out_bound_a_map() -> None:
    script = "a = [crm.get(id=1, limit=4) for x in range(50)]\nb = [crm.get(id=1) for x in range(50)]" + END
    assert certificate(script, budget=Budget(fan_out=10)).bounds == {"a": 4, "b": 10}


def test_a_foreign_schema_cannot_lower_the_worst_case_below_nothing() -> None:
    foreign = TOOLS | {"x.list": tool("x.list", schema(""), listed({"type": "integer"}, maxItems=-50))}
    made = certificate("a = [crm.get(id=i) for i in x.list().items]" + END, foreign)
    assert (made.bounds["a"], made.worst_case.calls) == (100, 101)


def test_a_name_that_may_be_null_bounds_nothing() -> None:
    script = (
        "if crm.get(id=1):\n    n = 2\nleads = crm.find_leads(city='a', limit=n)\na = [crm.get(id=x.id) for x in leads.items]"
    )
    assert certificate(script + END).bounds == {"a": 100}


def test_of_branches_that_exclude_each_other_the_dearer_counts() -> None:
    script = (
        "if crm.get(id=1):\n    a = [crm.get(id=x) for x in range(5)]\nelse:\n    b = [crm.get(id=x) for x in range(9)]" + END
    )
    assert certificate(script).worst_case.calls == 10


def test_models_cost_what_their_terms_say() -> None:
    worst = certificate('a = ask("q")\nb = [ask("q", x=x, model="planner") for x in range(3)]' + END, terms=TERMS).worst_case
    assert (worst.model_calls, worst.input_tokens, worst.output_tokens) == (4, 7_000, 1_600)
    assert worst.usd == pytest.approx(CHEAP.usd(1_000, 100) + 3 * STRONG.usd(2_000, 500))


def test_seconds_are_those_of_the_longest_chain_in_rounds_of_what_runs_at_once() -> None:
    script = (
        'a = web.fetch(url="x")\nb = [web.fetch(url="x", depth=i) for i in range(20)]\nc = web.fetch(url="x", depth=a.n)' + END
    )
    assert certificate(script).worst_case.seconds == 4.0
    branches = "if crm.get(id=1):\n    crm.save(id=1)\nelse:\n    crm.save(id=2)" + END
    assert certificate(branches).worst_case.seconds == 2.0


@pytest.mark.parametrize(
    ("script", "budget", "expected"),
    [
        ("a = [crm.get(id=x) for x in range(9)]", Budget(calls=10, reserve=0.2),
         "1:1: error: `a = [crm.get(id=x) for x in range(9)]`: The worst case takes 9 tool calls; the budget allows plans 8. "
         "`a` runs up to 9 times: bound it with a slice or limit=, or raise --budget. [budget]"),
        ("a = crm.get(id=1)", Budget(steps=1),
         "1:1: error: `a = crm.get(id=1)`: The plan has 2 steps; the budget allows 1. Use maps instead of repeated lines. [budget]"),
        ("a = pages(crm.pages())", Budget(calls_per_step=40),
         "1:1: error: `a = pages(crm.pages())`: `a` takes up to 50 tool calls; the budget allows a step 40. "
         "`a` follows up to 50 pages: give it limit=, or raise --budget. [budget]"),
        ("a = poll(crm.get(id=1), until=a.id)", Budget(calls_per_step=120),
         "1:1: error: `a = poll(crm.get(id=1), until=a.id)`: `a` takes up to 121 tool calls; the budget allows a step 120. "
         "`a` polls up to 121 times: lengthen every=, shorten timeout=, or raise --budget. [budget]"),
        ('a = web.fetch(url="x")', Budget(usd=0.01),
         "1:1: error: `a = web.fetch(url=\"x\")`: The worst case takes 0.01 $; the budget allows plans 0.0075. "
         "`a` runs up to 1 times: bound it with a slice or limit=, or raise --budget. [budget]"),
    ],
)  # fmt: skip
def test_a_worst_case_over_the_budget_is_refused(script: str, budget: Budget, expected: str) -> None:
    assert refused(script + END, budget=budget) == [expected]


# -- effects and flows


def test_every_effect_is_listed_with_its_arguments_and_guards() -> None:
    script = (
        LEADS
        + 'if leads.items:\n    [mail.send(to=l.email, **{"body": "b"}) for l in leads.items]\nelse:\n    crm.save(id=1)'
        + END
    )
    assert certificate(script).effects == (
        EffectNotice(step="send", line=3, tool="mail.send", effect="irreversible", times=3,
                     arguments={"to": "l.email", "**": '{"body": "b"}'}, guarded_by=("leads.items",)),
        EffectNotice(step="save", line=5, tool="crm.save", effect="write", times=1, arguments={"id": "1"},
                     guarded_by=("not (leads.items)",)),
    )  # fmt: skip


BODY = MAILS + "body = mails.items[0].body\n"
READ = ("tool mail.read",)


@pytest.mark.parametrize(
    "to",
    [
        "body", "mails.items[0].body", "emails(body)[0]", "f\"{body}\"", "[\"ok\", body][1]", "[\"ok\", body][1:][0]",
        "{\"a\": \"ok\", \"b\": body}[str(1)]", "{**{\"a\": body}}.a", "max([\"a\"], default=body)", "min(\"a\", body)",
        "sorted([\"ok\", body])[0]", "[x for x in [\"ok\", body]][0]", "list([\"ok\", body])[0]", "only([body])",
        "{body: 1}.keys()[0]", "[k for k in {body: 1}][0]", "[k for k in {m.body: 1 for m in mails.items}][0]", "str({body})",
        "ask(\"who?\", text=body)", "choose(\"who?\", [body])", "body if 1 else 2", "None or body",
        "[a for a, b in zip([body], [1])][0]", "[x for i, x in enumerate([\"ok\", body])][0]", "{\"a\": body}.get(\"a\")",
        "{}.get(\"a\", body)", "[m.body for m in mails.items][0]",
    ],
)  # fmt: skip
def test_an_untrusted_value_in_a_sensitive_argument_is_a_data_flow(to: str) -> None:
    found = flows(BODY + f"mail.send(to={to})")
    assert ("to", "data", READ) in found


def test_an_untrusted_value_is_found_in_whatever_a_splat_brings() -> None:
    assert ("to", "data", READ) in flows(BODY + 'mail.send(**{"subject": "s", "to": body})')
    assert ("to", "data", READ) in flows(BODY + 'd = {"to": body}\nmail.send(**d)')
    assert ("url", "data", READ) in flows(BODY + 'a = web.fetch(**{"url": body})')
    assert ("url", "data", READ) in flows(BODY + "a = web.fetch(**ask('q', x=body, returns={'url': str}))")


def test_what_a_splat_gave_to_a_tool_has_chosen_its_result() -> None:
    found = flows(BODY + 'a = crm.get(**{"id": int(body)})\nmail.send(to=a.email)')
    assert [f for f in found if f[:2] == ("to", "choice") and set(READ) <= set(f[2])]


def test_trusted_fields_beside_an_untrusted_one_do_not_flow() -> None:
    assert flows(MAILS + "mail.send(to=mails.items[0].id)") == []
    assert flows(BODY + 'mail.send(**{"to": "me", "body": body})') == []
    assert flows(BODY + 'mail.send(to="me", body=body)') == []


@pytest.mark.parametrize(
    "script",
    [
        'l = crm.get(id=1)\nmail.send(to=l.email if "x" in body else "me")',
        LEADS + "a = [l for l in leads.items if l.name in body]\nmail.send(to=a[0].email)",
        LEADS + "mail.send(to=sorted(leads.items, key=lambda l: body.count(l.name))[0].email)",
        LEADS + "mail.send(to=max(leads.items, key=lambda l: body.count(l.name)).email)",
        LEADS + "a = {l.name: l.email for l in leads.items}\nmail.send(to=a[body])",
        LEADS + "a = choose(body, leads.items)\nmail.send(to=a.email)",
    ],
)
def test_a_trusted_value_chosen_by_an_untrusted_one_is_a_choice_flow(script: str) -> None:
    found = flows(BODY + script)
    assert [f for f in found if f[:2] == ("to", "choice") and set(READ) <= set(f[2])]
    assert not [f for f in found if f[1] == "data" and f[0] == "to"]


def test_whether_or_how_often_an_effect_happens_is_a_flow_of_the_call_itself() -> None:
    assert flows(BODY + 'if "yes" in body:\n    crm.save(id=1)') == [("", "choice", READ)]
    assert flows(MAILS + "a = [crm.save(id=1) for m in mails.items if m.body]") == [("", "choice", READ)]
    assert flows(MAILS + 'a = [mail.send(to="me") for m in mails.items]') == []


def test_what_a_planner_wrote_that_had_read_foreign_text_is_untrusted() -> None:
    literal = Label(frozenset((Origin("planner", False),)))
    assert flows('mail.send(to="a@b")', hand=Hand(literal)) == [("to", "data", ("planner",))]


def test_a_flow_names_its_step_and_line() -> None:
    assert certificate(BODY + "mail.send(to=body)" + END).flows == (
        Flow(step="send", line=3, tool="mail.send", argument="to", origins=READ, kind="data", decision="ask"),
    )


def test_a_cursor_is_no_way_into_a_sensitive_argument() -> None:
    specs = TOOLS | {
        "x.read": tool("x.read", schema("", url="string"), listed({}, maxItems=1), open_world=True, sensitive=("url",))
    }
    (found,) = refused('a = pages(x.read(), cursor="url")\nb = x.read().next' + END, specs)[:1]
    assert "`url` cannot be a cursor" in found


# -- the hash


def _hash(script: str, tools: dict[str, ToolSpec] = TOOLS, **ground: Any) -> str:
    return certificate(script, tools, **ground).hash


BASE = LEADS + "a = [crm.save(id=l.id) for l in leads.items]" + END


def test_the_hash_stays_for_what_is_only_written_differently() -> None:
    assert _hash(BASE) == _hash("# why\n\n" + BASE.replace(", ", ",  ").replace('"', "'"))
    described = {n: s.model_copy(update={"description": "other", "seconds": 9.0}) for n, s in TOOLS.items()}
    assert _hash(BASE) == _hash(BASE, described)
    assert _hash(BASE) == _hash(BASE, TOOLS | {"x.new": tool("x.new", schema(""))})


@pytest.mark.parametrize(
    "change",
    [{"effect": "irreversible"}, {"usd": 0.001}, {"sensitive": ("note",)}, {"input_schema": schema("id", id="number", note="string")}, {"retries": 5}],
)  # fmt: skip
def test_the_hash_changes_with_a_contract(change: dict[str, Any]) -> None:
    changed = TOOLS | {"crm.save": TOOLS["crm.save"].model_copy(update=change)}
    assert _hash(BASE) != _hash(BASE, changed)


def test_the_hash_changes_with_the_plan_the_budget_and_the_parameters() -> None:
    seen = [
        _hash(BASE), _hash(BASE.replace("answer(1)", "answer(2)")), _hash(BASE, budget=Budget(calls=301)),
        _hash(BASE, parameters={"p": 1}), _hash(BASE, parameters={"p": 2}),
        _hash("mail.send(to=str(crm.save(id=1)), body=str(crm.save(id=2)))" + END), _hash("mail.send(body=str(crm.save(id=2)), to=str(crm.save(id=1)))" + END),
    ]  # fmt: skip
    assert len(set(seen)) == len(seen)


# -- warnings, and what a checker must survive


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (LEADS + "a = [l.id for l in leads.items if l.rating > 4]\nanswer(a)",
         "2:1: warning: `a = [l.id for l in leads.items if l.rating > 4]`: `a` may be empty, and nothing looks whether it is. "
         'Add expect(len(a) > 0, "…") if it must not be. [unchecked-filter]'),
        (LEADS + "expect(len(leads.items) == 1)" + END,
         "2:1: warning: `expect(len(leads.items) == 1)`: A search may find several things that are nearly the same. "
         "Filter for the exact name, or choose(…). [fuzzy-search]"),
        (LEADS + "a = leads.items[0].name < \"b\"" + END,
         "2:5: warning: `leads.items[0].name < \"b\"`: Texts are compared letter by letter here. "
         "Compare time(a) with time(b), or numbers. [text-order]"),
    ],
)  # fmt: skip
def test_what_is_likely_a_mistake_is_a_warning(script: str, expected: str) -> None:
    assert [str(w) for w in certificate(script).warnings] == [expected]


def test_values_that_double_with_every_line_do_not_hang_the_checker() -> None:
    lines = [
        "x0 = [1, 2]",
        "y0 = {'a': 1}",
        *(f"x{i} = [x{i - 1}, x{i - 1}]\ny{i} = {{'a': y{i - 1}, 'b': y{i - 1}}}" for i in range(1, 200)),
    ]
    assert certificate("\n".join(lines) + "\ncrm.save(id=1, note=str(x199))\nb = x199 if y199 else x198\nanswer(1)")


def test_a_foreign_schema_that_refers_to_itself_in_many_ways_does_not_hang_the_checker() -> None:
    wild = {"anyOf": [{"$ref": "#"}] * 50, "type": "object"}
    assert certificate("a = x.f().b.c" + END, TOOLS | {"x.f": tool("x.f", schema(""), wild)})


def test_a_certificate_survives_json() -> None:
    made = certificate(BASE)
    assert type(made).model_validate(json.loads(made.model_dump_json())) == made


def test_the_certificate_is_of_the_program_that_is_given() -> None:
    program, statements = compile_script(BASE, TOOLS)
    assert certify(program, plan_of(statements), Ground(TOOLS)) == certificate(BASE)
