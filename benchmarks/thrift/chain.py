"""Chain: each call needs what the one before it gave."""

from __future__ import annotations

from pydantic import BaseModel

from benchmarks.thrift.call import Call, Group, Part
from benchmarks.thrift.form import Beat, Form, Plan
from benchmarks.thrift.outputs import number, paced
from executor.tool import tool
from executor.toolset import Toolset


class Record(BaseModel):
    id: str
    next: str
    text: str


@tool(effect="read")
async def read(id: str) -> Record:
    """One record of the archive: its text, and the id of the next record."""
    return Record(id=id, next=_next(id), text=await paced(id))


ARCHIVE = Toolset.of("archive", [read])


class Chain(Form):
    @property
    def name(self) -> str:
        return f"chain of {self.width}"

    @property
    def tools(self) -> Toolset:
        return ARCHIVE

    @property
    def goal(self) -> str:
        return (
            f"Read the record {self._start} of the archive, then the one that it names as next, and so on, "
            f"{self.width} records in all. Which record does the last one name?"
        )

    @property
    def answer(self) -> str:
        return self._records[-1]

    @property
    def sentence(self) -> str:
        return f"The last record names {self.answer}."

    @property
    def groups(self) -> list[Group]:
        pairs = zip(self._records, self._records[1:], strict=False)
        return [
            Group("Read the record", [Part(r, [[Call("archive.read", {"id": r})]], f"It names {n}.", "that it names as next")])
            for r, n in pairs
        ]

    @property
    def plans(self) -> list[Plan]:
        begin = f'r1 = archive.read(id="{self._start}")'
        rest = [f"r{n} = archive.read(id=r{n - 1}.next)" for n in range(2, self.width + 1)]
        path = [Beat(n, n - 1 if n else None) for n in range(self.width)]
        return [Plan("\n".join([begin, *rest, f"answer(r{self.width}.next)"]), path)]

    @property
    def lines(self) -> list[list[str]]:
        return [[f'archive_read("{self._start}")', *(f'archive_read("${n}")' for n in range(1, self.width))]]

    @property
    def _start(self) -> str:
        return f"K-{1000 + 37 * self.seed}"

    @property
    def _records(self) -> list[str]:
        """Those that are read, and the one that the last of them names."""
        names = [self._start]
        for _ in range(self.width):
            names.append(_next(names[-1]))
        return names


def _next(record: str) -> str:
    return f"K-{1000 + number(record, 9000)}"
