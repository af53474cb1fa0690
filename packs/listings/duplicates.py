"""Duplicates: rows that are the same listing, and listings that are the same property. Pure; remembers hashes, not rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator

from packs.listings.listing import Accepted, Listing, Reason, Row
from packs.listings.values import folded

_STREET = re.compile(r"\b(?:strasse|street|str|st)\b|(?<=[a-z])(?:strasse|str)\b")
_OTHER = re.compile(r"[^a-z0-9]+")
Found = tuple[int, Reason, str]  # the line, why it is a duplicate, and of what


def property_key(listing: Listing) -> str:
    """Equal for listings of one property: address, kind, deal, size and rooms, however they are written."""
    street = _OTHER.sub("", _STREET.sub("", folded(listing.street)))
    parts = (
        street,
        _OTHER.sub("", folded(listing.postcode)),
        listing.kind,
        listing.deal,
        round(listing.area_m2),
        listing.rooms,
    )
    return _hash(repr(parts))


class Seen:
    """The listings of one import, seen twice: `first` for where each reference stands last, then `second` for what is double.

    Of rows with one reference the last one counts; of several references for one property the first.
    """

    def __init__(self) -> None:
        self._last: dict[bytes, int] = {}
        self._properties: dict[str, int] = {}

    def first(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if isinstance(row, Accepted):
                self._last[_reference(row.listing.reference)] = row.line

    def second(self, rows: Iterable[Row], known: Callable[[dict[str, str]], dict[str, str]]) -> Iterator[Found]:
        """The duplicates of these rows. `known` is given the properties of new rows with their references, and tells of those
        that the tables have under another reference which that is."""
        new: dict[str, str] = {}
        lines: dict[str, int] = {}
        for row in rows:
            if not isinstance(row, Accepted):
                continue
            last = self._last[_reference(row.listing.reference)]
            key = property_key(row.listing)
            if last != row.line:
                yield row.line, "same_reference", f"line {last}"
            elif key in self._properties:
                yield row.line, "same_property", f"line {self._properties[key]}"
            else:
                self._properties[key] = lines[key] = row.line
                new[key] = row.listing.reference
        for key, reference in known(new).items():
            if _reference(reference) not in self._last:
                yield lines[key], "known_property", reference


def _reference(reference: str) -> bytes:
    return hashlib.blake2b(reference.encode(), digest_size=12).digest()


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def content_digest(listing: Listing) -> str:
    """Equal for listings that say the same."""
    return _hash(listing.model_dump_json())
