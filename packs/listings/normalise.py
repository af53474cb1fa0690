"""Normalise: a record becomes a listing, or says why it is none. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from packs.listings.columns import NEEDED
from packs.listings.gazetteer import POSTCODE, city_of
from packs.listings.listing import Accepted, Listing, Reason, Record, Rejected, Repair, Row
from packs.listings.values import amount, chosen, day, money, square_metres

LENGTHS = {"reference": 40, "title": 200, "street": 120, "postcode": 10, "city": 60, "email": 254, "description": 2_000}
PRICES = {"sale": (500_000, 10_000_000_000), "rent": (5_000, 10_000_000)}  # cents: less or more is a mistake
AREAS = (5.0, 1_000_000.0)
ROOMS = (0.5, 50.0)
YEARS = (1200, 2100)
_KINDS = {
    "apartment": "apartment", "flat": "apartment", "wohnung": "apartment", "piso": "apartment", "appartement": "apartment",
    "house": "house", "haus": "house", "villa": "house", "casa": "house", "maison": "house", "studio": "studio",
    "office": "office", "buro": "office", "oficina": "office", "bureau": "office", "shop": "shop", "retail": "shop",
    "laden": "shop", "local": "shop", "land": "land", "plot": "land", "grundstuck": "land", "terreno": "land",
}  # fmt: skip
_DEALS = {
    "sale": "sale", "for sale": "sale", "buy": "sale", "sell": "sale", "kauf": "sale", "venta": "sale", "vente": "sale",
    "rent": "rent", "for rent": "rent", "to let": "rent", "let": "rent", "miete": "rent", "alquiler": "rent",
    "location": "rent",
}  # fmt: skip
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _./#-]{0,39}")
_EMAIL = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[A-Za-z]{2,}")
_FORMULA = re.compile(r"\s*[=@]|\s*[+-].*[(|!]")  # what a spreadsheet would run
_TEXTS = ("reference", "title", "street", "city", "description")


class _Unfit(Exception):
    def __init__(self, reason: Reason, at: str) -> None:
        self.reason: Reason = reason
        self.field = at


@dataclass
class _Cells:
    """A record's cells, cleaned one by one."""

    raw: dict[str, str]
    repaired: list[Repair] = field(default_factory=list)

    def text(self, name: str) -> str:
        written = self.raw.get(name, "")
        clean = _CONTROLS.sub("", written)
        if clean != written:
            self.repair("control_characters")
        clean = clean.strip() if name == "description" else " ".join(clean.split())
        if len(clean) > LENGTHS.get(name, 200):
            raise _Unfit("too_long", name)
        if name in _TEXTS and _FORMULA.match(clean):
            raise _Unfit("formula", name)
        if name in NEEDED and not clean:
            raise _Unfit("missing", name)
        return clean

    def repair(self, what: Repair) -> None:
        if what not in self.repaired:
            self.repaired.append(what)


def normalise(record: Record) -> Row:
    """The listing that a record is, or the first reason why it is none."""
    if record.reason is not None:
        return Rejected(record.line, record.reason, "", "", record.text)
    cells = _Cells(record.cells, list(record.repaired))
    try:
        return Accepted(record.line, _listing(cells), tuple(cells.repaired))
    except _Unfit as unfit:
        value = record.cells.get(unfit.field, "")[:200]
        return Rejected(record.line, unfit.reason, unfit.field, value, "")


def _listing(cells: _Cells) -> Listing:
    reference = cells.text("reference").upper()
    if not _REFERENCE.fullmatch(reference):
        raise _Unfit("reference", "reference")
    deal = _choice(cells, "deal", _DEALS)
    kind = _choice(cells, "kind", _KINDS)
    postcode = _postcode(cells)
    price_cents, currency = _price(cells, deal)
    city, misspelt = city_of(cells.text("city"), postcode)
    if misspelt:
        cells.repair("city")
    return Listing(
        reference=reference,
        kind=kind,  # type: ignore[arg-type]  # one of the words that _KINDS has
        deal=deal,  # type: ignore[arg-type]  # likewise
        title=cells.text("title"),
        street=cells.text("street"),
        postcode=postcode,
        city=city,
        price_cents=price_cents,
        currency=currency,
        area_m2=_area(cells),
        rooms=_number(cells, "rooms", ROOMS, "rooms"),
        year_built=None if (year := _number(cells, "year_built", YEARS, "year")) is None else int(year),
        available_from=_day(cells),
        email=_email(cells),
        description=cells.text("description"),
    )


def _choice(cells: _Cells, name: Reason, words: dict[str, str]) -> str:
    found = chosen(cells.text(name), words)
    if found is None:
        raise _Unfit(name, name)
    if found[1]:
        cells.repair("kind")
    return found[0]


def _postcode(cells: _Cells) -> str:
    written = cells.text("postcode").upper()
    if re.fullmatch(r"[A-Z]{1,2}-\d{4,5}", written):
        written = written.partition("-")[2]  # D-10115
    if not POSTCODE.fullmatch(written) or not re.search(r"\d", written):
        raise _Unfit("postcode", "postcode")
    return written


def _price(cells: _Cells, deal: str) -> tuple[int, str]:
    read = money(cells.text("price"), cells.text("currency"))
    if read is None:
        raise _Unfit("price" if amount(cells.text("price")) is None else "currency", "price")
    least, most = PRICES[deal]
    if not least <= read[0] <= most:
        raise _Unfit("price", "price")
    return read


def _area(cells: _Cells) -> float:
    read = square_metres(cells.text("area"))
    if read is None or not AREAS[0] <= read[0] <= AREAS[1]:
        raise _Unfit("area", "area")
    if read[1]:
        cells.repair("area_unit")
    return read[0]


def _number(cells: _Cells, name: str, within: tuple[float, float], reason: Reason) -> float | None:
    written = cells.text(name)
    if not written:
        return None
    read = amount(written)
    if read is None or not within[0] <= read[0] <= within[1]:
        raise _Unfit(reason, name)
    return read[0]


def _day(cells: _Cells) -> str:
    written = cells.text("available_from")
    read = day(written) if written else ""
    if written and not read:
        cells.repair("date_left_out")
    return read or ""


def _email(cells: _Cells) -> str:
    written = cells.text("email").casefold().removeprefix("mailto:")
    if written and not _EMAIL.fullmatch(written):
        raise _Unfit("email", "email")
    return written
