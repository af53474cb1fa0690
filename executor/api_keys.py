"""API keys: who may come with which key, as a port with an implementation in memory. Only a key's hash is kept.

A key that is revoked stays in the list, so that it can be told who came with it; its name may be given again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

USED_EVERY = timedelta(minutes=1)  # how exactly it is known when a key was last used


class StoredKey(BaseModel):
    """One key: the hash of its text, who it stands for, and until when."""

    model_config = ConfigDict(frozen=True)

    name: str
    hash: str
    principal: str
    kind: Literal["user", "agent"] = "agent"
    scopes: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()  # the only ones it may name; none: it is bound to none
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    used_at: datetime | None = None  # roughly: see USED_EVERY

    def opens(self, at: datetime) -> bool:
        """Whether it is good at that time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


class ApiKeys(Protocol):
    """The keys of a database."""

    async def add(self, key: StoredKey) -> bool:
        """Keep it; False, and nothing is kept, where a key of that name is good at its `created_at`."""
        ...

    async def by_hash(self, hashed: str) -> StoredKey | None: ...

    async def revoke(self, name: str, at: datetime) -> StoredKey | None:
        """The key of that name, which opens nothing from now on; None where there is none that was not revoked."""
        ...

    async def used(self, hashed: str, at: datetime) -> None:
        """Somebody has come with it."""
        ...

    async def find(self) -> Sequence[StoredKey]:
        """All of them, the newest first, revoked ones too."""
        ...


class MemoryApiKeys:
    """Keys of one process, gone with it."""

    def __init__(self) -> None:
        self._keys: list[StoredKey] = []

    async def add(self, key: StoredKey) -> bool:
        if any(k.name == key.name and k.opens(key.created_at) for k in self._keys):
            return False
        self._keys.append(key)
        return True

    async def by_hash(self, hashed: str) -> StoredKey | None:
        return next((k for k in self._keys if k.hash == hashed), None)

    async def revoke(self, name: str, at: datetime) -> StoredKey | None:
        revoked: list[StoredKey] = []
        for number, key in enumerate(self._keys):
            if key.name == name and key.revoked_at is None:
                self._keys[number] = key.model_copy(update={"revoked_at": at})
                revoked.append(self._keys[number])
        return max(revoked, key=lambda k: k.created_at, default=None)

    async def used(self, hashed: str, at: datetime) -> None:
        for number, key in enumerate(self._keys):
            if key.hash == hashed and (key.used_at is None or at - key.used_at >= USED_EVERY):
                self._keys[number] = key.model_copy(update={"used_at": at})

    async def find(self) -> Sequence[StoredKey]:
        return sorted(self._keys, key=lambda k: k.created_at, reverse=True)
