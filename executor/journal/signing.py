"""Signing keys in the SQL journal: one row a key; of processes that make the same generation at once one does."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select, update

from executor.journal.dialect import Dialect
from executor.journal.readers import Readers
from executor.journal.tables import signing_table as signing
from executor.journal.writer import Writer
from executor.signing_keys import StoredKey

_READ = select(signing).order_by(signing.c.generation.desc())
_RETIRE = (
    update(signing)
    .where(signing.c.generation < bindparam("newest"), signing.c.retired_at.is_(None))
    .values(retired_at=bindparam("at"))
)
_FORGET = delete(signing).where(signing.c.generation.in_(bindparam("generations", expanding=True)))
_ORDER = "signing keys"


class SqlSigningKeys:
    """The keys in the journal's database."""

    def __init__(self, readers: Readers, writer: Writer, dialect: Dialect) -> None:
        self._readers = readers
        self._writer = writer
        self._dialect = dialect

    async def read(self) -> list[StoredKey]:
        """All of them, the newest first."""
        rows = await self._readers.read(lambda c: c.execute(_READ).all())
        return [StoredKey.model_validate(row._asdict()) for row in rows]

    async def add(self, key: StoredKey) -> bool:
        """Keep a new key, and retire those before it; false where its generation is there already."""
        return await self._writer.write(lambda c: self._add(c, key), order=_ORDER)

    async def forget(self, generations: list[int]) -> None:
        """Remove keys for good."""
        await self._writer.write(lambda c: c.execute(_FORGET, {"generations": generations}).rowcount, order=_ORDER)

    def _add(self, connection: Connection, key: StoredKey) -> bool:
        once = self._dialect.insert_once(signing, "generation").values(**key.model_dump())
        if connection.execute(once.returning(signing.c.generation)).scalar_one_or_none() is None:
            return False
        connection.execute(_RETIRE, {"newest": key.generation, "at": key.created_at})
        return True
