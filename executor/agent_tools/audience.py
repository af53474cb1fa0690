"""Audience: whoever follows what an agent says while it says it. A delegated step waits for the end alone: nobody listens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from a2a.types import StreamResponse


class Audience(Protocol):
    """What it is told is of our own task, as it came, and untrusted."""

    def heard(self, event: StreamResponse) -> None:
        """Take what the agent has said now."""
        ...

    @property
    def parameters(self) -> Mapping[str, str]:
        """The headers by which the next request asks to be told more, or from where on."""
        ...


class Nobody:
    """Listens to nothing."""

    parameters: Mapping[str, str] = {}

    def heard(self, event: StreamResponse) -> None:
        """Let it pass."""
