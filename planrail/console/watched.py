"""Watched: what several people watch at once is worked out once: whoever comes first begins it, whoever leaves last ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar


class Watched:
    """Works for its watchers, and rings when there is something new, or when nothing more will come: `failed` says why."""

    def __init__(self) -> None:
        self.watchers = 0
        self.failed: BaseException | None = None
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def news(self) -> asyncio.Event:
        """Set when there is more than now, or will be none."""
        return self._news

    def close(self) -> None:
        """Work no more."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._tasks.append(asyncio.create_task(self._worked(work), name=name))

    async def _worked(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # carried over to the watchers
            self.failed = error
            self._ring()

    def _ring(self) -> None:
        rung, self._news = self._news, asyncio.Event()
        rung.set()


T = TypeVar("T", bound=Watched)


class Watches(Generic[T]):
    """What is watched now, by its name; `begin` makes it."""

    def __init__(self, begin: Callable[[str], T]) -> None:
        self._begin = begin
        self._open: dict[str, T] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[T]:
        """What has that name, until the last of its watchers leaves; anew where nothing comes of it any more."""
        watched = self._open.get(name)
        if watched is None or watched.failed is not None:
            watched = self._open[name] = self._begin(name)
        watched.watchers += 1
        try:
            yield watched
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                watched.close()
                if self._open.get(name) is watched:
                    del self._open[name]
