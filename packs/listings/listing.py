"""Listing: one property on offer, as the tables have it, and why a row is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from packs.listings.arguments import Deal, Kind

# Why a row is not imported. The words are the report's.
Reason = Literal[
    "cells", "quotes", "too_long", "not_json", "cut_off", "missing", "reference", "kind", "deal", "price", "currency", "area",
    "rooms", "year", "postcode", "email", "formula", "same_reference", "same_property", "known_property",
]  # fmt: skip

# What was put right in a row that is imported.
Repair = Literal["encoding", "control_characters", "city", "kind", "area_unit", "date_left_out"]


class Listing(BaseModel):
    """A property. Text that is not known is "", a number null; prices are in cents, areas in square metres."""

    model_config = ConfigDict(frozen=True)

    reference: str
    kind: Kind
    deal: Deal
    title: str = ""
    street: str
    postcode: str
    city: str
    price_cents: int
    currency: str
    area_m2: float
    rooms: float | None = None
    year_built: int | None = None
    available_from: str = ""
    email: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """What stands in a file where a row is expected: cells by column, or the reason why there are none. Lines count from 1."""

    line: int
    cells: dict[str, str] = field(default_factory=dict)
    reason: Reason | None = None
    text: str = ""  # as it stands there, cut to what a person can look at
    repaired: tuple[Repair, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row that is a listing."""

    line: int
    listing: Listing
    repaired: tuple[Repair, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is none. `value` is what stands in the field that is at fault."""

    line: int
    reason: Reason
    field: str
    value: str
    text: str


Row = Accepted | Rejected
