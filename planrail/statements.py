"""Statements: a script by its statements, one a line, whatever lines they take. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.errors import CompileError
from planner.parse import parse_script
from planner.syntax import Branch, Statement

_INDENT = "  "


@dataclass(frozen=True)
class Row:
    """One statement of a script on one line."""

    line: int
    text: str


def rows(script: str) -> list[Row]:
    """The script's statements; its lines as they stand, where it is none."""
    try:
        return list(_rows(parse_script(script), ""))
    except CompileError:
        return [Row(number, text) for number, text in enumerate(script.split("\n"), 1) if text.strip()]


def _rows(statements: Sequence[Statement], indent: str) -> Iterator[Row]:
    for statement in statements:
        if isinstance(statement, Branch):
            yield from _branch(statement, "if", indent)
        else:
            yield Row(statement.at.line, f"{indent}{_flat(statement.text)}")


def _branch(branch: Branch, word: str, indent: str) -> Iterator[Row]:
    yield Row(branch.at.line, f"{indent}{word} {_flat(branch.test.text)}:")
    yield from _rows(branch.then, indent + _INDENT)
    match branch.orelse:
        case ():
            return
        case (Branch() as other,):
            yield from _branch(other, "elif", indent)
        case _:
            yield Row(0, f"{indent}else:")
            yield from _rows(branch.orelse, indent + _INDENT)


def _flat(text: str) -> str:
    return " ".join(text.split())
