"""Slot: a place in a goal where another value may stand: an enumeration, a number, digits, or a name of at most three words.

What a name is, so that no order to do something can be one: at most three words with a space between them, at most 60
characters. A word begins with an upper-case letter or a digit; letters and digits follow, and within it hyphens, apostrophes,
dots and ampersands. A dot may end a word, but not the name (St. Louis). None of the words is one that joins, denies, excepts
or orders (and, then, not, except, delete, send, …), however it is written. Writing without upper case has no names here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import re2
from pydantic import BaseModel, ConfigDict

from planner.toolspec import Json

Kind = Literal["enum", "integer", "number", "digits", "name"]
_TEXTS = ("enum", "digits", "name")
MAX_NAME = 60  # characters
MAX_CHOICES = 200  # values of an enumeration; of a longer one no slot is made
_WORD = r"[\p{Lu}\p{Lt}\p{Nd}][\p{L}\p{M}\p{Nd}]*(?:[-'’.&][\p{L}\p{Nd}][\p{L}\p{M}\p{Nd}]*)*"
_PATTERNS: Mapping[Kind, str] = {
    "integer": r"0|[1-9][0-9]{0,8}",
    "number": r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{0,5}[1-9])?",
    "digits": r"[0-9]{1,15}",
    "name": rf"(?:{_WORD}\.? ){{0,2}}?{_WORD}",
}
_NO_NAMES = (
    "and or nor but then than also plus not no never none except without unless only if else while until when where "
    "all any every each both everything everyone anyone anything nothing instead ignore disregard forget override "
    "to from with for by into onto about after before over under as is are was be do does did please "
    "add answer approve assign book buy call cancel change charge clear close copy create delete disable drop email erase "
    "execute export fetch find forward give grant invite kill list mail make merge move open order overwrite pay post print "
    "publish purge put read refund reject remove rename replace reply reset revoke run save sell send set share show start "
    "stop submit tell transfer update upload use wipe wire write"
)
_NEVER = frozenset(_NO_NAMES.split())


class Slot(BaseModel):
    """`choices` are an enumeration's, `least` and `most` a number's. A slot that is not `free` holds what was tried alone."""

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    free: bool = True

    @property
    def pattern(self) -> str:
        """The text of a value, as an expression of RE2."""
        if self.kind == "enum":
            return "|".join(str(re2.escape(c)) for c in sorted(self.choices, key=len, reverse=True))
        return _PATTERNS[self.kind]

    @property
    def words(self) -> int:
        """The most words that a value has."""
        return max(c.count(" ") + 1 for c in self.choices) if self.kind == "enum" else 3 if self.kind == "name" else 1

    def value(self, text: str) -> Json:
        """The value that a text of a goal stands for; None where it is none of this slot's."""
        match self.kind:
            case "enum":
                return text if text in self.choices else None
            case "digits":
                return text if re.fullmatch(r"[0-9]{1,15}", text) else None
            case "name":
                return text if is_name(text) else None
            case _:
                return self._number(text)

    def _number(self, text: str) -> Json:
        if not re2.fullmatch(_PATTERNS[self.kind], text):
            return None
        number = int(text) if text.isdigit() else float(text)
        low, high = self.least is None or number >= self.least, self.most is None or number <= self.most
        return number if low and high and str(number) == text else None

    def admits(self, value: Json, tried: Sequence[Json]) -> bool:
        """Whether the value may stand here, when those were `tried`; see `tried_with`."""
        if self.free:
            return True
        if self.kind in _TEXTS:
            return len(tried) > 1 or value in tried
        return bool(tried) and tried[0] <= value <= tried[-1]


def tried_with(slot: Slot, tried: Sequence[Json], value: Json) -> tuple[Json, ...]:
    """What is remembered of the values with which a plan ran well: two texts, the smallest and the largest number."""
    if slot.kind in _TEXTS:
        return tuple(tried) if value in tried or len(tried) > 1 else (*tried, value)
    return (min((*tried, value)), max((*tried, value)))


def is_name(text: str) -> bool:
    """Whether the text is a name; see above."""
    if len(text) > MAX_NAME or not re2.fullmatch(_PATTERNS["name"], text):
        return False
    return any(c.isalpha() for c in text) and not any(part.casefold() in _NEVER for part in re.split(r"[ .&-]", text))
