"""Revision: what of a plan stays when something surprised, and what is gone. Pure.

What is gone is the cone of the surprise: the failed steps, whatever reads them, whatever the order lets start only after them.
A step of the cone that is over stays all the same: finished work is kept. Statements stay or go as a whole; an `if` stays with
those of its statements that do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from executor.frame import Frame
from executor.outcomes import Done, Skipped
from executor.values import Values
from planner.characters import line_feeds
from planner.order import cone_of
from planner.parse import parse_script
from planner.plan import Plan
from planner.program import MODEL_KINDS, PERSON_KINDS, Step
from planner.script import plan_of, script_of
from planner.syntax import Bind, Branch, Statement
from planner.toolspec import digest


@dataclass(frozen=True)
class Cut:
    """What stays of a script: the text of its statements with their ids, and what is gone, by step.

    `over` are the steps that stay and take nothing more.
    """

    script: str = ""
    ids: tuple[str, ...] = ()
    gone: frozenset[str] = frozenset()  # ids of statements
    dropped: tuple[Step, ...] = ()
    over: tuple[str, ...] = ()

    @property
    def kinds(self) -> dict[str, str]:
        """Step that is gone → what kind of result it gave."""
        return {step.id: result_kind(step) for step in self.dropped}


def cut(script: str, frame: Frame, values: Values, roots: Sequence[Step]) -> Cut:
    """What stays when these steps have failed."""
    program = frame.program
    over = {s.id for s in program.steps if isinstance(values.outcome(s.id), Done | Skipped)}
    cone = cone_of(program, frame.waits, roots) - over
    gone = {program[name].statement for name in cone}
    held = {s.statement for s in program.steps if s.id in over}
    statements = parse_script(script)
    kept = list(_kept(statements, iter(program.ids), gone, held))
    ids = tuple(name for _, names in kept for name in names)
    dropped = tuple(s for s in program.steps if s.statement not in ids)
    return Cut(
        script=_text(script, statements, [statement for statement, _ in kept]),
        ids=ids,
        gone=frozenset(s.statement for s in dropped),
        dropped=dropped,
        over=tuple(s.id for s in program.steps if s.id in over and s.statement in ids),
    )


def cut_all(frame: Frame) -> Cut:
    """The cut that keeps no statement: what was done stays done, and can be taken over."""
    steps = frame.program.steps
    return Cut(gone=frozenset(s.statement for s in steps), dropped=steps)


def result_kind(step: Step) -> str:
    """What two steps must have in common for one's result to be the other's, beside the call and its arguments."""
    options = step.options
    if step.kind in MODEL_KINDS:
        return digest([step.kind, step.returns, options.planner_model, options.sure])
    if step.kind == "pages":
        return digest([step.kind, options.limit, options.cursor, options.items])
    return "" if step.kind in PERSON_KINDS or step.kind == "poll" else "call"


# -- statements


def _kept(
    statements: Iterable[Statement], ids: Iterator[str], gone: Collection[str], held: Collection[str]
) -> Iterator[tuple[Statement, tuple[str, ...]]]:
    """The statements that stay, each with its ids, an `if`'s own before those of what stands in it."""
    for statement in statements:
        name = next(ids)
        match statement:
            case Bind():
                if name not in gone:
                    yield statement, (name,)
            case Branch():
                then, orelse = (list(_kept(block, ids, gone, held)) for block in (statement.then, statement.orelse))
                if name not in gone and (then or orelse or name in held):
                    blocks = (tuple(s for s, _ in block) for block in (then, orelse))
                    stays = Branch(statement.test, *blocks, at=statement.at, text=statement.text)
                    yield stays, (name, *(i for _, names in (*then, *orelse) for i in names))


def _text(script: str, statements: Sequence[Statement], kept: Sequence[Statement]) -> str:
    """The text of the statements that stay: as it is written, where that can be told."""
    plan = plan_of(kept)
    written = "".join(_written(script, statements, kept))
    return written if _reads_as(written, plan) else script_of(plan)


def _written(script: str, statements: Sequence[Statement], kept: Sequence[Statement]) -> Iterator[str]:
    """The lines of each statement that stays whole, with the comments above it; of an `if` that lost some, what is left."""
    lines = line_feeds(script).split("\n")
    starts = [_begins(lines, s.at.line - 1) for s in statements] + [len(lines)]
    by_line = {s.at.line: s for s in kept}
    for number, statement in enumerate(statements):
        stays = by_line.get(statement.at.line)
        if stays == statement:
            yield "\n".join(lines[starts[number] : starts[number + 1]]).rstrip("\n") + "\n"
        elif stays is not None:
            yield script_of(plan_of([stays]))


def _begins(lines: Sequence[str], line: int) -> int:
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
    return line


def _reads_as(text: str, plan: Plan) -> bool:
    return plan_of(parse_script(text)) == plan if text.strip() else not plan.statements
