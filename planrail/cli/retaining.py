"""Retaining: the command `planrail prune`."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import get_args

from rich.table import Table

from executor.events import TERMINAL, RunStatus
from executor.journal.space import Space
from planner.duration import duration_text, seconds_of
from planrail.cli.asking import read_line
from planrail.cli.errors import DONE, FAILED, UsageError
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.text import moment, plural
from planrail.house import House
from planrail.retention import Pruned, old_of
from planrail.settings import Settings

_SINGULAR = {
    "runs": "run", "events": "event", "folders": "folder", "artifacts": "artifact", "schedules": "schedule", "keys": "key",
    "kept plans": "kept plan", "learned shapes": "learned shape", "days of quotas": "day of a quota",
    "sums of sessions": "sum of a session",
}  # fmt: skip


def prune(
    output: Output, older_than: str | None, *, keep_failed: bool, statuses: Sequence[str], dry_run: bool, yes: bool
) -> int:  # fmt: skip
    """Remove runs that are over and were not changed for so long; raises UsageError."""
    settings = settings_here()
    seconds = _seconds(older_than, settings)
    now = datetime.now(UTC)
    keep_failed = keep_failed or settings.retention.keep_failed
    old = old_of(now - timedelta(seconds=seconds), statuses=_statuses(statuses), keep_failed=keep_failed)

    async def work(house: House, _: Trip) -> int:
        found = await house.retention.look(old)
        told = f"{plural(found.runs, 'run')}, not changed for {duration_text(seconds)}"
        if not output.json:
            _tell(output, found, told)
        if dry_run or not found.runs:
            return _end(output, found)
        if not yes and not await agreed(output, f"Remove {plural(found.runs, 'run')}?"):
            return FAILED
        shown = not output.json and output.stream.isatty()
        with output.console.status("removing …") if shown else nullcontext() as status:
            done = await house.retention.prune(
                old, by=by_whom(), forget=forget_before(settings, now),
                progress=lambda count: None if status is None else status.update(f"{count:,} removed …"),
            )  # fmt: skip
        assert done is not None
        return _end(output, done)

    return in_house(settings, work)


def _seconds(older_than: str | None, settings: Settings) -> float:
    wanted = older_than or settings.retention.older_than
    if not wanted:
        raise UsageError("Say how old runs have to be: --older-than 90d, or older_than in [retention] of planrail.toml.")
    seconds = seconds_of(wanted)
    if seconds is None:
        raise UsageError(f"--older-than {wanted}: write a length of time, like 90d or 12h.")
    return seconds


def _statuses(names: Sequence[str]) -> tuple[RunStatus, ...]:
    over = [s for s in get_args(RunStatus) if s in TERMINAL]
    for name in names:
        if name not in over:
            raise UsageError(f"Runs that are {name} are not removed.", hint=f"--status is one of: {', '.join(over)}.")
    return tuple(s for s in over if s in names)


def by_whom() -> str:
    """Who removes, as receipts have it: the user of the system."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without users
        return "local"


def forget_before(settings: Settings, now: datetime) -> datetime:
    """What was removed before then is not remembered."""
    return now - timedelta(seconds=seconds_of(settings.retention.remember) or 0.0)


async def agreed(output: Output, question: str) -> bool:
    if not output.interactive:
        raise UsageError("Nobody is there to be asked.", hint="--yes removes them, --dry-run shows them.")
    output.console.print(f"{question} [y/N] ", end="")
    return (await read_line()).strip().lower() in ("y", "yes")


def _tell(output: Output, found: Pruned, told: str) -> None:
    console = output.console
    if not found.runs:
        console.print("Nothing is old enough.")
        return
    console.print(told)
    table = Table(box=None, pad_edge=False)
    for head in ("status", "runs", "events", "begun first", "begun last"):
        table.add_column(head, justify="right" if head in ("runs", "events") else "left", no_wrap=True)
    for f in found.found:
        table.add_row(f.status, f"{f.runs:,}", f"{f.events:,}", moment(f.first), moment(f.last))
    console.print(table)


def _end(output: Output, pruned: Pruned) -> int:
    if output.json:
        output.document({**pruned.model_dump(mode="json"), "runs": pruned.runs})
    elif pruned.receipt:
        output.console.print(f"removed {counted(pruned.removed) or 'nothing'}", soft_wrap=True)
        if pruned.space is not None:
            tell_space(output, pruned.space)
    return DONE


def counted(counts: Mapping[str, int]) -> str:
    """`3 runs, 1 artifact`; the words stand in the plural."""
    return ", ".join(f"{n:,} {_SINGULAR.get(what, what) if n == 1 else what}" for what, n in counts.items() if n)


def tell_space(output: Output, space: Space) -> None:
    """How large the database is now."""
    output.console.print(f"the database has {_megabytes(space.after)}, {_megabytes(space.before)} before")
    for note in space.notes:
        output.console.print(note, soft_wrap=True)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
