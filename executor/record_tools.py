"""RecordTools: a group of a pack's tools over the pack's own tables, which are loaded by the first call.

A plan is checked without a database's libraries: `records` opens its `store` when that is first asked for, and not before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:  # SQLAlchemy takes a second to load
    from executor.pack_store import PackStore


class Records(Protocol):
    """A pack's part of the host's database."""

    @property
    def store(self) -> PackStore: ...


R = TypeVar("R", bound=Records)


class RecordTools(Generic[R]):
    """What such groups have in common: the records, and the probe that finds an effect by its key."""

    def __init__(self, records: R) -> None:
        self.records = records

    def took_effect(self, key: str) -> bool:
        return self.records.store.settled(key)


took_effect: Callable[..., bool] = RecordTools.took_effect  # as the probe of a tool: bound together with the tool's method
