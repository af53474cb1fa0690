"""Spent: what runs had cost that were removed: sums by hour and model, which name no run and nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, bindparam, select, update

from executor.billed import billed
from executor.events import Recorded
from executor.journal.dialect import Dialect
from executor.journal.tables import spent_table as row
from planner.usage import NO_USAGE, Usage

What = Literal["model", "tools", "runs"]
_SUMS = ("runs", "model_calls", "input_tokens", "cached_input_tokens", "output_tokens", "estimated", "usd")
_KEY = ("hour", "what", "model")
_SAME = tuple(row.c[name] == bindparam(f"of_{name}") for name in _KEY)
_ADD = update(row).where(*_SAME).values({name: row.c[name] + bindparam(f"more_{name}") for name in _SUMS})


class Spent(BaseModel):
    """What was spent in an hour of UTC (`2026-11-29T14`): by a model, by tools, or how many runs were changed last in it."""

    model_config = ConfigDict(frozen=True)

    hour: str
    what: What
    model: str = ""
    runs: int = 0
    usage: Usage = NO_USAGE

    def __add__(self, other: Spent) -> Spent:
        return self.model_copy(update={"runs": self.runs + other.runs, "usage": self.usage + other.usage})


def hour_of(at: datetime) -> str:
    """The hour of an instant."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H")


def spent_by(recorded: Sequence[Recorded], changed: datetime) -> list[Spent]:
    """What a run has cost by its events, and that it was one."""
    found = [Spent(hour=hour_of(changed), what="runs", runs=1)]
    for at, model, usage in billed(recorded):
        found.append(Spent(hour=hour_of(at), what="tools" if model is None else "model", model=model or "", usage=usage))
    return summed(found)


def summed(parts: Iterable[Spent]) -> list[Spent]:
    """The same, one each of its hour and kind, in order."""
    sums: dict[tuple[str, str, str], Spent] = {}
    for part in parts:
        key = (part.hour, part.what, part.model)
        sums[key] = sums[key] + part if key in sums else part
    return [sums[key] for key in sorted(sums)]


def add(connection: Connection, dialect: Dialect, parts: Sequence[Spent]) -> None:
    """Add to the sums; nobody else may do so meanwhile."""
    for part in parts:
        key = {"hour": part.hour, "what": part.what, "model": part.model}
        new = dialect.insert_once(row, *_KEY).values({**key, **_figures(part)}).returning(row.c.hour)
        if connection.execute(new).first() is None:
            more = {f"more_{name}": value for name, value in _figures(part).items()}
            connection.execute(_ADD, {**{f"of_{name}": value for name, value in key.items()}, **more})


def since(connection: Connection, at: datetime) -> list[Spent]:
    """The sums from that hour on."""
    rows = connection.execute(select(row).where(row.c.hour >= hour_of(at)).order_by(*(row.c[name] for name in _KEY)))
    return [_spent(found._mapping) for found in rows]


def _figures(part: Spent) -> dict[str, float]:
    usage = part.usage.model_dump(exclude={"estimated"})
    return {"runs": part.runs, "estimated": int(part.usage.estimated), **usage}


def _spent(found: Mapping[Any, Any]) -> Spent:
    usage = Usage.model_validate({name: found[name] for name in Usage.model_fields if name != "estimated"})
    usage = usage.model_copy(update={"estimated": bool(found["estimated"])})
    return Spent.model_validate({**{name: found[name] for name in (*_KEY, "runs")}, "usage": usage})
