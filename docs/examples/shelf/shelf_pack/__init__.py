"""The pack `shelf`: a tiny library. All that a pack of your own needs is in here and in the pyproject.toml beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from executor.pack import Pack, PackHost
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset

Topic = Literal["gardening", "cooking", "sailing"]


class Book(BaseModel):
    id: int
    title: str
    topic: Topic
    rating: float


class Books(BaseModel):
    items: Annotated[list[Book], Field(max_length=20)]


class Reservation(BaseModel):
    book: int
    place: int


BOOKS = (
    Book(id=1, title="Beans and Patience", topic="gardening", rating=4.7),
    Book(id=2, title="A Bed of Herbs", topic="gardening", rating=4.1),
    Book(id=3, title="Knots for Cooks", topic="cooking", rating=3.9),
    Book(id=4, title="Reefing Early", topic="sailing", rating=4.8),
)


class Shelf:
    """The tools of the namespace `shelf`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @tool(effect="read", labels={"": "trusted"})
    def find_books(self, topic: Topic) -> Books:
        """The books of a topic, best rated first."""
        found = [b for b in BOOKS if b.topic == topic]
        return Books(items=sorted(found, key=lambda b: -b.rating))

    @tool(effect="write", idempotent=True, labels={"": "trusted"}, not_found=True)
    def reserve(self, book: int, context: ToolContext) -> Reservation | ToolFailed:
        """Put the reader on a book's list; the key makes a repeated call the same reservation."""
        if book not in {b.id for b in BOOKS}:
            return ToolFailed(f"There is no book {book}.", "not_found")
        places = self._folder / str(book)
        places.mkdir(parents=True, exist_ok=True)
        mine = places / context.key
        if not mine.exists():
            mine.write_text(str(len(list(places.iterdir())) + 1), encoding="utf-8")
        return Reservation(book=book, place=int(mine.read_text(encoding="utf-8")))


def pack(host: PackHost) -> Pack:
    """What the entry point names: the pack, ready to be called."""
    return Pack(
        name="shelf",
        about="A small library: find books and reserve them.",
        tools=Toolset.of("shelf", Shelf(host.data_dir / "shelf")),
        playbooks=Path(__file__).parent / "playbooks",
    )
