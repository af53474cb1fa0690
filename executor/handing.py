"""Handing: a plan hands a sub-goal to another specialist, whose playbook takes the line's place: typed fields in and out.

    x = hand.helpdesk(reports=r)   ─►   x__in = hand.helpdesk(reports=r)      the fields, held against their types
                                        x__reports = x__in.reports
                                        …                                     the specialist's playbook, under names of its own
                                        x = {"tickets": …}                    its answer: the fields that come back

It is one plan then: one certificate, one budget, one journal; labels, keys, cancels and crashes are those of any plan. A person
has written what is put in: a plan gets no other's tools by it, but for what that playbook does with them. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from executor.specialists import HAND, NOBODY, Member, Specialists, hand_name
from planner.characters import normal
from planner.diagnostic import Diagnostic
from planner.errors import CompileError, PlaybookError
from planner.parse import is_whole, parse_script
from planner.playbook import Playbooks
from planner.program import Program, Step
from planner.syntax import (
    Attribute,
    Bind,
    Branch,
    Call,
    Clause,
    Lambda,
    Name,
    NodeT,
    Statement,
    Target,
    rebuild,
)
from planner.unparse import unparse

MAX_DEPTH = 3  # hand-overs in hand-overs
_IN = "__in"  # how the name of what was handed ends
_INDENT = "    "


@dataclass(frozen=True)
class Handed:
    """A script with the playbooks put in. `lines` says for each line, from the first, which one of the script before it is."""

    script: str
    lines: tuple[int, ...] = ()  # none where nothing was put in
    put_in: frozenset[int] = frozenset()  # lines that are another specialist's

    def placed(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Diagnostics by the lines of the script as it was proposed."""
        return [d.model_copy(update={"line": self._before(d.line)}) for d in found]

    def _before(self, line: int) -> int:
        return self.lines[line - 1] if 0 < line <= len(self.lines) else line


@dataclass(frozen=True)
class Handing:
    """Puts the playbooks of specialists where plans hand something over to them."""

    specialists: Specialists = NOBODY
    playbooks: Playbooks = field(default_factory=Playbooks)

    def expanded(self, script: str, within: tuple[str, ...] = ()) -> Handed:
        """The script with the playbooks in it; raises CompileError, by its own lines."""
        if f"{HAND}." not in script or not self.specialists.taking:
            return Handed(script)
        text = normal(script)
        lines, made, before, put_in = text.split("\n"), list[str](), list[int](), set[int]()
        last = 0
        for bind, member in self._handed(parse_script(text)):
            start, end = bind.at.line, _end(lines, bind)
            made += lines[last : start - 1]
            before += range(last + 1, start)
            new = self._put_in(bind, member, _indent(lines, bind), within)
            put_in.update(range(len(made) + 2, len(made) + len(new) + 1))
            made += new
            before += [start] * len(new)
            last = end
        made += lines[last:]
        before += range(last + 1, len(lines) + 1)
        return Handed("\n".join(made), tuple(before), frozenset(put_in))

    def refuse_elsewhere(self, program: Program) -> None:
        """Raise CompileError where something would be handed over elsewhere than alone on a line."""
        names = {hand_name(m.name) for m in self.specialists.taking}
        found = [s for s in program.steps if names & {s.tool, *s.tools} and not (s.tool in names and s.id.endswith(_IN))]
        if found:
            raise CompileError([_elsewhere(s) for s in found])

    def gives(self) -> Mapping[str, str]:
        """What comes back of each, as a prompt tells it."""
        return {hand_name(m.name): m.about.gives for m in self.specialists.taking if m.about.gives}

    # -- one hand-over

    def _handed(self, statements: Iterable[Statement]) -> Iterator[tuple[Bind, Member]]:
        """The statements that hand something over, in their order."""
        by_name = {m.name: m for m in self.specialists.taking}
        for statement in statements:
            match statement:
                case Branch():
                    yield from self._handed((*statement.then, *statement.orelse))
                case Bind(targets=(name,), value=Call(func=Attribute(value=Name(id=space), key=key))) if (
                    space == HAND and key in by_name and not name.endswith(_IN)
                ):
                    yield statement, by_name[key]

    def _put_in(self, bind: Bind, member: Member, indent: str, within: tuple[str, ...]) -> list[str]:
        name, about = bind.targets[0], member.about
        if member.name in within:
            raise _refused(bind, f"{member.name} would hand over to itself, by way of {' and '.join(within)}.")
        if len(within) >= MAX_DEPTH:
            raise _refused(bind, f"There are at most {MAX_DEPTH} hand-overs in each other.")
        assert isinstance(bind.value, Call)
        given = {key for key, _ in bind.value.keywords}
        if bind.value.args or given != about.takes.keys():
            listed = ", ".join(f"{n}: {t}" for n, t in about.takes.items())
            raise _refused(bind, f"What is handed to {member.name} are these fields, each by its name: {listed}.")
        body = self._body(bind, member, (*within, member.name))
        own = {n: f"{name}__{n}" for n in (*about.takes, *_bound(body))}
        lines = [f"{indent}{name}{_IN} = {unparse(bind.value)}"]
        lines += [f"{indent}{own[field]} = {name}{_IN}.{field}" for field in about.takes]
        return [*lines, *_printed((_renamed(s, own) for s in body), name, indent)]

    def _body(self, bind: Bind, member: Member, within: tuple[str, ...]) -> tuple[Statement, ...]:
        """The statements of the playbook, with what it hands over itself."""
        try:
            playbook = self.playbooks.get(member.about.playbook)
        except PlaybookError as error:
            raise _refused(bind, error.message) from error
        if playbook.names != member.about.takes.keys():
            raise _refused(bind, f"The playbook {playbook.name} does not take what {member.name} says that it takes.")
        try:
            return parse_script(self.expanded(playbook.script, within).script)
        except CompileError as error:
            told = "; ".join(d.message for d in error.diagnostics)
            raise _refused(bind, f"The playbook {playbook.name}: {told}") from error


