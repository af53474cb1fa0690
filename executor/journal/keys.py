"""API keys in the journal's database: one row a key, by the hash of its text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, or_, select, update

from executor.api_keys import USED_EVERY, StoredKey
from executor.journal.dialect import Dialect
from executor.journal.readers import Readers
from executor.journal.tables import key_table as key
from executor.journal.writer import Writer

_BY_HASH = select(key).where(key.c.hash == bindparam("of"))
_FIND = select(key).order_by(key.c.created_at.desc(), key.c.name)
_LIVE = and_(key.c.name == bindparam("called"), key.c.revoked_at.is_(None))
_GOOD = select(key.c.hash).where(_LIVE, or_(key.c.expires_at.is_(None), key.c.expires_at > bindparam("at"))).limit(1)
_REVOKE = update(key).where(_LIVE).values(revoked_at=bindparam("at")).returning(key)
_USED = (
    update(key)
    .where(key.c.hash == bindparam("of"), or_(key.c.used_at.is_(None), key.c.used_at <= bindparam("before")))
    .values(used_at=bindparam("at"))
)


class SqlApiKeys:
    """The keys of a database, which all its processes share."""

    def __init__(self, readers: Readers, writer: Writer, dialect: Dialect) -> None:
        self._readers = readers
        self._writer = writer
        self._dialect = dialect

    async def add(self, made: StoredKey) -> bool:
        return await self._writer.write(lambda c: self._add(c, made), order=_order(made.name))

    def _add(self, connection: Connection, made: StoredKey) -> bool:
        self._dialect.lock_name(connection, _order(made.name))
        if connection.execute(_GOOD, {"called": made.name, "at": made.created_at}).first() is not None:
            return False
        names = {"scopes": json.dumps(sorted(made.scopes)), "tenants": json.dumps(sorted(made.tenants))}
        connection.execute(self._dialect.insert_once(key, "hash").values(made.model_dump() | names))
        return True

    async def by_hash(self, hashed: str) -> StoredKey | None:
        row = await self._readers.read(lambda c: c.execute(_BY_HASH, {"of": hashed}).one_or_none())
        return None if row is None else _stored(row)

    async def revoke(self, name: str, at: datetime) -> StoredKey | None:
        wanted = {"called": name, "at": at}
        rows = await self._writer.write(lambda c: c.execute(_REVOKE, wanted).all(), order=_order(name))
        return max((_stored(row) for row in rows), key=lambda k: k.created_at, default=None)

    async def used(self, hashed: str, at: datetime) -> None:
        wanted = {"of": hashed, "at": at, "before": at - USED_EVERY}
        await self._writer.write(lambda c: c.execute(_USED, wanted).rowcount, order=_order(hashed))

    async def find(self) -> Sequence[StoredKey]:
        return [_stored(row) for row in await self._readers.read(lambda c: c.execute(_FIND).all())]


def _order(name: str) -> str:
    return f"key {name}"


def _stored(row: Row[Any]) -> StoredKey:
    names = {"scopes": json.loads(row.scopes), "tenants": json.loads(row.tenants)}
    return StoredKey.model_validate({**row._mapping, **names})
