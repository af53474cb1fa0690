"""The order of steps: DESIGN rule 2, and "Order and guards" of the language."""

from __future__ import annotations

import pytest

from planner.compiler import compile_script
from planner.order import waits
from tests.planner.tools import TOOLS


def waiting(script: str) -> dict[str, tuple[str, ...]]:
    """What each step but the answer waits for beside its inputs; steps that wait for nothing are left out."""
    order = waits(compile_script(script + "\nanswer(1)", TOOLS)[0], TOOLS)
    return {step: before for step, before in order.items() if before and step != "answer"}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("crm.save(id=1)\nmail.send(to='a')\ncrm.save(id=2)", {"send": ("save",), "save#2": ("save", "send")}),
        ("log.note(text='a')\ncrm.save(id=1)\nlog.note(text='b')", {}),
        ("a = crm.get(id=1)\ncrm.save(id=1)\nb = crm.get(id=1)", {"save": ("a",), "b": ("save",)}),
        ("a = mail.read()\ncrm.save(id=1)\nb = mail.read()", {}),
        ("a = mail.read()\nb = mail.read()", {}),
        ("[crm.save(id=x) for x in [1, 2]]\ncrm.save(id=3)", {"save#2": ("save",)}),
        ("if 1:\n    crm.save(id=1)\nelse:\n    crm.save(id=2)\ncrm.save(id=3)", {"save#3": ("save", "save#2")}),
        ("a = crm.save(id=crm.save(id=1).id)", {"a": ("a.1",)}),
        ("a = attempt(crm.get(id=1), default=None)\ncrm.save(id=1)", {"save": ("a",)}),
        ("a = pages(crm.pages())\ncrm.save(id=1)", {"save": ("a",)}),
    ],
)
def test_effects_keep_their_order_and_reads_their_place_in_their_namespace(
    script: str, expected: dict[str, tuple[str, ...]]
) -> None:
    assert waiting(script) == expected


def test_expect_holds_back_effects_models_people_and_reads_that_leave_the_house() -> None:
    script = """x = mail.read()
y = crm.get(id=1)
expect(x)
a = crm.save(id=1)
b = ask("q")
c = choose("q", [1])
d = ask_user("q")
approve("w")
e = web.fetch(url="u")
f = crm.get(id=2)
g = mail.read(unread=x)
h = [crm.get(id=1) for z in x.items]
i = len(x.items)"""
    held = waiting(script)
    assert sorted(step for step, before in held.items() if "expect" in before) == ["a", "approve", "b", "c", "d", "e", "g", "h"]


def test_expect_is_not_held_back_by_what_comes_before_it() -> None:
    assert waiting("crm.save(id=1)\nx = mail.read()\nexpect(x)") == {}


def test_an_expect_waits_for_an_earlier_one_of_the_same_names() -> None:
    assert waiting("x = mail.read()\nexpect(x)\nexpect(x.items)\nexpect(1)") == {"expect#2": ("expect",)}


def test_wait_comes_after_everything_and_holds_back_everything_after_it() -> None:
    script = """a = crm.get(id=1)
wait("1m")
b = crm.get(id=2)
c = web.fetch(url="x")
d = ask("why?")
log.note(text="x")
wait("2m")"""
    before = ("a", "wait", "b", "c", "d", "note")
    assert waiting(script) == {"wait": ("a",), **dict.fromkeys(("b", "c", "d", "note"), ("wait",)), "wait#2": before}


def test_poll_holds_back_everything_after_it_and_is_a_read_and_first_is_an_effect_as_any_other() -> None:
    script = """crm.save(id=1)
a = poll(crm.get(id=1), until=a.id)
b = mail.read()
c = first([mail.send(to=x) for x in ["a"]], until=c)
crm.save(id=2)"""
    assert waiting(script) == {"a": ("save",), "b": ("a",), "c": ("save", "a", "b"), "save#2": ("save", "a", "c")}


def test_approve_holds_back_every_later_effect_and_nothing_else() -> None:
    script = (
        'crm.save(id=1)\napprove("w")\na = crm.get(id=1)\nlog.note(text="a")\nb = ask("q")\n[mail.send(to=x) for x in ["a"]]'
    )
    assert {s for s, before in waiting(script).items() if "approve" in before} == {"note", "send"}


def test_steps_of_different_branches_never_wait_for_one_another() -> None:
    assert waiting("if 1:\n    expect(2)\n    approve('x')\nelse:\n    crm.save(id=1)\nb = ask('q')") == {
        "approve": ("expect",),
        "b": ("expect",),
    }


def test_answer_comes_after_everything_before_it() -> None:
    script = "a = crm.get(id=1)\nb = 1\nlog.note(text='a')\nexpect(b)\nanswer(b)\ncrm.save(id=1)"
    order = waits(compile_script(script, TOOLS)[0], TOOLS)
    assert (order["answer"], order["save"]) == (("a", "note", "expect"), ("a", "expect"))


def test_the_names_of_the_library_are_no_names_of_a_condition() -> None:
    script = 'x = mail.read()\nexpect(re.findall("a", str(x)), "none")\na = crm.get(id=int(re.sub("a", "1", "a")))'
    program, _ = compile_script(script + "\nanswer(1)", TOOLS)
    assert program["a"].reads() == frozenset()
    assert waits(program, TOOLS)["a"] == ()
