"""Keyring: what a worker has of secrets: whether one of that name is set, and how it would be. Never their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def unsaid(name: str) -> str:
    """Nothing is known of how it is set."""
    return ""


def no_further(tool: str) -> tuple[str, ...]:
    """It takes none but what a plan gives it."""
    return ()


@dataclass(frozen=True)
class Keyring:
    """Both may change while a run goes: a secret that is set meanwhile is found."""

    has: Callable[[str], bool]
    how: Callable[[str], str] = unsaid  # in a sentence
    taken: Callable[[str], tuple[str, ...]] = no_further  # by every call of a tool, besides what a plan gives it
