"""Bounds: what one evaluation of an expression may use, and the meter that is asked before anything is made."""

from __future__ import annotations

from dataclasses import dataclass

from planner.errors import BoundExceeded


@dataclass(frozen=True, slots=True)
class Bounds:
    """The ceilings of one evaluation. At each of them the evaluation stops with BoundExceeded: a surprise."""

    operations: int = 1_000_000  # nodes visited, loop steps and elements made or compared, all together
    depth: int = 64  # nodes nested in each other; a deeper expression is not entered
    size: int = 10_000_000  # characters or elements of any one value; a larger one is not made
    characters: int = 25_000_000  # characters read or made, all together; the next function is not started
    bits: int = 4_096  # of a whole number; a larger one is not computed
    pattern: int = 1_000  # characters of a regular expression; a longer one is not compiled


BOUNDS = Bounds()


class Meter:
    """What is left of the bounds. Every method raises BoundExceeded instead of letting a ceiling be passed."""

    __slots__ = ("bounds", "characters_left", "depth_left", "operations_left")

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.operations_left = bounds.operations
        self.characters_left = bounds.characters
        self.depth_left = bounds.depth

    def work(self, operations: int) -> None:
        """Spend operations."""
        self.operations_left -= operations
        if self.operations_left < 0:
            raise BoundExceeded(
                f"More than {self.bounds.operations:,} operations are needed", hint="Filter earlier, or let a tool do it."
            )

    def elements(self, count: int) -> None:
        """Make a list, set or object of so many elements."""
        self._fits(count)
        self.work(count)

    def read(self, characters: int) -> None:
        """Look at so many characters of text."""
        self.characters_left -= characters
        if self.characters_left < 0:
            raise BoundExceeded(
                f"More than {self.bounds.characters:,} characters are handled", hint="Let a tool do bulk work on text."
            )

    def text(self, characters: int) -> None:
        """Make a text of so many characters."""
        self._fits(characters)
        self.read(characters)

    def integer(self, bits: int) -> None:
        """Make a whole number of so many bits."""
        if bits > self.bounds.bits:
            raise BoundExceeded(f"A whole number has more than {self.bounds.bits:,} bits")

    def too_deep(self) -> BoundExceeded:
        """The error of an expression that nests deeper than it may."""
        return BoundExceeded(f"The expression nests deeper than {self.bounds.depth}", hint="Name a part of it.")

    def _fits(self, size: int) -> None:
        if size > self.bounds.size:
            raise BoundExceeded(f"A value of {size:,} characters or elements is too large; {self.bounds.size:,} may be")
