"""Storable: what both databases can hold, for the types of arguments that become rows."""

from __future__ import annotations


def storable(text: str) -> str:
    """The text itself; raises ValueError for one with a NUL character, which PostgreSQL refuses."""
    if "\x00" in text:
        raise ValueError("PostgreSQL stores no NUL character")
    return text
