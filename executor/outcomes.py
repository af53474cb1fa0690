"""Outcomes: what may have become of a step, and of one slot of a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from planner.labels import NO_LABEL, Label, Tagged

SurpriseKind = Literal["expect", "failed", "expression", "fan_out", "refused", "shape"]


@dataclass(frozen=True, slots=True)
class Pending:
    """Not known yet."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A guard was false: the step's names are null."""

    choice: Label = NO_LABEL


@dataclass(frozen=True, slots=True)
class Done:
    """The step has its value."""

    value: Tagged


@dataclass(frozen=True, slots=True)
class Failed:
    """The step has none: a surprise."""

    kind: SurpriseKind
    message: str
    item: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A slot without a call. `outside`: its source has no such element, so that it takes no place in the list either."""

    outside: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """A slot, or a single call, whose inputs are there: the names that it sees."""

    scope: Mapping[str, Tagged]


Outcome = Pending | Skipped | Done | Failed
Slot = Pending | Absent | Ready | Done | Failed
PENDING = Pending()
NULL = Tagged(None)
