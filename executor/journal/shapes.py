"""Learned shapes in the SQL journal: one row a tool and version, to which processes add what they saw."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, select, update

from executor.journal.dialect import Dialect
from executor.journal.readers import Readers
from executor.journal.tables import shape_table as shape
from executor.journal.writer import Writer
from executor.shapes import Learned, ShapeKey, newly
from planner.learned import Seen, from_json, to_json

_OF = and_(shape.c.tool == bindparam("of"), shape.c.contract == bindparam("under"))
_READ = select(shape).where(shape.c.tool.in_(bindparam("tools", expanding=True)))
_LOCK = select(shape).where(_OF).with_for_update()
_SET = update(shape).where(_OF).values(version=bindparam("now"), body=bindparam("to"), updated_at=bindparam("at"))


class SqlShapes:
    """What has been learned, in the journal's database; processes add to it at the same time."""

    def __init__(self, readers: Readers, writer: Writer, dialect: Dialect, clock: Callable[[], datetime]) -> None:
        self._readers = readers
        self._writer = writer
        self._dialect = dialect
        self._clock = clock

    async def read(self, keys: Collection[ShapeKey]) -> Mapping[ShapeKey, Learned]:
        wanted = {"tools": sorted({key.tool for key in keys})}
        rows = await self._readers.read(lambda c: c.execute(_READ, wanted).all())
        found = {ShapeKey(row.tool, row.contract): row for row in rows}
        return {key: Learned(key, from_json(row.body), row.version) for key, row in found.items() if key in keys}

    async def learn(self, key: ShapeKey, seen: Seen) -> None:
        await self._writer.write(lambda c: self._learn(c, key, seen), order=f"shape {key.tool} {key.contract}")

    def _learn(self, connection: Connection, key: ShapeKey, seen: Seen) -> None:
        first = newly(key, seen)
        row = {"tool": key.tool, "contract": key.contract, "version": first.version, "body": to_json(seen)}
        once = self._dialect.insert_once(shape, "tool", "contract").values(**row, updated_at=self._clock())
        if connection.execute(once.returning(shape.c.tool)).scalar_one_or_none() is not None:
            return
        of = {"of": key.tool, "under": key.contract}
        stored = connection.execute(_LOCK, of).one()
        both = Learned(key, from_json(stored.body), stored.version).with_(seen)
        connection.execute(_SET, {**of, "now": both.version, "to": to_json(both.seen), "at": self._clock()})
