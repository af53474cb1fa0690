"""Records: the tables behind the tools, loaded by the first call, so that a plan is checked without a database's libraries."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from executor.pack import PackHost

if TYPE_CHECKING:  # SQLAlchemy and its dialects take a second to load
    from executor.pack_store import PackStore
    from packs.afterhours.night_rows import NightRows


class Records:
    """The pack's part of the host's database."""

    def __init__(self, host: PackHost) -> None:
        self._host = host

    @cached_property
    def store(self) -> PackStore:
        from packs.afterhours.store import opened  # noqa: PLC0415  # it loads SQLAlchemy

        return opened(self._host.database)

    @cached_property
    def night(self) -> NightRows:
        from packs.afterhours.night_rows import NightRows  # noqa: PLC0415  # it loads SQLAlchemy

        return NightRows(self.store)