NOTHING_HANDED = Handing()
_ALONE = "Write it like x = hand.helpdesk(…), over all items at once, and use x."


def _end(lines: list[str], bind: Bind) -> int:
    """The number of the statement's last line; raises CompileError where another one begins in its first."""
    start = bind.at.line
    if lines[start - 1][: bind.at.column - 1].strip():
        raise _refused(bind, "A hand-over stands alone on its line.")
    for end in range(start, len(lines) + 1):
        if is_whole("\n".join(line.strip() for line in lines[start - 1 : end]) + "\n"):
            return end
    return len(lines)


def _indent(lines: list[str], bind: Bind) -> str:
    return lines[bind.at.line - 1][: bind.at.column - 1]


def _bound(statements: Iterable[Statement]) -> list[str]:
    """The names that the statements bind."""
    found: list[str] = []
    for statement in statements:
        match statement:
            case Branch():
                found += _bound((*statement.then, *statement.orelse))
            case Bind():
                found += statement.targets
    return found


def _renamed(statement: Statement, own: Mapping[str, str]) -> Statement:
    """The statement with names of its own, wherever they stand."""
    match statement:
        case Branch():
            then, orelse = (tuple(_renamed(s, own) for s in block) for block in (statement.then, statement.orelse))
            return replace(_named(statement, own), then=then, orelse=orelse)
        case Bind():
            return replace(_named(statement, own), targets=tuple(own[t] for t in statement.targets))


def _named(node: NodeT, own: Mapping[str, str]) -> NodeT:
    """The node with those names instead; what it binds itself, too."""
    changed = rebuild(node, lambda child: _named(child, own))
    match changed:
        case Name(id=name):
            return replace(changed, id=own.get(name, name))
        case Lambda(parameter=name):
            return replace(changed, parameter=own.get(name, name))
        case Clause(target=target):
            return replace(changed, target=_target(target, own))
        case _:
            return changed


def _target(target: Target, own: Mapping[str, str]) -> Target:
    return own.get(target, target) if isinstance(target, str) else tuple(_target(t, own) for t in target)


def _printed(statements: Iterable[Statement], name: str, indent: str) -> Iterator[str]:
    """The statements' lines, in which the answer is bound to the name."""
    for statement in statements:
        match statement:
            case Branch():
                yield f"{indent}if {unparse(statement.test)}:"
                yield from _printed(statement.then, name, indent + _INDENT)
                if statement.orelse:
                    yield f"{indent}else:"
                    yield from _printed(statement.orelse, name, indent + _INDENT)
            case Bind(targets=(), value=Call(func=Name(id="answer"), args=(value,))):
                yield f"{indent}{name} = {unparse(value)}"
            case Bind():
                bound = f"{', '.join(statement.targets)} = " if statement.targets else ""
                yield f"{indent}{bound}{unparse(statement.value)}"


def _refused(bind: Bind, message: str) -> CompileError:
    text = bind.text.partition("\n")[0][:80]
    line, column = max(bind.at.line, 1), max(bind.at.column, 1)
    return CompileError([Diagnostic(code="hand-over", line=line, column=column, text=text, message=message, hint=_ALONE)])


def _elsewhere(step: Step) -> Diagnostic:
    text, message = step.source.partition("\n")[0][:80], "A hand-over stands alone on its line."
    return Diagnostic(code="hand-over", line=max(step.at.line, 1), column=1, text=text, message=message, hint=_ALONE)
