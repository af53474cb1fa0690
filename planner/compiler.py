"""Compile: the statements of a script → the steps of a Program, statement by statement as they come.

compiler = Compiler(tools)
for piece in stream: steps += compiler.feed(piece)      # steps whose lines are complete
program = compiler.finish()                             # raises CompileError with everything that is wrong
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from planner.diagnostic import Diagnostic
from planner.errors import CompileError
from planner.lift import Lifter
from planner.lines import Lines
from planner.parse import MAX_LINES, MAX_SCRIPT, parse_script, too_long
from planner.program import Guard, Program, Step
from planner.syntax import Bind, Branch, Call, Name, Statement
from planner.toolspec import ToolSpec

MAX_DIAGNOSTICS = 20  # further ones are not told
_ASSIGNED = re.compile(r"^[ \t]*([A-Za-z_]\w*)[ \t]*=(?!=)", re.MULTILINE)


class Compiler:
    """Takes a script in pieces of any size; after an error it goes on reading, to tell all errors at once.

    `ids` are those of its first statements, an `if` before what stands in it; `taken` are ids that no other one may have.
    """

    def __init__(
        self, tools: Mapping[str, ToolSpec], *, parameters: frozenset[str] = frozenset(), ids: Sequence[str] = (),
        taken: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._lifter = Lifter(tools, parameters, ids, taken)
        self._parameters = parameters
        self._lines = Lines()
        self._errors: list[Diagnostic] = []
        self._statements: list[Statement] = []
        self._size, self._count = 0, 1
        self._errors.extend(_bad_parameter(name, reason) for name, reason in self._lifter.reserved(parameters))

    def _stop(self) -> list[Step]:
        """Read no more: the script is longer than any plan."""
        if all(d.code != "too-long" for d in self._errors):
            self._errors.append(too_long(self._count, self._size))
            self._lines = Lines()
        return []

    def feed(self, piece: str) -> list[Step]:
        """The steps of all statements that this piece completes; none once there was an error."""
        self._size += len(piece)
        self._count += piece.count("\n")
        if self._size > MAX_SCRIPT or self._count >= MAX_LINES:
            return self._stop()
        return [step for first, text in self._lines.feed(piece) for step in self._take(first, text)]

    def finish(self) -> Program:
        """The whole program; raises CompileError."""
        for first, text in self._lines.finish():
            self._take(first, text)
        if not self._statements and not self._errors:
            self._errors.append(_empty())
        if not self._errors and not _answers(tuple(self._statements)):
            self._errors.append(_unanswered(self._statements[-1]))
        errors = sorted([*self._errors, *self._lifter.errors], key=lambda d: (d.line, d.column))
        if errors:
            raise CompileError(errors[:MAX_DIAGNOSTICS])
        return Program(tuple(self._lifter.steps), self._parameters, tuple(self._lifter.warnings), tuple(self._lifter.ids))

    @property
    def statements(self) -> tuple[Statement, ...]:
        """What was read so far."""
        return tuple(self._statements)

    def _take(self, first: int, text: str) -> list[Step]:
        try:
            statements = parse_script(text, first_line=first)
        except CompileError as error:
            self._errors.extend(error.diagnostics)
            self._lifter.unread(_ASSIGNED.findall(text))
            return []
        before = len(self._lifter.steps)
        for statement in statements:
            self._statements.append(statement)
            self._add(statement, ())
        return [] if self._errors or self._lifter.errors else self._lifter.steps[before:]

    def _add(self, statement: Statement, guards: tuple[Guard, ...]) -> None:
        match statement:
            case Bind():
                self._lifter.bind(statement, guards)
            case Branch():
                test, branch = self._lifter.test(statement, guards)
                for when, block in ((True, statement.then), (False, statement.orelse)):
                    for inner in block:
                        self._add(inner, (*guards, Guard(test, when, branch)))


def compile_script(
    text: str, tools: Mapping[str, ToolSpec], *, parameters: frozenset[str] = frozenset(), ids: Sequence[str] = (),
    taken: Collection[str] = (),
) -> tuple[Program, tuple[Statement, ...]]:  # fmt: skip
    """A whole script's program and its statements (for its Plan); raises CompileError."""
    compiler = Compiler(tools, parameters=parameters, ids=ids, taken=taken)
    compiler.feed(text)
    return compiler.finish(), compiler.statements


def _answers(block: tuple[Statement, ...]) -> bool:
    """Whether every path through the block meets an `answer`."""
    for statement in block:
        match statement:
            case Bind():
                if isinstance(statement.value, Call) and statement.value.func == Name("answer"):
                    return True
            case Branch():
                if _answers(statement.then) and _answers(statement.orelse):
                    return True
    return False


def _bad_parameter(name: str, reason: str) -> Diagnostic:
    message = f"The parameter `{name}` {reason}."
    return Diagnostic(code="reserved", line=1, column=1, text=name[:80], message=message, hint="Use another name.")


def _empty() -> Diagnostic:
    return Diagnostic(code="empty", line=1, column=1, text="", message="The script is empty.", hint="End it with answer(x).")


def _unanswered(last: Statement) -> Diagnostic:
    message = "A path through the script has no answer."
    line, text = last.at.line, last.text.partition("\n")[0][:80]
    return Diagnostic(code="no-answer", line=line, column=1, text=text, message=message, hint="End it with answer(x).")
