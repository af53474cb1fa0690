"""Importing: a file of rows is read in chunks, each chunk is stored, and what was stored is added up."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from benchmarks.thrift.call import Call, Group, Part
from benchmarks.thrift.fan_out import CITIES
from benchmarks.thrift.form import Beat, Form, Plan
from benchmarks.thrift.outputs import Outputs, number, passed
from executor.tool import tool
from executor.toolset import Toolset

_ROW = 18  # tokens


class Listing(BaseModel):
    id: int
    city: str
    price: int


class Chunk(BaseModel):
    rows: list[Listing]


class Imported(BaseModel):
    stored: int
    rejected: int


@tool(effect="read")
async def read(file: int, chunk: int) -> Chunk:
    """One chunk of the rows of a file, counted from 1."""
    await passed()
    return Chunk(rows=[Listing(**row) for row in _rows(file, chunk, Outputs.size)])


@tool(effect="write", idempotent=True, commutes=True)
async def store(rows: list[Listing]) -> Imported:
    """Store rows; those without a price are rejected."""
    await passed()
    rejected = sum(1 for row in rows if row.price <= 0)
    return Imported(stored=len(rows) - rejected, rejected=rejected)


LISTINGS = Toolset.of("listings", [read, store])


class Importing(Form):
    @property
    def name(self) -> str:
        return f"import of {self.width} chunks"

    @property
    def tools(self) -> Toolset:
        return LISTINGS

    @property
    def goal(self) -> str:
        return f"Import the {self.width} chunks of file {self._file}. How many rows are stored, and how many are rejected?"

    @property
    def answer(self) -> str:
        stored, rejected = (sum(count) for count in zip(*map(self._counts, self._chunks), strict=True))
        return f"{stored} rows stored, {rejected} rejected"

    @property
    def sentence(self) -> str:
        return self.answer

    @property
    def groups(self) -> list[Group]:
        return [Group("Read and store chunk", [self._part(n) for n in self._chunks], found=self.answer)]

    def _part(self, chunk: int) -> Part:
        rows: Any = _rows(self._file, chunk, self.size)
        calls = Call("listings.read", {"file": self._file, "chunk": chunk}), Call("listings.store", {"rows": rows})
        return Part(
            f"{chunk} of file {self._file}", [[c] for c in calls], "{} stored, {} rejected".format(*self._counts(chunk))
        )

    @property
    def plans(self) -> list[Plan]:
        script = (
            f"chunks = [listings.read(file={self._file}, chunk=n) for n in range(1, {self.width + 1})]\n"
            "done = [listings.store(rows=c.rows) for c in chunks]\n"
            'answer(f"{sum(d.stored for d in done)} rows stored, {sum(d.rejected for d in done)} rejected")'
        )
        return [Plan(script, [Beat(0), Beat(1, 0, effect=True)])]

    @property
    def lines(self) -> list[list[str]]:
        reads = [f"listings_read({self._file}, {n})" for n in self._chunks]
        return [[*reads, *(f'listings_store("${n}")' for n in self._chunks)]]

    @property
    def _file(self) -> int:
        return 300 + self.seed

    @property
    def _chunks(self) -> range:
        return range(1, self.width + 1)

    def _counts(self, chunk: int) -> tuple[int, int]:
        rows = _rows(self._file, chunk, self.size)
        rejected = sum(1 for row in rows if row["price"] <= 0)
        return len(rows) - rejected, rejected


def _rows(file: int, chunk: int, size: int) -> list[dict[str, Any]]:
    """The rows of a chunk of about so many tokens."""
    count = size // _ROW
    first = file * 100_000 + chunk * 1_000
    return [
        {"id": i, "city": CITIES[number(f"city {i}", len(CITIES))], "price": max(0, number(f"price {i}", 500) - 50)}
        for i in range(first, first + count)
    ]
