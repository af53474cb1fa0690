"""Lift: one statement → its steps. Calls within expressions become steps of their own; see `planner.program`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from planner.diagnostic import Diagnostic
from planner.forms import Form, Forms, attempts
from planner.names import Names
from planner.program import Guard, Space, Step
from planner.refusal import Refusal
from planner.syntax import (
    And,
    Attribute,
    Bind,
    Branch,
    Call,
    Clause,
    Comprehension,
    Either,
    Expr,
    IfElse,
    Lambda,
    Name,
    Node,
    Or,
    Unary,
    rebuild,
    target_names,
)
from planner.toolspec import ToolSpec
from planner.until import is_until_step, with_test

_IN_FIRST = "`first` makes one call for each element: a second one has no place in it."
MAX_STEPS = 1_000  # of a program; one more is refused


@dataclass
class _Maps:
    """The comprehension that is being read: its clauses so far, and the slots that were lifted out of it."""

    clauses: list[Clause] = field(default_factory=list)
    slots: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """Where an expression stands. `refused` says why no call may stand here; `local` are names that comprehensions bind."""

    label: str
    guards: tuple[Guard, ...]
    conditions: tuple[Expr, ...] = ()
    maps: _Maps | None = None
    local: frozenset[str] = frozenset()
    refused: str = ""


class Lifter:
    """Reads statements in the script's order and collects their steps, or what is wrong with them."""

    def __init__(
        self, tools: Mapping[str, ToolSpec], parameters: frozenset[str], ids: Sequence[str] = (), taken: Collection[str] = ()
    ) -> None:  # fmt: skip
        self.steps: list[Step] = []
        self.ids: list[str] = []  # of the statements so far, in their order
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = []
        self._names = Names(tools, parameters)
        self._forms = Forms(tools, self._names)
        self._given = tuple(ids)
        self._taken = {*ids, *taken}
        self._labels: dict[str, int] = {}
        self._branches = 0

    def bind(self, statement: Bind, guards: tuple[Guard, ...]) -> None:
        """Read `targets = value` or a bare call."""
        label = self._label(statement)
        try:
            self._value(statement, _Place(label, guards))
        except Refusal as refusal:
            self.errors.append(refusal.diagnostic)
        for name in statement.targets:
            self._bind_name(name, statement, guards)

    def reserved(self, parameters: Iterable[str]) -> list[tuple[str, str]]:
        """Parameters that cannot be bound, each with the reason."""
        reasons = ((name, self._names.reserved(name) or _no_name(name)) for name in sorted(parameters))
        return [(name, reason) for name, reason in reasons if reason]

    def unread(self, names: Iterable[str], guards: tuple[Guard, ...] = ()) -> None:
        """Take names for bound whose statements could not be read, so that nothing is said of their uses."""
        for name in names:
            self._names.bind(name, guards)

    def test(self, statement: Branch, guards: tuple[Guard, ...]) -> tuple[Expr, int]:
        """Read the test of an `if`; its number tells its branches from those of others."""
        self._branches += 1
        place = _Place(self._unique(f"if{statement.at.line}"), guards)
        try:
            return self._lower(statement.test, place), self._branches
        except Refusal as refusal:
            self.errors.append(refusal.diagnostic)
            return statement.test, self._branches

    # -- statements

    def _value(self, statement: Bind, place: _Place) -> None:
        value = statement.value
        form = self._forms.form(value, place.local) if isinstance(value, Call) else None
        if isinstance(value, Call) and form is not None:
            self._emit(form, value, place, statement, whole=True)
            return
        if isinstance(value, Comprehension) and value.kind == "list" and self._mapped(statement, value, place):
            return
        if not statement.targets:
            raise Refusal.of(value, "no-effect", "This value goes nowhere.", "Give it a name, or answer(…) with it.")
        lowered = self._lower(value, place)
        self._add(Step("", "let", {"value": lowered}), place.label, statement, place, whole=True)

    def _mapped(self, statement: Bind, value: Comprehension, place: _Place) -> bool:
        """Read `[call(…) for …]`, whose call is the statement's own step; False if the element is no step."""
        bound = frozenset(n for c in value.clauses for n in target_names(c.target))
        call = value.element
        form = self._forms.form(call, place.local | bound) if isinstance(call, Call) else None
        if form is None or not isinstance(call, Call):
            return False
        _, inner = self._clauses(value, place)
        self._emit(form, call, inner, statement, whole=True)
        return True

    def _emit(self, form: Form, call: Call, place: _Place, statement: Bind | None, *, whole: bool) -> Step:
        """Make the step of a call whose arguments may hold further calls."""
        if place.refused:
            raise Refusal.of(call, "call-place", place.refused, "Give the call a line of its own, under an `if` if need be.")
        if not whole and not form.form.in_expressions:
            raise Refusal.of(call, "statement-only", f"{form.form.word}(…) is a statement.", "Give it a line of its own.")
        if place.maps is not None and not (form.form.in_expressions and form.form.in_maps):
            hint = "" if form.form.in_maps else "Give it a line of its own."
            raise Refusal.of(call, "statement-only", f"{form.form.word}(…) has no place in a comprehension.", hint)
        outer = place
        if is_until_step(call):
            call = with_test(call, statement.targets if statement is not None else ())
        if form.form.word == "first":
            _, place = self._clauses(attempts(form.form, call), place, refused=_IN_FIRST)
        inner = place
        step = self._forms.step(
            form,
            call,
            lambda e: self._lower(e, inner),
            lambda e: self._lower(e, replace(outer, refused="A call in otherwise= or default= would run in any case.")),
            lambda e: self._argument(e, replace(outer, refused="A call has no place in until=.")),
        )
        number = "" if whole else f".{self._count(place.label)}"
        return self._add(step, place.label + number, statement, place, whole=whole, call=call)

    def _add(
        self, step: Step, name: str, statement: Bind | None, place: _Place, *, whole: bool, call: Call | None = None
    ) -> Step:  # fmt: skip
        where = call or statement
        assert where is not None
        space = None
        if place.maps is not None:
            space = Space(tuple(place.maps.clauses), tuple(place.maps.slots))
        done = replace(
            step,
            id=name,
            to=statement.targets if statement is not None and whole else (),
            guards=place.guards,
            space=space,
            conditions=place.conditions if space else (),
            at=statement.at if statement is not None else where.at,
            source=statement.text if statement is not None else where.text,
        )
        if len(self.steps) >= MAX_STEPS:
            raise Refusal.of(
                call or statement or where, "too-long", f"The script has more than {MAX_STEPS:,} steps.", "Use maps."
            )
        self.steps.append(done)
        return done

    # -- expressions

    def _lower(self, node: Expr, place: _Place) -> Expr:
        return self._lower_node(node, place)  # type: ignore[return-value]  # an expression is rebuilt as an expression

    def _lower_node(self, node: Node, place: _Place) -> Node:
        match node:
            case Name():
                self._read(node, place)
                return node
            case Call():
                return self._call(node, place)
            case Comprehension():
                return self._comprehension(node, place)
            case And() | Or():
                inner = replace(place, refused=place.refused or "A call under and / or has no certain turn.")
                return rebuild(node, lambda n: self._lower_node(n, inner))
            case IfElse():
                return self._if_else(node, place)
            case Lambda():
                raise Refusal.of(node, "lambda", "A lambda stands only as key= of min, max and sorted, and as until=.")
            case Either():
                raise Refusal.of(node, "operator", "`|` stands between types only.", "Use `or`, or x + y for lists.")
            case _:
                return rebuild(node, lambda n: self._lower_node(n, place))

    def _read(self, node: Name, place: _Place) -> None:
        if node.id in place.local:
            return
        match self._names.readable(node.id, place.guards):
            case "bound":
                return
            case "partly":
                self.warnings.append(
                    Refusal.of(node, "partly-bound", f"`{node.id}` is bound in some branches only: elsewhere it is null.")
                    .diagnostic.model_copy(update={"severity": "warning"})
                )  # fmt: skip
                return
            case "elsewhere":
                raise Refusal.of(node, "unbound", f"`{node.id}` is bound only where this line is not reached.")
            case _:
                raise Refusal.of(
                    node, "unbound", self._forms.unbound(node.id, place.local), self._forms.near(node.id, place.local)
                )

    def _call(self, node: Call, place: _Place) -> Node:
        form = self._forms.form(node, place.local)
        if form is not None:
            step = self._emit(form, node, place, None, whole=False)
            if place.maps is not None:
                place.maps.slots.append((step.hidden, len(place.maps.clauses)))
            return Name(step.hidden, at=node.at, text=node.text)
        self._forms.check_function(node, place.local)
        if isinstance(node.func, Name):
            func: Expr = node.func
        elif self._forms.is_library(node, place.local):
            func = node.func
        else:
            func = rebuild(node.func, lambda n: self._lower_node(n, place))
        args = tuple(self._lower(a, place) for a in node.args)
        keywords = tuple((k, self._argument(v, place)) for k, v in node.keywords)
        return replace(node, func=func, args=args, keywords=keywords)

    def _argument(self, node: Expr, place: _Place) -> Expr:
        """A library function's named argument, which alone may be a lambda."""
        if not isinstance(node, Lambda):
            return self._lower(node, place)
        self._refuse_reserved((node.parameter,), node)
        local = place.local | {node.parameter}
        inner = replace(place, local=local, refused=place.refused or "A call has no place in a lambda.")
        return replace(node, body=self._lower(node.body, inner))

    def _if_else(self, node: IfElse, place: _Place) -> Node:
        test = self._lower(node.test, place)
        sides: list[Expr] = []
        branch = self._branches = self._branches + 1
        for when, side in ((True, node.body), (False, node.orelse)):
            if place.maps is None:
                inner = replace(place, guards=(*place.guards, Guard(test, when, branch)))
            else:
                inner = replace(place, conditions=(*place.conditions, test if when else Unary("not", test)))
            sides.append(self._lower(side, inner))
        return replace(node, test=test, body=sides[0], orelse=sides[1])

    def _comprehension(self, node: Comprehension, place: _Place) -> Node:
        if place.maps is not None:  # a comprehension in a comprehension is pure, but for what its first `in` holds
            first = self._lower(node.clauses[0].iterable, place)
            rest = replace(place, refused=place.refused or "A call in a comprehension within another has no place.")
            return self._pure(node, first, rest)
        slots, inner = self._clauses(node, place)
        element = self._lower(node.element, inner)
        value = None if node.value is None else self._lower(node.value, inner)
        return replace(node, element=element, value=value, clauses=_closed(inner, slots), slots=tuple(slots.slots))

    def _pure(self, node: Comprehension, first: Expr, place: _Place) -> Node:
        clauses: list[Clause] = []
        inner = place
        for number, clause in enumerate(node.clauses):
            iterable = first if number == 0 else self._lower(clause.iterable, inner)
            inner = replace(inner, local=inner.local | self._targets(clause))
            conditions = tuple(self._lower(c, inner) for c in clause.conditions)
            clauses.append(replace(clause, iterable=iterable, conditions=conditions))
        value = None if node.value is None else self._lower(node.value, inner)
        return replace(node, element=self._lower(node.element, inner), value=value, clauses=tuple(clauses))

    def _clauses(self, node: Comprehension, place: _Place, *, refused: str = "") -> tuple[_Maps, _Place]:
        """Read the clauses; the place of the element, where a call is a map over them, or is refused."""
        maps = _Maps()
        inner = replace(place, maps=maps, refused=place.refused or refused)
        for number, clause in enumerate(node.clauses):
            if number == 0:
                iterable = self._lower(clause.iterable, place)
            else:
                iterable = self._lower(clause.iterable, inner)
                maps.clauses[-1] = replace(maps.clauses[-1], conditions=inner.conditions)
            unchanged = iterable is clause.iterable and not clause.conditions
            maps.clauses.append(clause if unchanged else replace(clause, iterable=iterable, conditions=()))
            inner = replace(inner, local=inner.local | self._targets(clause), conditions=())
            for condition in clause.conditions:
                lowered = self._lower(condition, inner)
                inner = replace(inner, conditions=(*inner.conditions, lowered))
        return maps, inner

    # -- names

    def _targets(self, clause: Clause) -> frozenset[str]:
        names = target_names(clause.target)
        self._refuse_reserved(names, clause)
        return frozenset(names)

    def _refuse_reserved(self, names: tuple[str, ...], node: Node) -> None:
        for name in names:
            if reason := self._names.reserved(name):
                raise Refusal.of(node, "reserved", f"`{name}` {reason}.", "Use another name.")

    def _bind_name(self, name: str, statement: Bind, guards: tuple[Guard, ...]) -> None:
        if reason := self._names.reserved(name):
            refusal = Refusal.of(statement, "reserved", f"`{name}` {reason}.", "Use another name.")
            self.errors.append(refusal.diagnostic)
        elif not self._names.bind(name, guards):
            message = f"`{name}` is assigned already."
            self.errors.append(Refusal.of(statement, "assigned-twice", message, "Give the new value a new name.").diagnostic)

    def _label(self, statement: Bind) -> str:
        if statement.targets:
            return self._unique(statement.targets[0])
        call = statement.value.element if isinstance(statement.value, Comprehension) else statement.value
        match call:
            case Call(func=Attribute(key=word)) | Call(func=Name(id=word)):
                return self._unique(word)
            case _:
                return self._unique("value")

    def _unique(self, label: str) -> str:
        """The statement's id: the one that is given, else the label, numbered where it was used before."""
        name = self._given[len(self.ids)] if len(self.ids) < len(self._given) else self._fresh(label)
        self.ids.append(name)
        return name

    def _fresh(self, label: str) -> str:
        while True:
            self._labels[label] = number = self._labels.get(label, 0) + 1
            name = label if number == 1 else f"{label}#{number}"
            if name not in self._taken:
                return name

    def _count(self, label: str) -> int:
        self._labels[f"{label}."] = number = self._labels.get(f"{label}.", 0) + 1
        return number


def _no_name(name: str) -> str:
    return "" if name.isascii() and name.isidentifier() and not name.startswith("__") else "is no name of the language"


def _closed(place: _Place, maps: _Maps) -> tuple[Clause, ...]:
    """All clauses with all their conditions, once the last one is read."""
    return (*maps.clauses[:-1], replace(maps.clauses[-1], conditions=place.conditions))
