"""Pushing: the commands that look after push notifications: list, retry. A worker or a server delivers them."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from executor.errors import UnknownRun
from executor.journal.outbox import Subscriber
from planner.errors import PlanrailError
from planner.toolspec import Json
from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.text import line, moment, plural
from planrail.house import House


class UnknownSubscriber(PlanrailError):
    """Nobody is notified of that run, or not by that configuration."""

    fault = "user"


_SHOWN = frozenset(("run", "id", "place", "since", "seq", "attempts", "problem", "dead"))


def listed(output: Output, *, dead: bool, limit: int) -> int:
    """Those of all principals, the newest first: this is for whoever looks after the house."""

    async def work(house: House, _: Trip) -> int:
        found = await house.journal.outbox.find(dead=dead, limit=limit)
        if output.json:
            output.document([_document(s) for s in found])
        elif found:
            output.console.print(_table(found))
        else:
            output.console.print("None was given up." if dead else "Nobody is notified of anything.")
        return DONE

    return in_house(settings_here(), work)


def _state(s: Subscriber) -> str:
    if s.dead:
        return "given up"
    if s.attempts:
        return "failing"
    return "done" if s.closed else "told" if s.seq else "new"


def _table(found: list[Subscriber]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("run", "id", "to", "state", "event", "next"):
        table.add_column(heading, no_wrap=True)
    table.add_column("problem", overflow="ellipsis", no_wrap=True, ratio=1)
    for s in found:
        style = {"given up": "bold red", "failing": "yellow"}.get(_state(s), "")
        waits = _at(s.next_at) if _waits(s) else None
        table.add_row(
            s.run, line(s.id, 24), line(s.place, 60), Text(_state(s), style=style), str(s.seq), moment(waits), line(s.problem)
        )  # fmt: skip
    return table


def _document(s: Subscriber) -> dict[str, Json]:
    times = {
        "created_at": s.created_at,
        "told_at": s.told_at,
        "failing_at": s.failing_at,
        "next_at": s.next_at if _waits(s) else None,
    }
    told = {name: None if ms is None else _at(ms).isoformat() for name, ms in times.items()}
    return {**s.model_dump(mode="json", include=set(_SHOWN)), "state": _state(s), **told}


def _waits(s: Subscriber) -> bool:
    """Whether it waits for the time of its next attempt."""
    return s.attempts > 0 and not s.dead


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def retry(output: Output, run: str | None, name: str | None) -> int:
    """Try again; how many there are to be tried. Raises UnknownRun, and UnknownSubscriber."""

    async def work(house: House, _: Trip) -> int:
        if run is not None:
            await _known(house, run, name)
        count = await house.journal.outbox.revive(run, name)
        if output.json:
            output.document({"again": count})
        elif count:
            again = f"{plural(count, 'configuration')}: tried again at once, by `planrail serve` or `planrail worker`."
            output.console.print(again, soft_wrap=True)
        else:
            output.console.print(
                "None was given up." if run is None else "Nothing of it has failed: there is nothing to try again."
            )
        return DONE

    return in_house(settings_here(), work)


async def _known(house: House, run: str, name: str | None) -> None:
    if await house.journal.get(run) is None:
        raise UnknownRun(f"There is no run {run}.", hint="`planrail push list` shows which runs somebody is notified of.")
    ids = [s.id for s in await house.journal.outbox.of(run)]
    if not ids:
        hint = "A client configures that over A2A; it is forgotten some time after the run's end."
        raise UnknownSubscriber(f"Nobody is notified of the run {run}.", hint=hint)
    if name is not None and name not in ids:
        raise UnknownSubscriber(f"The run {run} has no configuration {name}.", hint=f"It has {', '.join(ids)}.")
