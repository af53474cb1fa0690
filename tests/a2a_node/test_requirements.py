"""What A2A demands and what the tests hold is tied both ways."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.a2a_node.requirements import REQUIREMENTS

TESTS = Path(__file__).parents[1]
OWN = "spec_"  # modules whose every test holds a requirement


def written() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every test, and the ids of the requirements that it is marked with."""
    for path in TESTS.rglob("test_*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                marks = [d for d in node.decorator_list if ast.unparse(d).startswith("pytest.mark.requirement(")]
                ids = [ast.literal_eval(argument) for mark in marks if isinstance(mark, ast.Call) for argument in mark.args]
                yield f"{path.stem.removeprefix('test_')}:{node.name.removeprefix('test_')}", tuple(ids)


def test_every_requirement_is_held_by_a_test_that_there_is_or_says_why_by_none() -> None:
    there = dict(written())
    assert [(r.id, t) for r in REQUIREMENTS for t in r.tests if t not in there] == []
    assert [r.id for r in REQUIREMENTS if bool(r.tests) == bool(r.why)] == []
    assert len({r.id for r in REQUIREMENTS}) == len(REQUIREMENTS)


def test_every_test_that_says_what_it_holds_is_the_requirements_own() -> None:
    held = {(t, r.id) for r in REQUIREMENTS for t in r.tests}
    marked = {(test, id) for test, ids in written() for id in ids}
    assert marked <= held
    assert {(t, id) for t, id in held if t.startswith(OWN)} <= marked
    assert [test for test, ids in written() if test.startswith(OWN) and not ids] == []
