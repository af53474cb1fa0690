"""Scheduling: the commands `planrail schedule …`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from rich.table import Table
from rich.text import Text

from executor.timetable import Schedule
from planner.toolspec import Json
from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.request import Wish, submission_of
from planrail.cli.running import Trip, in_house, settings_here, tell_submitted
from planrail.cli.text import line, moment
from planrail.cli.watch import LOCAL
from planrail.house import House

_NAME = 40
_ZONES = "zoneinfo/"


def add(output: Output, wish: Wish, *, cron: str, name: str | None, zone: str | None, overlap: bool) -> int:
    """Keep a schedule, and say when it is due first."""
    settings = settings_here()
    submission = submission_of(wish, settings.budget)
    called = name or submission.playbook or _slug(submission.goal) or "schedule"

    async def work(house: House, _: Trip) -> int:
        made = await house.schedules.add(
            submission, name=called, cron=cron, zone=zone or this_zone(), overlap="allow" if overlap else "skip"
        )
        _tell(
            output, made, f"{line(called)} is due first at {moment(made.next_at)}; planrail serve or planrail worker begins it."
        )
        return DONE

    return in_house(settings, work)


def _slug(goal: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", goal.lower()).strip("-")[:_NAME].strip("-")


def this_zone() -> str:
    """The name of this machine's time zone; UTC where it has none."""
    try:
        _, found, name = str(Path("/etc/localtime").resolve(strict=True)).partition(_ZONES)
    except OSError:
        return "UTC"
    return name if found else "UTC"


def listed(output: Output) -> int:
    """All of them, the next one first."""

    async def work(house: House, _: Trip) -> int:
        found = await house.schedules.find(LOCAL)
        if output.json:
            output.document([document(s) for s in found])
        elif found:
            output.console.print(_table(list(found)))
        else:
            output.console.print("There are no schedules. planrail schedule add '30 6 * * 1-5' \"…\" makes one.")
        return DONE

    return in_house(settings_here(), work)


def _table(found: list[Schedule]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "when", "zone", "next", "last run"):
        table.add_column(heading, no_wrap=True)
    table.add_column("", overflow="ellipsis", no_wrap=True, ratio=1)
    for s in found:
        due = Text("paused", style="yellow") if s.paused else Text(moment(s.next_at))
        skipped = f"{s.skipped} left out while the run before went on" if s.skipped else ""
        note = Text(line(s.problem), style="red") if s.problem else Text(skipped)
        table.add_row(line(s.name), s.cron, s.zone, due, s.run or "–", note)
    return table


def document(schedule: Schedule) -> dict[str, Json]:
    """A schedule as programs read it."""
    return schedule.model_dump(mode="json", by_alias=True, exclude_defaults=False)


def _tell(output: Output, schedule: Schedule, sentence: str) -> None:
    if output.json:
        output.document(document(schedule))
    else:
        output.console.print(sentence, soft_wrap=True)


def changed(output: Output, name: str, how: Literal["pause", "resume", "remove"]) -> int:
    """Pause, resume or remove one."""

    async def work(house: House, _: Trip) -> int:
        match how:
            case "pause":
                schedule, told = await house.schedules.pause(name, LOCAL), "is paused."
            case "resume":
                schedule = await house.schedules.resume(name, LOCAL)
                told = f"goes on; it is due next at {moment(schedule.next_at)}."
            case _:
                schedule, told = await house.schedules.remove(name, LOCAL), "is removed; its runs stay."
        _tell(output, schedule, f"{line(name)} {told}")
        return DONE

    return in_house(settings_here(), work)


def run_now(output: Output, name: str) -> int:
    """Submit it once, for a worker to carry on."""

    async def work(house: House, _: Trip) -> int:
        return tell_submitted(output, await house.schedules.run_now(name, LOCAL))

    return in_house(settings_here(), work)
