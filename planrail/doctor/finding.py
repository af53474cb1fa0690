"""Finding: one thing that the doctor has looked at, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """A `problem` stops something that is needed; a `note` is worth knowing, and may be meant."""

    what: str
    level: Level
    told: str
    remedy: str = ""


def well(what: str, told: str) -> Finding:
    """Nothing to be done."""
    return Finding(what, "ok", told)


def note(what: str, told: str, remedy: str) -> Finding:
    """Worth knowing."""
    return Finding(what, "note", told, remedy)


def problem(what: str, told: str, remedy: str) -> Finding:
    """To be mended."""
    return Finding(what, "problem", told, remedy)
