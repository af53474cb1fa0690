"""A console under test: the real server on a real socket in the test's own loop, and browsers that have signed in."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from executor.run import is_over
from executor.submission import Principal, Submission
from planrail.console.entry import ConsoleEntry
from planrail.console.guard import API
from planrail.console.session import link_token
from planrail.house import House
from planrail.keys import hash_of
from planrail.seal import seal_of
from planrail.settings import Settings, load_settings
from tests.serving import served

BOUND_S = 60.0
LOCAL = Principal(id="local", kind="agent")  # what other doors take whoever is at the machine for
ASKS = 'who = ask_user("Whom do I write for?", returns=str)\nanswer("for " + who)'
APPROVES = 'approve("Shall I?")\nanswer("done")'


def keyed_settings(**keys: tuple[str, str, str]) -> str:
    """Settings with these keys: each a text, a principal and a kind."""
    return "\n".join(
        f'[auth.keys.{name}]\nhash = "{hash_of(key)}"\nprincipal = "{principal}"\nkind = "{kind}"'
        for name, (key, principal, kind) in keys.items()
    )


@dataclass
class Console:
    """A console that serves: where, and the house behind it."""

    house: House
    where: Mapping[str, str]
    paths: Sequence[str]  # of all routes of its API, with an id in the place of each parameter

    @property
    def url(self) -> str:
        return self.where["address"]

    @asynccontextmanager
    async def stranger(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A browser on a page of the console, whose person has not signed in."""
        told = {"origin": self.url, "content-type": "application/json", **headers}
        at = f"{self.url}/console/api/"
        async with httpx.AsyncClient(base_url=at, headers=told, timeout=BOUND_S, verify=False) as client:  # no TLS to load for
            yield client

    @asynccontextmanager
    async def browser(self, key: str = "") -> AsyncIterator[httpx.AsyncClient]:
        """The same, signed in by a key, or by a link."""
        async with self.stranger() as client:
            way = {"key": key} if key else {"token": link_token(seal_of(self.house.settings))}
            begun = await client.post("session", json=way)
            assert begun.status_code == 204, begun.text
            client.headers["x-csrf-token"] = (await client.get("session")).json()["csrf"]
            yield client

    async def submit(self, script: str, principal: Principal = LOCAL, **more: Any) -> str:
        return (await self.house.runs.submit(Submission(script=script, principal=principal, **more))).id

    async def rests(self, run: str) -> str:
        """The status of the run, once it has ended or waits for a person."""
        async with asyncio.timeout(BOUND_S):
            async for _ in self.house.journal.changes():
                record = await self.house.journal.get(run)
                assert record is not None
                if is_over(record.status) or record.status == "waiting":
                    return record.status
        raise AssertionError

    async def waits(self, script: str, principal: Principal = LOCAL) -> str:
        """A run of the script that waits for a person."""
        run = await self.submit(script, principal)
        assert await self.rests(run) == "waiting"
        return run


@asynccontextmanager
async def console(home: Path, *, worker: bool = True, settings: str = "", packs: str = "") -> AsyncIterator[Console]:
    """A console over the data folder, with these settings; served until the block ends."""
    loaded = _loaded(home, settings, packs)

    class Entry(ConsoleEntry):
        """The door, whose house the test sees."""

        house: House
        paths: Sequence[str]

        @asynccontextmanager
        async def mounted(self, house: House, *rest: Any, **more: Any) -> AsyncIterator[Any]:
            self.house = house
            async with super().mounted(house, *rest, **more) as mounted:
                paths = {r.path for r in mounted.app.app.routes if r.path.startswith(API)}
                self.paths = sorted(re.sub(r"\{.*?\}", "some", path) for path in paths)
                yield mounted

    door = Entry()

    async with served(loaded, door, worker=worker) as where:
        yield Console(door.house, dict(where), door.paths)


def _loaded(home: Path, settings: str, packs: str) -> Settings:
    home.mkdir(exist_ok=True)
    (home / "planrail.toml").write_text(settings, encoding="utf-8")
    return load_settings({"PLANRAIL_HOME": str(home), "PLANRAIL_PACKS": packs}, home)


@dataclass(frozen=True)
class Told:
    """One server-sent event."""

    event: str
    data: Any
    id: str = ""


async def told(response: httpx.Response) -> AsyncIterator[Told]:
    """The events of a stream, until it ends."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if line and name:
            fields[name] = value
        elif not line and "event" in fields:
            yield Told(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}
