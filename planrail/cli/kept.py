"""Kept: the commands that look at the plans that are kept: list, show, forget, export."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from planner.slot import Slot
from planner.toolspec import Json
from planrail.cli.errors import DONE, UsageError
from planrail.cli.output import Output
from planrail.cli.plan_text import script_text
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.text import clean, line, moment, plural, told
from planrail.cli.watch import LOCAL
from planrail.house import House
from planrail.plans import PlanView

_CHOICES = 8  # values of an enumeration that are shown


def listed(output: Output) -> int:
    """All of them, the one that was used last first."""

    async def work(house: House, _: Trip) -> int:
        found = await house.plans.find(LOCAL)
        if output.json:
            output.document([p.document() for p in found])
        elif found:
            output.console.print(_table(found))
        else:
            needs = house.settings.plans_after
            because = f"a plan is, once it ran well {plural(needs, 'time')}" if needs else "plans_after is 0"
            output.console.print(f"No plans are kept yet: {because}.")
        return DONE

    return in_house(settings_here(), work)


def _table(found: list[PlanView]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading, width in (("plan", 8), ("ran well", 8), ("taken", 5), ("tokens saved", 12), ("last", 10)):
        table.add_column(heading, no_wrap=True, min_width=width)
    table.add_column("goal", overflow="ellipsis", no_wrap=True, ratio=1)
    for p in found:
        kept = p.plan
        ran = Text(f"{kept.runs}", style="green") if p.kept else Text(f"{kept.runs} of {p.needs}", style="dim")
        table.add_row(
            p.short, ran, str(kept.hits), f"{kept.saved:,}", moment(kept.used_at)[:10], Text(line(kept.template.goal))
        )  # fmt: skip
    return table


def show(output: Output, name: str) -> int:
    """One, whole."""

    async def work(house: House, _: Trip) -> int:
        found = await house.plans.get(name, LOCAL)
        if output.json:
            output.document(found.document())
        else:
            _tell(output, found)
        return DONE

    return in_house(settings_here(), work)


def _tell(output: Output, p: PlanView) -> None:
    console, kept = output.console, p.plan
    console.print(Text.assemble(("goal   ", "dim"), (clean(kept.template.goal), "bold")), soft_wrap=True)
    for slot in kept.template.slots:
        console.print(Text(f"       {slot.name}: {_slot(slot, kept.tried.get(slot.name, ()))}", style="dim"), soft_wrap=True)
    state = f"ran well {plural(kept.runs, 'time')}" + ("" if p.kept else f" of {p.needs} that it takes")
    taken = f"taken {plural(kept.hits, 'time')}, which saved {kept.saved:,} tokens"
    console.print(Text.assemble(("plan   ", "dim"), f"{p.short}  {state} · {taken}"), soft_wrap=True)
    console.print(Text.assemble(("since  ", "dim"), f"{moment(kept.first_at)}, last {moment(kept.used_at)}"))
    if kept.doubt:
        console.print(
            Text.assemble(("anew   ", "dim"), (f"the count began anew: {line(kept.doubt)}", "yellow")), soft_wrap=True
        )
    console.print(Text.assemble(("tools  ", "dim"), ", ".join(sorted(kept.template.tools)) or "none"), soft_wrap=True)
    console.print()
    console.print(script_text(kept.template.script, color=console.color_system is not None), soft_wrap=True)


def _slot(slot: Slot, tried: tuple[Json, ...]) -> str:
    """What may stand in a slot, in words."""
    if not slot.free and len(set(tried)) < 2 and tried:
        return f"{told(tried[0], 60)}, which alone was tried"
    match slot.kind:
        case "enum":
            more = f", … ({len(slot.choices)})" if len(slot.choices) > _CHOICES else ""
            return "one of " + ", ".join(told(c, 40) for c in slot.choices[:_CHOICES]) + more
        case "integer" | "number":
            low, high = (slot.least, slot.most) if slot.free else (tried[0], tried[-1]) if tried else (None, None)
            bounds = [f"from {low:g}"] if low is not None else []
            bounds += [f"to {high:g}"] if high is not None else []
            return " ".join(["a whole number" if slot.kind == "integer" else "a number", *bounds])
        case "digits":
            return "digits"
        case _:
            return "a name of at most three words"


def forget(output: Output, name: str) -> int:
    """Forget one."""

    async def work(house: House, _: Trip) -> int:
        found = await house.plans.forget(name, LOCAL)
        if output.json:
            output.document(found.document())
        else:
            output.console.print(Text(f"{found.short} is forgotten: {line(found.plan.template.goal)}"), soft_wrap=True)
        return DONE

    return in_house(settings_here(), work)


def export(output: Output, name: str, file: str | None) -> int:
    """A playbook of one: printed, or written to a new file."""

    async def work(house: House, _: Trip) -> int:
        found = await house.plans.get(name, LOCAL)
        written = None if file is None else _written(found, Path(file))
        if output.json:
            output.document({"id": found.id, "file": None if written is None else str(written), "playbook": found.playbook})
        elif written is None:
            output.stream.write(found.playbook)
            output.stream.flush()
        else:
            output.console.print(Text(f"{written}: planrail check {written} looks at it."), soft_wrap=True)
        return DONE

    return in_house(settings_here(), work)


def _written(found: PlanView, place: Path) -> Path:
    path = place / found.file_name if place.is_dir() else place
    try:
        with path.open("x", encoding="utf-8") as new:
            new.write(found.playbook)
    except FileExistsError:
        raise UsageError(f"{path} is there already.", hint="Name another file, or remove it.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    return path
