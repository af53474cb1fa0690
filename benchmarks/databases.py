"""Databases: a SQLite file or a PostgreSQL of its own, on a disk, gone afterwards. Every commit is synced in both."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import postgres
from tests.postgres import PostgresServer

_DISK = Path("/var/tmp")  # where /tmp is often memory, which nothing has to be synced to


@contextmanager
def folder() -> Iterator[Path]:
    """A new folder on the disk that PLANRAIL_BENCH_FOLDER names, else on the one of /var/tmp."""
    place = os.environ.get("PLANRAIL_BENCH_FOLDER") or (_DISK if _DISK.is_dir() else None)
    with tempfile.TemporaryDirectory(prefix="planrail-bench-", dir=place) as name:
        yield Path(name)


@contextmanager
def sqlite() -> Iterator[str]:
    """The URL of a new SQLite file."""
    with folder() as place:
        yield f"sqlite:///{place}/bench.db"


class DurableServer(PostgresServer):
    """The tests' server, but with fsync on, and its write-ahead log, which a commit waits for, on the disk."""

    def __init__(self, log_folder: Path) -> None:
        super().__init__()
        log_folder.chmod(0o711)  # the server runs as another user
        log = self._data / "pg_wal"
        moved = shutil.move(log, log_folder / "pg_wal")
        log.symlink_to(moved)
        if self._user is not None:
            for path in (Path(moved), *Path(moved).rglob("*")):
                shutil.chown(path, self._user)

    def start(self) -> None:
        options = {**postgres._TUNING, "fsync": "on", "timezone": "UTC"}
        told = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run(
            "pg_ctl", "-D", str(self._data), "-l", str(self._home / "log"), "-w",
            "-o", f"{told} -p {self.port} -k {self._home}", "start",
        )  # fmt: skip


@contextmanager
def postgres_server() -> Iterator[DurableServer]:
    """A running server, gone afterwards."""
    with folder() as place:
        server = DurableServer(place)
        try:
            server.start()
            yield server
        finally:
            server.remove()
