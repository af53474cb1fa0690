"""What only a journal in a file has to keep: group commit, places that cannot be opened, migrations, sizes."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from journal_contract import BOUND_S, CANCEL, NOON, create
from sqlalchemy import Engine, event

from executor.errors import JournalNewer, JournalUnreachable, LostOwnership, UnknownRun
from executor.journal.artifacts import SqlArtifacts
from executor.journal.schema import MIGRATIONS
from executor.journal.sql import SqlJournal
from executor.journal.sqlite import SqliteDialect
from executor.journal.tables import HEAD, REVISION_TABLE, metadata


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(file: Path) -> AsyncIterator[SqlJournal]:
    async with await SqlJournal.open(f"sqlite:///{file}") as opened:
        yield opened


@contextmanager
def commits(engine: Engine) -> Iterator[list[str]]:
    """The writing transactions that are committed within."""
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement == "COMMIT":
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another program writes into the file within."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("begin immediate")
    yield
    other.execute("rollback")
    other.close()


async def test_writes_that_wait_together_cost_one_commit_and_a_bad_one_fails_alone(journal: SqlJournal, file: Path) -> None:
    await create(journal, "r")
    await journal.take("r", "w")
    with commits(journal.engine) as seen:
        with locked(file):
            good = [asyncio.ensure_future(journal.append("r", [CANCEL, CANCEL], epoch=1)) for _ in range(50)]
            stale = asyncio.ensure_future(journal.append("r", [CANCEL], epoch=7))
            nowhere = asyncio.ensure_future(journal.append("nowhere", [CANCEL], epoch=None))
            await asyncio.sleep(0)  # every task has run up to where it waits for the writer
        outcomes = await asyncio.gather(*good, stale, nowhere, return_exceptions=True)

    assert outcomes[:50] == [3 + 2 * i for i in range(50)]
    assert [type(o) for o in outcomes[50:]] == [LostOwnership, UnknownRun]
    assert len(seen) <= 2  # the writer may have begun with the first one before the others came
    assert [r.seq for r in await journal.read("r")] == list(range(1, 102))


async def test_concurrent_appends_share_commits(journal: SqlJournal) -> None:
    await create(journal, "r")
    with commits(journal.engine) as seen:
        await asyncio.gather(*(journal.append("r", [CANCEL], epoch=None) for _ in range(200)))

    assert len(seen) < 20


async def test_a_cancelled_caller_does_not_lose_the_write(journal: SqlJournal, file: Path) -> None:
    await create(journal, "r")
    with locked(file):
        lost = asyncio.ensure_future(journal.append("r", [CANCEL], epoch=None))
        await asyncio.sleep(0)
        lost.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lost

    assert await journal.append("r", [CANCEL], epoch=None) == 3


async def test_a_full_disk_is_told_to_each_that_does_not_fit(journal: SqlJournal, file: Path) -> None:
    await create(journal, "r")

    def shrink(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("pragma max_page_count=1")  # SQLite takes the present size for it: full from here on

    async with await SqlJournal.open(f"sqlite:///{file}") as full:
        event.listen(full.engine, "checkout", shrink)
        big = CANCEL.model_copy(update={"by": "x" * 100_000})
        writes = [full.append("r", [big], epoch=None) for _ in range(3)]
        outcomes = await asyncio.gather(*writes, full.take("r", "w"), return_exceptions=True)

    assert [type(o) for o in outcomes] == [JournalUnreachable] * 3 + [int]  # a take needs no room
    assert "the disk is full" in str(outcomes[0])
    assert await journal.append("r", [CANCEL], epoch=1) == 2


async def test_everything_that_was_written_before_closing_is_there_after(file: Path) -> None:
    journal = await SqlJournal.open(f"sqlite:///{file}")
    await create(journal, "r")
    pending = [asyncio.ensure_future(journal.append("r", [CANCEL], epoch=None)) for _ in range(30)]
    await asyncio.sleep(0)
    await journal.close()
    assert sorted([await p or 0 for p in pending]) == list(range(2, 32))

    with pytest.raises(JournalUnreachable, match="closed"):
        await journal.append("r", [CANCEL], epoch=None)
    with pytest.raises(JournalUnreachable, match="closed"):
        await journal.read("r")
    async with await SqlJournal.open(f"sqlite:///{file}") as again:
        assert len(await again.read("r")) == 31


async def test_closing_ends_the_following(file: Path) -> None:
    journal = await SqlJournal.open(f"sqlite:///{file}")
    changes = journal.changes()
    await anext(changes)
    async with asyncio.timeout(BOUND_S):
        following = asyncio.ensure_future(anext(changes, "ended"))
        await journal.close()
        while (result := await following) != "ended":
            following = asyncio.ensure_future(anext(changes, "ended"))
    assert result == "ended"


async def test_the_watch_runs_only_while_somebody_follows(journal: SqlJournal) -> None:
    def watching() -> list[threading.Thread]:
        return [t for t in threading.enumerate() if t.name == "planrail-journal-watch"]

    assert watching() == []
    first, second = journal.changes(), journal.changes()
    await anext(first)
    await anext(second)
    threads = watching()
    assert len(threads) == 1
    await first.aclose()  # type: ignore[attr-defined]  # an async generator
    await second.aclose()  # type: ignore[attr-defined]
    await asyncio.to_thread(threads[0].join, BOUND_S)
    assert watching() == []


async def test_a_lock_that_stays_is_told_and_one_that_goes_is_waited_for(file: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{file}", timeout_s=0.1) as journal:
        await create(journal, "r")
        with locked(file):
            with pytest.raises(JournalUnreachable, match=r"journal\.db is locked by another process"):
                async with asyncio.timeout(3):  # SQLite's own time-out is 5 s
                    await journal.append("r", [CANCEL], epoch=None)
            assert len(await journal.read("r")) == 1  # readers do not mind
        assert await journal.append("r", [CANCEL], epoch=None) == 2


async def test_a_new_database_that_is_locked_is_told(file: Path) -> None:
    with locked(file), pytest.raises(JournalUnreachable, match=r"journal\.db is locked by another process"):
        await SqlJournal.open(f"sqlite:///{file}", timeout_s=0.1)


class _Deaf(SqliteDialect):
    """Hears nothing of other processes."""

    def watch(self, engine: Engine, changed: Callable[[], None], stop: threading.Event) -> None:
        stop.wait()


async def test_a_write_of_this_process_is_a_change_without_the_watch(journal: SqlJournal) -> None:
    engine = SqliteDialect().engine(journal.engine.url, timeout_s=1)
    async with SqlJournal(engine, _Deaf(), timeout_s=1, clock=lambda: NOON) as deaf, asyncio.timeout(BOUND_S):
        changes = deaf.changes()
        await anext(changes)
        await create(deaf, "r")
        await anext(changes)
        await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def _refused(url: str) -> str:
    with pytest.raises(JournalUnreachable) as caught:
        await SqlJournal.open(url, timeout_s=0.1)
    assert caught.value.hint
    return str(caught.value)


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{tmp_path}/a/b/journal.db") as journal:
        await create(journal, "r")
    assert (tmp_path / "a" / "b" / "journal.db").is_file()


async def test_places_that_cannot_be_a_database_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("this is no database, and long enough to have a header " * 40)

    assert await _refused(f"sqlite:///{tmp_path}/folder") == f"The database {tmp_path}/folder is a folder. Name a file in it."
    assert f"The folder of the database {tmp_path}/text/x.db cannot be made" in await _refused(
        f"sqlite:///{tmp_path}/text/x.db"
    )
    assert f"{tmp_path}/text is not an SQLite database" in await _refused(f"sqlite:///{tmp_path}/text")
    assert "names no file" in await _refused("sqlite://")


def _damage(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


async def test_a_damaged_database_is_named(file: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{file}") as journal:
        await create(journal, "r")
    _damage(file)

    assert f"{file} is damaged" in await _refused(f"sqlite:///{file}")


async def test_a_url_of_another_database_is_refused_without_its_password() -> None:
    assert "hunter2" not in await _refused("oracle://ann:hunter2@host/db")
    assert "hunter2" not in await _refused("nonsense hunter2")


async def test_a_newer_database_is_refused(file: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{file}"):
        pass
    with sqlite3.connect(file) as raw:
        raw.execute(f"update {REVISION_TABLE} set version_num='9999'")
    raw.close()

    with pytest.raises(JournalNewer, match=r"newer Planrail \(revision 9999\)"):
        await SqlJournal.open(f"sqlite:///{file}")


async def test_an_event_of_a_newer_kind_is_refused(journal: SqlJournal, file: Path) -> None:
    await create(journal, "r")
    with sqlite3.connect(file) as raw:
        raw.execute("""insert into planrail_event values ('r', 2, '2026-11-22T12:00:00.000000Z', null, 'x', '{"type": "x"}')""")
    raw.close()

    with pytest.raises(JournalNewer):
        await journal.read("r")
    assert len(await journal.read("r", limit=1)) == 1


def test_the_known_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


async def test_migrations_and_tables_agree(journal: SqlJournal) -> None:
    with journal.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []


OF_0002 = {"planrail_run", "planrail_event", "planrail_receipt", "planrail_artifact", "planrail_worker"}


async def test_a_database_of_the_version_before_is_migrated_with_its_runs(file: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{file}") as journal:
        await create(journal, "r")
        await journal.append("r", [], epoch=None, status="waiting")
    with sqlite3.connect(file) as raw:
        for table in sorted(set(metadata.tables) - OF_0002):
            raw.execute(f"drop table {table}")
        raw.execute("drop trigger planrail_push_wake")
        raw.execute("drop index planrail_run_wake")
        raw.execute("alter table planrail_run drop column wake_at")
        raw.execute(f"update {REVISION_TABLE} set version_num='0002'")
    raw.close()

    async with await SqlJournal.open(f"sqlite:///{file}") as journal:
        record = await journal.get("r")
        assert record is not None
        assert (record.status, record.wake_at) == ("waiting", None)
        await journal.append("r", [], epoch=None, status="waiting", wake_at=NOON)
        assert [r.id for r in await journal.waking()] == ["r"]


async def test_opening_a_database_at_head_does_not_import_alembic(file: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{file}"):
        pass
    code = (
        "import asyncio, sys; from executor.journal.sql import SqlJournal\n"
        "async def main():\n"
        "    async with await SqlJournal.open(sys.argv[1]): print('alembic' in sys.modules)\n"
        "asyncio.run(main())"
    )
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code, f"sqlite:///{file}"], capture_output=True, text=True, timeout=BOUND_S
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


async def test_every_commit_is_synced_and_foreign_keys_hold(journal: SqlJournal) -> None:
    with journal.engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"pragma {p}").scalar() for p in ("journal_mode", "synchronous", "foreign_keys")]
    assert pragmas == ["wal", 2, 1]


async def test_lists_and_events_are_read_by_index(journal: SqlJournal) -> None:
    queries = [
        "select * from planrail_run order by created_at desc, id desc limit 50",
        "select * from planrail_run where status='done' order by created_at desc, id desc limit 50",
        "select * from planrail_run where principal='p' order by created_at desc, id desc limit 50",
        "select * from planrail_run where principal='p' and status='done' order by created_at desc, id desc limit 50",
        "select * from planrail_run where status='done' and (created_at, id) < ('a', 'b') order by created_at desc, id desc",
        "select id from planrail_run where owner='w' and status='running' and outside > 0",
        "select * from planrail_run where wake_at is not null and status = 'waiting' order by wake_at, id limit 50",
        "select * from planrail_event where run='r' and seq > 5 order by seq",
    ]
    with journal.engine.connect() as connection:
        plans = [" ".join(row[3] for row in connection.exec_driver_sql(f"explain query plan {q}")) for q in queries]
    assert [p for p in plans if "INDEX" not in p or "TEMP B-TREE" in p] == []


async def test_an_artifact_that_cannot_be_written_is_told(file: Path) -> None:
    async with await SqlJournal.open(f"sqlite:///{file}", timeout_s=0.1) as journal:
        with locked(file), pytest.raises(JournalUnreachable, match="locked"):
            SqlArtifacts(journal.engine).put(b"x", media_type="text/plain")


async def test_times_keep_their_microseconds(journal: SqlJournal) -> None:
    await create(journal, "r")
    record = await journal.get("r")
    assert record is not None
    assert record.created_at == NOON
