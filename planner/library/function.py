"""LibraryFunction: one entry of the library, for the interpreter, the compiler, the prompt and the docs alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.bounds import Meter
from planner.clock import Clock
from planner.elements import elements
from planner.errors import ExpressionError
from planner.labels import NO_LABEL, Label, Labels, Tagged, join_all
from planner.toolspec import JsonSchema
from planner.values import Value, is_number, kind

KeyFunction = Callable[[Tagged], Tagged]
Receiver = Literal["str", "list", "dict"]


@dataclass(frozen=True, slots=True)
class Arguments:
    """What one call hands to a library function. `key` is the function given as `key=`."""

    function: str
    positional: tuple[Tagged, ...]
    named: Mapping[str, Tagged]
    key: KeyFunction | None
    meter: Meter
    clock: Clock

    def tagged(self, index: int, name: str = "") -> Tagged | None:
        """The argument at a position or, if there is none, of a name."""
        return self.positional[index] if index < len(self.positional) else self.named.get(name)

    def value(self, index: int, name: str = "", default: Value = None) -> Value:
        """The value at a position or of a name, else the default."""
        found = self.tagged(index, name)
        return default if found is None else found.value

    def text(self, index: int, name: str = "", default: str = "") -> str:
        """As `value`, for a text."""
        found = self.value(index, name, default)
        if not isinstance(found, str):
            raise self.unfit("a text", found)
        return found

    def integer(self, index: int, name: str = "", default: int = 0) -> int:
        """As `value`, for a whole number."""
        found = self.value(index, name, default)
        if not isinstance(found, int):
            raise self.unfit("a whole number", found)
        return found

    def number(self, index: int, name: str = "", default: float = 0) -> int | float:
        """As `value`, for a number."""
        found = self.value(index, name, default)
        if not is_number(found):
            raise self.unfit("a number", found)
        return found  # type: ignore[no-any-return]  # is_number has looked

    def elements(self, index: int) -> list[Tagged]:
        """The elements of the list at a position."""
        return elements(self.positional[index], self.meter)

    def label(self) -> Label:
        """The join of everything in all arguments."""
        return join_all(t.labels.whole() for t in (*self.positional, *self.named.values()))

    def unfit(self, wanted: str, found: Value) -> ExpressionError:
        """The error of an argument that has the wrong kind."""
        hint = "Use str()." if wanted == "a text" else ""
        return ExpressionError(f"{self.function}() wants {wanted}, not {kind(found)}", hint=hint)


Implementation = Callable[[Arguments], Tagged]


@dataclass(frozen=True, slots=True)
class LibraryFunction:
    """A function of the library. `signature` is what the prompt prints, `returns` {} when the type depends.

    For a method, `receivers` says on which types it is and the receiver is the implementation's first argument; the counts
    are without it.
    """

    name: str
    signature: str
    summary: str
    returns: JsonSchema
    implementation: Implementation
    minimum: int = 1  # positional arguments
    maximum: int = 1
    keywords: tuple[str, ...] = ()
    receivers: tuple[Receiver, ...] = field(default=())

    def misuse(self, positional: int, keywords: tuple[str | None, ...]) -> str:
        """What is wrong with a call of so many positional arguments and these keywords; "" when nothing is."""
        if positional < self.minimum or positional > self.maximum:
            counts = f"{self.minimum}" if self.minimum == self.maximum else f"{self.minimum} to {self.maximum}"
            return f"{self.name}() takes {counts} arguments, not {positional}"
        unknown = next((k for k in keywords if k not in self.keywords), "")
        if unknown != "":
            return f"{self.name}() has no argument {'**' if unknown is None else unknown}"
        return f"{self.name}() is given an argument twice" if len(set(keywords)) < len(keywords) else ""


def plain(function: Callable[[Arguments], Value]) -> Implementation:
    """A function of values as one of tagged values: the result stems from everything in all arguments."""

    def implementation(arguments: Arguments) -> Tagged:
        label = arguments.label()
        return Tagged(function(arguments), Labels.of(label) if label is not NO_LABEL else Labels())

    return implementation
