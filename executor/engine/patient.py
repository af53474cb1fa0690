"""PatientConnector: Procrastinate's connection to the database, waiting for a server that went away instead of giving up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, LiteralString, TypeVar

import psycopg
from procrastinate import PsycopgConnector
from procrastinate.connector import Notify
from procrastinate.exceptions import ConnectorException

log = logging.getLogger(__name__)
T = TypeVar("T")

_PAUSE_S = 0.25


class PatientConnector(PsycopgConnector):
    """Without it one lost heartbeat ends Procrastinate's worker, and with it every segment under way."""

    def __init__(self, conninfo: str, *, away_s: float) -> None:
        named = {"application_name": "planrail-worker"}
        super().__init__(conninfo=conninfo, min_size=1, max_size=8, timeout=5.0, kwargs=named, configure=_configure)
        self._away_s = away_s

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        await self._patiently(lambda: super(PatientConnector, self).execute_query_async(query, **arguments))

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        return await self._patiently(lambda: super(PatientConnector, self).execute_query_one_async(query, **arguments))

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        return await self._patiently(lambda: super(PatientConnector, self).execute_query_all_async(query, **arguments))

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        names = list(channels)
        await self._patiently(lambda: super(PatientConnector, self).listen_notify(on_notification, names), forever=True)

    async def _patiently(self, act: Callable[[], Awaitable[T]], *, forever: bool = False) -> T:
        begun = time.monotonic()
        while True:
            try:
                given = await act()
                if _is_cancelled():
                    raise asyncio.CancelledError
                return given
            except ConnectorException as error:
                if _is_cancelled():
                    raise asyncio.CancelledError from error
                if not _is_away(error) or (not forever and time.monotonic() - begun >= self._away_s):
                    raise
                log.info("the queue's database does not answer; trying again")
            await asyncio.sleep(_PAUSE_S)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    """Each of Procrastinate's queries is one statement: a transaction around it would cost two more round trips."""
    await connection.set_autocommit(True)


def _is_cancelled() -> bool:
    """Whether this task was cancelled: before Python 3.12 `asyncio.wait_for`, by which queries wait, may swallow that."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _is_away(error: ConnectorException) -> bool:
    return isinstance(error.__cause__, psycopg.OperationalError | psycopg.InterfaceError)
