"""Learned: what tools that do not declare it were seen to return, for the commands that show tools."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from executor.shapes import Learned, key_of, learned_of
from planner.errors import PlanrailError
from planner.toolspec import Json, ToolSpec
from planrail.cli.output import Output
from planrail.settings import Settings
from planrail.toolbox import unopened_database


def learned_by(output: Output, settings: Settings, specs: Sequence[ToolSpec]) -> dict[str, Learned]:
    """By tool, what its results were like. The database is opened only where that matters, and none is made."""
    if not any(key_of(spec) for spec in specs) or not _is_there(settings):
        return {}
    try:
        return asyncio.run(_read(settings, specs))
    except PlanrailError as error:
        if not output.json:
            output.console.print(f"What tools were seen to return cannot be shown: {error.message}", style="dim", markup=False)
        return {}


def _is_there(settings: Settings) -> bool:
    url = unopened_database(settings)().url
    return url.get_backend_name() != "sqlite" or Path(url.database or "").exists()


async def _read(settings: Settings, specs: Sequence[ToolSpec]) -> dict[str, Learned]:
    from executor.journal.sql import SqlJournal  # noqa: PLC0415  # a second to load, for tools without schemas alone

    async with await SqlJournal.open(settings.url) as journal:
        return await learned_of(journal.shapes, specs)


def document(learned: Learned) -> Json:
    """As JSON."""
    shape = dict(learned.shape)
    return {"version": learned.version, "results": learned.seen.calls, "words": learned.words, "schema": shape}
