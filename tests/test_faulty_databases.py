"""A database that fails in mid-run: no effect without its claim, none made twice, and the run goes on once it can."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from executor.errors import JournalUnreachable
from executor.journal.sql import SqlJournal
from executor.tool import tool
from executor.toolset import Toolset
from tests.rig import ANN, BOUND_S, Rig, answer_of, reason_of

WIDE = "x" * 7_000  # what a claim with this argument takes does not fit into the pages that are there


class Office:
    """Tools that wait for the test."""

    def __init__(self) -> None:
        self.came, self.go = asyncio.Event(), asyncio.Event()
        self.sent: list[str] = []

    async def _hold(self) -> None:
        self.came.set()
        await self.go.wait()

    @tool(effect="read")
    async def read(self) -> str:
        """Wait for the test."""
        await self._hold()
        return "read"

    @tool(effect="irreversible")
    async def send(self, text: str) -> str:
        """Send at once."""
        self.sent.append(text)
        return "sent"

    @tool(effect="irreversible")
    async def send_slowly(self) -> str:
        """Send, and wait for the test."""
        self.sent.append("slowly")
        await self._hold()
        return "sent"


class Told(logging.Handler):
    """Waits until the log says something."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.said = asyncio.Event()
        self.errors: list[BaseException | None] = []

    def emit(self, record: logging.LogRecord) -> None:
        if self.what in record.getMessage():
            self.errors.append(record.exc_info[1] if record.exc_info else None)
            self.said.set()


@pytest.fixture
def given_up() -> Iterator[Told]:
    """Set once a segment could neither go on nor end its run."""
    handler = Told("could not be ended")
    logging.getLogger("executor").addHandler(handler)
    yield handler
    logging.getLogger("executor").removeHandler(handler)


@asynccontextmanager
async def house(file: Path, office: Office) -> AsyncIterator[Rig]:
    async with await SqlJournal.open(f"sqlite:///{file}", timeout_s=0.1) as journal, asyncio.timeout(BOUND_S):
        yield Rig(journal, Toolset.of("o", office))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program writes into the file within."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("begin immediate")
    yield
    other.execute("rollback")
    other.close()


class Disk:
    """The disk below a database: full or not."""

    def __init__(self, journal: SqlJournal) -> None:
        self.full = False
        event.listen(journal.engine, "before_cursor_execute", self._limit)

    def _limit(self, connection: object, cursor: Any, *_: object) -> None:
        cursor.connection.execute(f"pragma max_page_count={1 if self.full else 1 << 30}")  # never below the present size


@pytest.mark.parametrize(
    ("script", "asked", "sent"),
    [("o.read()", 0, []), ("o.send_slowly()", 1, ["slowly"])],
)
async def test_a_database_that_is_locked_for_too_long_in_mid_run_makes_no_effect_twice(
    tmp_path: Path, given_up: Told, script: str, asked: int, sent: list[str]
) -> None:
    office, file = Office(), tmp_path / "planrail.db"
    async with house(file, office) as rig, rig.engine():
        run = await rig.submit(f"x = {script}\nanswer(x)\n")
        await office.came.wait()
        with locked(file):
            office.go.set()
            await given_up.said.wait()
        state = await rig.rests(run)
    assert [q.kind for q in state.open_questions] == ["reconcile"] * asked
    assert asked or answer_of(state) == "read"
    assert office.sent == sent


async def test_a_disk_that_is_full_in_mid_run_lets_no_effect_happen_and_a_resume_goes_on(tmp_path: Path) -> None:
    office = Office()
    async with house(tmp_path / "planrail.db", office) as rig, rig.engine():
        disk = Disk(rig.journal)
        run = await rig.submit(f'x = o.read()\ny = o.send(text="{WIDE}" + x)\nanswer(y)\n')
        await office.came.wait()
        disk.full = True
        office.go.set()
        told = reason_of(await rig.rests(run))
        assert told.endswith("planrail.db cannot grow: the disk is full. The run can be resumed.")
        assert office.sent == []
        disk.full = False
        await rig.runs.resume(run, ANN)
        state = await rig.rests(run)
    assert answer_of(state) == "sent"
    assert len(office.sent) == 1


async def test_a_database_that_is_damaged_in_mid_run_is_named_and_nothing_is_made_on_it(tmp_path: Path, given_up: Told) -> None:
    office, file = Office(), tmp_path / "planrail.db"
    async with house(file, office) as rig, rig.engine():
        run = await rig.submit(f'x = o.read()\ny = o.send(text="{WIDE}" + x)\nanswer(y)\n')
        await office.came.wait()
        damage(file)
        office.go.set()
        await given_up.said.wait()
        with pytest.raises(JournalUnreachable, match=r"planrail\.db is damaged"):
            await rig.runs.get(run, ANN)
    assert office.sent == []
    assert f"{file} is damaged" in str(given_up.errors[0])


def damage(file: Path) -> None:
    """Overwrite all but the header, as a failing disk may."""
    with sqlite3.connect(file) as other:
        other.execute("pragma wal_checkpoint(truncate)").fetchone()
    other.close()
    with file.open("r+b") as content:
        size = file.stat().st_size
        content.seek(100)
        content.write(b"\xff" * (size - 100))
