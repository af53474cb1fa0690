"""Told: what the tools of the namespace `listings` give. Rows travel as handles, so that what a plan holds is short."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from executor.builtin.handle import Handle
from packs.listings.arguments import CHUNKS, Deal, Kind

MAX_IGNORED = 20
Tally = dict[str, int]


class Staged(BaseModel):
    """A file, cut into chunks. `ignored` are columns that no listing has."""

    file: str
    sha256: str
    rows: int
    chunks: Annotated[list[Handle], Field(max_length=CHUNKS)]
    ignored: Annotated[list[str], Field(max_length=MAX_IGNORED)]


class Checked(BaseModel):
    """A chunk whose rows are listings now, or rejected."""

    rows: Handle
    accepted: int
    rejected: int


class Unique(BaseModel):
    """`found`: which lines are duplicates, why and of what."""

    found: Handle
    duplicates: int


class Saved(BaseModel):
    model_config = ConfigDict(frozen=True)

    inserted: int
    updated: int
    unchanged: int


class Report(BaseModel):
    """An import. `rejects` is the CSV of all rows that were not imported, with the reasons; `text` is for people."""

    id: int = 0
    rows: int
    inserted: int
    updated: int
    unchanged: int
    rejected: Tally
    duplicates: Tally
    repaired: Tally
    rejects: Handle
    text: str


class Offer(BaseModel):
    """A listing as `find` shows it."""

    id: int
    source: str
    reference: str
    kind: Kind
    deal: Deal
    title: str
    street: str
    postcode: str
    city: str
    price: float
    currency: str
    area_m2: float
    rooms: float | None


class Found(BaseModel):
    items: Annotated[list[Offer], Field(max_length=100)]
