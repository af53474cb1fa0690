"""Pushing: the commands that look after push notifications: list, retry. A worker or a server delivers them."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from executor.journal.outbox import Subscriber
from planner.toolspec import Json
from planrail.cli.errors import DONE, FAILED
from planrail.cli.output import Output
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.text import line, moment, plural
from planrail.house import House

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
        waits = _at(s.next_at) if s.attempts and not s.dead else None
        table.add_row(
            s.run, line(s.id, 24), line(s.place, 60), Text(_state(s), style=style), str(s.seq), moment(waits), line(s.problem)
        )  # fmt: skip
    return table


def _document(s: Subscriber) -> dict[str, Json]:
    times = {"createdAt": s.created_at, "toldAt": s.told_at, "failingAt": s.failing_at, "nextAt": s.next_at}
    told = {name: None if ms is None else _at(ms).isoformat() for name, ms in times.items()}
    return {**s.model_dump(mode="json", include=set(_SHOWN)), "state": _state(s), **told}


def _at(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def retry(output: Output, run: str | None, name: str | None) -> int:
    """Try again; how many there are to be tried."""

    async def work(house: House, _: Trip) -> int:
        outbox = house.journal.outbox
        runs = [run] if run is not None else sorted({s.run for s in await outbox.find(dead=True, limit=10_000)})
        count = sum([await outbox.revive(each, name) for each in runs])
        if output.json:
            output.document({"again": count})
        else:
            again = f"{plural(count, 'configuration')}: tried again at once, by `planrail serve` or `planrail worker`."
            output.console.print(again if count else "Nothing of it has failed.", soft_wrap=True)
        return DONE if count or run is None else FAILED

    return in_house(settings_here(), work)
