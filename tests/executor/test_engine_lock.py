"""WorkerLock: who lives, who died, and that nobody is robbed."""

from __future__ import annotations

from pathlib import Path

import pytest
from journal_contract import child, go, line

from executor.engine.lock import WorkerLock


def test_a_worker_lives_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    with WorkerLock(tmp_path, "watcher") as watcher:
        assert watcher.is_alive("watcher")
        assert not watcher.is_alive("other")
        with WorkerLock(tmp_path, "other") as other:
            assert [watcher.is_alive("other"), other.is_alive("watcher")] == [True, True]
        assert not watcher.is_alive("other")


def test_asking_does_not_steal_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with WorkerLock(tmp_path, "a") as a, WorkerLock(tmp_path, "b") as b:
        for _ in range(10):
            assert a.is_alive("b")
            assert b.is_alive("a")
            assert not a.is_alive("nobody")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.lock", "b.lock"]
    assert list(tmp_path.iterdir()) == []


def test_a_name_can_be_held_once(tmp_path: Path) -> None:
    with WorkerLock(tmp_path, "a"):
        with pytest.raises(RuntimeError, match="Another process is the worker a"), WorkerLock(tmp_path, "a"):
            pass
        with WorkerLock(tmp_path, "b") as b:
            assert b.is_alive("a")


def test_a_name_is_no_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot name a worker"):
        WorkerLock(tmp_path, "../a")
    with WorkerLock(tmp_path, "a") as a:
        assert not a.is_alive("../a")


async def test_the_lock_of_a_killed_process_is_free_at_once_and_its_file_is_swept(tmp_path: Path) -> None:
    with WorkerLock(tmp_path, "watcher") as watcher:
        async with child("lock", tmp_path, "victim") as process:
            assert await line(process) == "locked"
            assert watcher.is_alive("victim")
            process.kill()
            await process.wait()
            assert not watcher.is_alive("victim")
        assert (tmp_path / "victim.lock").exists()
        with WorkerLock(tmp_path, "next") as newcomer:
            assert not (tmp_path / "victim.lock").exists()
            assert newcomer.is_alive("watcher")


async def test_a_process_that_ends_in_order_removes_its_file(tmp_path: Path) -> None:
    async with child("lock", tmp_path, "a") as process:
        assert await line(process) == "locked"
        await go(process)
        assert await process.wait() == 0
    assert not (tmp_path / "a.lock").exists()
