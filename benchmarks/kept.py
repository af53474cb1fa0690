"""A goal looked up among ten thousand kept plans: `python -m benchmarks.kept`."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import insert

from benchmarks.databases import folder, postgres_server
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table
from executor.events import PlanVerified
from executor.journal.sql import SqlJournal
from executor.journal.tables import plan_table
from executor.kept import newly
from planner.slot import Slot
from planner.template import Owner, Template

ANN = Owner(principal="ann")
BAR = Bar("≤", 5, "ms")
VERBS = ("Find", "List", "Count", "Rank", "Show", "Compare", "Summarise", "Check", "Score", "Group")
THINGS = tuple(
    f"{kind} {what}" for kind in ("open", "late", "new", "old", "paid") for what in ("orders", "leads", "tickets", "bills")
)
WHERE = tuple(f"of the {team} team {how}" for team in ("north", "south", "east", "west", "field") for how in range(10))


def goals(count: int) -> list[str]:
    """Forms of goals, all of them different, as people of one house would write them."""
    every = [f"{verb} the {{limit}} {thing} {where} in {{city}}" for verb in VERBS for thing in THINGS for where in WHERE]
    return every[:count]


def alike(count: int) -> list[str]:
    """Forms that differ in one word alone."""
    return [f"List the {{limit}} open orders of team{n} in {{city}} by their age" for n in range(count)]


async def measured(options: Options) -> Table:
    count, times = options.size(10_000, 500), options.size(50, 5)
    works: dict[str, Measure] = {}
    async with AsyncExitStack() as stack:
        place = stack.enter_context(folder())
        server = stack.enter_context(postgres_server())
        for name, url in (("SQLite", f"sqlite:///{place}/kept.db"), ("PostgreSQL", server.new_database())):
            for what, forms in (("forms of all sorts", goals(count)), ("forms that differ in one word", alike(count))):
                journal = await stack.enter_async_context(await SqlJournal.open(url))
                owner = Owner(principal=what)
                fill(journal, owner, forms)
                hit = forms[len(forms) // 2].replace("{limit}", "20").replace("{city}", "New York")
                works[f"{name}: a goal that has one of {count:,} {what}"] = partial(looked_up, journal, owner, hit, times, True)
                missed = hit.replace("New York", "new york")
                works[f"{name}: a goal that has none of {count:,} {what}"] = partial(
                    looked_up, journal, owner, missed, times, False
                )
        for work in works.values():
            await work()  # warm
        taken = await interleaved(works, options)
    rows = tuple(Row(what, sorted(taken[what])[len(taken[what]) // 2], "ms", bar=BAR) for what in works)
    notes = ("Looked up and matched, without the certificate.",)
    return Table("Kept plans", rows, notes)


def fill(journal: SqlJournal, owner: Owner, forms: list[str]) -> None:
    """Keep a plan of each form that ran well three times."""
    rows, at = [], datetime.now(UTC)
    slots = (Slot(name="limit", kind="integer"), Slot(name="city", kind="name"))
    script = "xs = shop.find(city=city, limit=limit)\nbest = [x for x in xs if x.rating > 4]\nanswer(best)\n"
    for form in forms:
        template = Template(owner=owner, goal=form, script=script, slots=slots, tools={"shop.find": "f" * 64}, policy="p" * 64)
        kept = newly(template, at)
        for city in ("Austin", "Dallas", "Waco"):
            kept = kept.with_(PlanVerified(plan=template.id, values={"limit": 5, "city": city}, template=template), at)
        least, most = template.length
        rows.append(
            {
                "id": template.id, "principal": owner.principal, "kind": owner.kind, "anchor": template.anchor, "goal": form,
                "least_words": least, "most_words": most, "runs": 3, "used_at": at, "body": kept.model_dump_json(),
            }
        )  # fmt: skip
    with journal.engine.begin() as connection:
        connection.execute(insert(plan_table), rows)
        connection.exec_driver_sql("analyze")  # as PostgreSQL does by itself, some time after


async def looked_up(journal: SqlJournal, owner: Owner, goal: str, times: int, there: bool) -> float:
    """Milliseconds of one look-up."""
    begun = time.perf_counter()
    for _ in range(times):
        found = [k for k in await journal.kept.like(owner, goal, runs=3) if k.match(goal)]
        assert bool(found) is there, found
    return (time.perf_counter() - begun) / times * 1e3


if __name__ == "__main__":
    main(measured)
