"""Ward: a house in a folder whose settings, files and database a test spoils and mends, and what the doctor finds there."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from executor.journal.sql import SqlJournal
from planrail.doctor import Finding, examined
from planrail.settings import Settings, load_settings
from planrail.worker import serve_worker

BOUND_S = 60.0


@dataclass
class Ward:
    """`env` is the process's whole environment; `postgres` makes the URL of a new database of PostgreSQL."""

    folder: Path
    patch: pytest.MonkeyPatch
    postgres: Callable[[], str]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return Path(self.env["PLANRAIL_HOME"])

    @property
    def settings(self) -> Settings:
        return load_settings(self.env, self.folder)

    def toml(self, content: str) -> None:
        """What planrail.toml says, whole."""
        path = self.folder / "planrail.toml"
        path.write_text(content)
        path.chmod(0o600)

    async def findings(self) -> list[Finding]:
        return (await examined(self.env, self.folder))[0]

    @asynccontextmanager
    async def journal(self) -> AsyncIterator[SqlJournal]:
        """The journal as it is configured, made or migrated if need be."""
        async with await SqlJournal.open(self.settings.url) as journal:
            yield journal

    def sql(self, statement: str, **values: object) -> None:
        """Carry a statement out on the database."""
        engine = create_engine(self.settings.url.replace("postgresql://", "postgresql+psycopg://"))
        try:
            with engine.begin() as connection:
                connection.execute(text(statement), values)
        finally:
            engine.dispose()

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        """`planrail worker`, in this loop."""
        ready, stop = asyncio.Event(), asyncio.Event()
        working = asyncio.create_task(serve_worker(self.settings, ready=lambda *_: ready.set(), stop=stop))
        async with asyncio.timeout(BOUND_S):
            await ready.wait()
        try:
            yield
        finally:
            stop.set()
            async with asyncio.timeout(BOUND_S):
                await working

    def install(self, name: str, source: str) -> None:
        """A pack in a module of its own, installed as any distribution is."""
        (self.folder / f"{name}_pack.py").write_text(source)
        info = self.folder / f"{name}_pack-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-pack\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[planrail.packs]\n{name} = {name}_pack:pack\n")
        self.patch.syspath_prepend(self.folder)
        importlib.invalidate_caches()


def matching(findings: list[Finding], what: str, told: str) -> Finding | None:
    """The row of that name that says so, unless all is well with it."""
    return next((f for f in findings if f.what == what and told in f.told and f.level != "ok"), None)


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def answering(status: str, *headers: str) -> AsyncIterator[int]:
    """A server that answers everything so; its port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write("\r\n".join((f"HTTP/1.1 {status}", *headers, "content-length: 0", "connection: close", "", "")).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
