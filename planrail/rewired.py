"""Rewired: what stands in place of the configured models and around the tools, for a house that is evaluated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from executor.tool import Tool
from planner.models import Models


def _same(models: Models) -> Models:
    return models


@dataclass(frozen=True)
class Rewired:
    """`models` is given the configured ones; `tool`, where there is one, each tool as it is first asked for."""

    models: Callable[[Models], Models] = _same
    tool: Callable[[Tool], Tool] | None = None


AS_CONFIGURED = Rewired()
