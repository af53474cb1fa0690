"""Push notifications: how many a second a worker delivers to one place, beside bare posts: `python -m benchmarks.push`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from a2a.types.a2a_pb2 import TaskPushNotificationConfig

from a2a_node.push.chore import configs_of, delivering
from a2a_node.push.lanes import PER_PLACE
from a2a_node.telling import Audience
from benchmarks.child import Child, child
from benchmarks.databases import folder, postgres_server, sqlite
from benchmarks.ours import NOBODY
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Row, Table, compared
from executor.events import RunEnded
from executor.submission import Submission
from planrail.house import House, open_house
from planrail.settings import Settings, load_settings

DATABASES = ("SQLite", "PostgreSQL")
_CONFIG = '[a2a]\npush_allow_private = ["127.0.0.1"]\n'
_BODY = json.dumps({"statusUpdate": {"taskId": "x" * 26, "contextId": "y" * 26, "status": {"message": "Step 1/2" * 20}}})


class Bench:
    """The houses of both databases, and a receiver in a process of its own."""

    def __init__(self, houses: dict[str, House], receiver: Child, port: int, options: Options) -> None:
        self._houses = houses
        self._receiver = receiver
        self._url = f"http://127.0.0.1:{port}/hook"
        self._tasks = options.size(200, 20)
        self._steps = options.size(60, 20)

    async def many(self, database: str) -> float:
        """Notifications a second, of that many tasks of a step each, which are over when the worker begins."""
        return await self._delivered(database, [_script(1)] * self._tasks)

    async def one(self, database: str) -> float:
        """Notifications a second of one task with many steps: each waits for the one before it."""
        return await self._delivered(database, [_script(self._steps)])

    async def bare(self) -> float:
        """Bare posts a second, on connections that are kept, as many at once as the worker sends to one place."""
        posts = 5 * self._tasks
        async with httpx.AsyncClient(limits=httpx.Limits(max_connections=PER_PLACE)) as client:
            begun = time.monotonic()
            await asyncio.gather(*(self._posted(client, posts // PER_PLACE) for _ in range(PER_PLACE)))
            return posts / (time.monotonic() - begun)

    async def _posted(self, client: httpx.AsyncClient, posts: int) -> None:
        for _ in range(posts):
            (await client.post(self._url, content=_BODY)).raise_for_status()

    async def _delivered(self, database: str, scripts: list[str]) -> float:
        house = self._houses[database]
        runs = [(await house.runs.submit(Submission(script=script))).id for script in scripts]
        configs = configs_of(house)
        for number, run in enumerate(runs):
            config = TaskPushNotificationConfig(task_id=run, url=f"{self._url}/{number}")
            await configs.keep(config, await configs.checked(config, Audience(), old=False), since=1)
        await asyncio.gather(*(_ended(house, run) for run in runs))
        await self._receiver.asked()
        begun = time.monotonic()
        async with delivering(house):
            heard, last = 0, begun
            for _ in runs:
                heard, last = await self._receiver.line()
            async for _ in house.journal.changes():
                if not (await house.journal.outbox.count())["open"]:  # else what is not settled would be told again
                    break
        return heard / (last - begun)


async def measured(options: Options) -> Table:
    async with _houses() as houses, child("hook") as receiver:
        bench = Bench(houses, receiver, await receiver.line(), options)
        works: dict[str, Measure] = {"bare": bench.bare}
        for database in DATABASES:
            works[f"{database} many"] = partial(bench.many, database)
            works[f"{database} one"] = partial(bench.one, database)
        for work in works.values():
            await work()  # warm
        taken = await interleaved(works, options)
    rows: list[Row] = []
    for database in DATABASES:
        bare = taken["bare"]
        many, one = taken[f"{database} many"], taken[f"{database} one"]
        rows.append(compared(f"{database}: many tasks, one place", many, "a second", "bare posts", bare, Bar("≥", 0.5)))
        rows.append(compared(f"{database}: one task, one after the other", one, "a second", "bare posts", bare))
    notes = (
        f"{options.size(200, 20)} tasks of one step, or one of {options.size(60, 20)}, which are over when the worker begins. "
        "The receiver is a process of its own, keeps connections and answers at once. Each notification is signed; the task's "
        "next one is sent when its place in the outbox is durable.",
        "Bare posts: httpx, connections kept, as many at once; neither signed nor read from a journal nor settled.",
    )
    return Table("Push notifications", tuple(rows), notes)


async def _ended(house: House, run: str) -> None:
    async for recorded in house.runs.events(run, NOBODY):
        if isinstance(recorded.event, RunEnded):
            return


def _script(steps: int) -> str:
    calls = [f's{n} = crm.find_leads(vertical="gym", city="Austin", limit={n % 5 + 1})' for n in range(steps)]
    return "\n".join([*calls, "answer(len(s0.items))", ""])


@asynccontextmanager
async def _houses() -> AsyncIterator[dict[str, House]]:
    with folder() as place, postgres_server() as server, sqlite() as lite:
        (place / "planrail.toml").write_text(_CONFIG)
        settings = {"SQLite": _settings(place, lite), "PostgreSQL": _settings(place, server.new_database())}
        async with open_house(settings["SQLite"]) as one, one.engine(), open_house(settings["PostgreSQL"]) as two, two.engine():
            yield {"SQLite": one, "PostgreSQL": two}


def _settings(place: Path, url: str) -> Settings:
    return load_settings({"PLANRAIL_HOME": str(place), "PLANRAIL_DATABASE_URL": url}, place)


if __name__ == "__main__":
    main(measured)
