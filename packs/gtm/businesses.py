"""Businesses: the invented ones that the pack ships, as leads to start with and as the directory that enriches them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

FILE = Path(__file__).parent / "data" / "businesses.json"


class Business(BaseModel):
    """One line of the data file. `summary` stands for what the business's own website says."""

    model_config = ConfigDict(frozen=True)

    name: str
    vertical: str
    city: str
    address: str
    email: str
    phone: str
    website: str
    rating: float
    reviews: int
    employees: int
    services: list[str]
    hours: str
    contact: str
    summary: str


_FILE_OF_BUSINESSES = TypeAdapter(list[Business])


@cache
def businesses() -> tuple[Business, ...]:
    """All shipped businesses in the order of the file; read once a process."""
    return tuple(_FILE_OF_BUSINESSES.validate_json(FILE.read_bytes()))


@cache
def _by_name() -> dict[tuple[str, str], Business]:
    return {(b.name, b.city): b for b in businesses()}


def look_up(name: str, city: str) -> Business | None:
    """What the directory knows of the business with exactly this name in this city."""
    return _by_name().get((name, city))
