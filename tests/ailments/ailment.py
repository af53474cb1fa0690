"""Ailment: one misconfiguration: how it is planted, the row that tells it, and how the row's remedy is applied."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from planrail.doctor import Level
from tests.ailments.ward import Ward

Course = Callable[[Ward], AsyncIterator[None]]
"""Plants it, yields, and applies the remedy; a second yield keeps what the remedy has started until the doctor has looked."""


@dataclass(frozen=True)
class Ailment:
    """`told` and `remedy` are parts of what the row `what` says."""

    case: str
    what: str
    level: Level
    told: str
    remedy: str
    course: Course
    slow: bool = False  # takes a second or more: a proof


AILMENTS: list[Ailment] = []


def ailment(case: str, what: str, level: Level, told: str, remedy: str, *, slow: bool = False) -> Callable[[Course], Course]:
    """The function is the course of that misconfiguration."""

    def added(course: Course) -> Course:
        AILMENTS.append(Ailment(case, what, level, told, remedy, course, slow))
        return course

    return added
