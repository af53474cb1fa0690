"""Columns: which column of a feed is which field of a listing, by the names that feeds have for them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# field → how feeds call it, without case, accents and anything but letters and digits
NAMES: Mapping[str, tuple[str, ...]] = {
    "reference": ("reference", "ref", "id", "listingid", "objectid", "objektnr", "objektnummer", "referencia"),
    "kind": ("kind", "type", "propertytype", "category", "objektart", "tipo"),
    "deal": ("deal", "offer", "transaction", "for", "vermarktung", "operation", "operacion"),
    "title": ("title", "headline", "name", "titel", "titulo"),
    "street": ("street", "address", "streetaddress", "strasse", "adresse", "direccion", "calle"),
    "postcode": ("postcode", "postalcode", "zip", "zipcode", "plz", "codigopostal"),
    "city": ("city", "town", "place", "ort", "stadt", "ciudad", "ville"),
    "price": ("price", "askingprice", "amount", "preis", "kaufpreis", "miete", "precio", "prix"),
    "currency": ("currency", "ccy", "wahrung", "moneda", "devise"),
    "area": ("area", "size", "livingarea", "floorarea", "aream2", "areasqm", "sqm", "flache", "wohnflache", "superficie"),
    "rooms": ("rooms", "numberofrooms", "bedrooms", "zimmer", "habitaciones", "pieces"),
    "year_built": ("yearbuilt", "built", "builtin", "constructionyear", "baujahr", "ano"),
    "available_from": ("availablefrom", "available", "from", "bezugsfrei", "verfugbarab", "disponible"),
    "email": ("email", "mail", "contact", "contactemail", "kontakt"),
    "description": ("description", "text", "details", "beschreibung", "descripcion"),
}
NEEDED = ("reference", "kind", "deal", "street", "postcode", "city", "price", "area")
_FIELDS = {name: field for field, names in NAMES.items() for name in names}
_OTHER = re.compile(r"[^a-z0-9]+")


class UnknownColumns(ValueError):
    """What a listing needs has no column; `missing` names the fields."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(f"no column for {', '.join(missing)}")
        self.missing = tuple(missing)


@dataclass(frozen=True)
class Columns:
    """The fields of a file's columns, in its order; "" for one that is left out."""

    fields: tuple[str, ...]
    ignored: tuple[str, ...]

    @classmethod
    def of(cls, header: Iterable[str]) -> Columns:
        """Of a header; raises UnknownColumns. Of two columns for one field the first counts."""
        fields: list[str] = []
        ignored: list[str] = []
        for cell in header:
            field = field_of(cell)
            if not field or field in fields:
                ignored.append(cell.strip()[:60])
                field = ""
            fields.append(field)
        missing = [name for name in NEEDED if name not in fields]
        if missing:
            raise UnknownColumns(missing)
        return cls(tuple(fields), tuple(name for name in ignored if name))

    @property
    def width(self) -> int:
        return len(self.fields)

    def named(self, cells: Sequence[str]) -> dict[str, str]:
        """The cells that have a field and something in them."""
        return {field: cell for field, cell in zip(self.fields, cells, strict=True) if field and cell.strip()}


def field_of(name: str) -> str:
    """The field that a column of this name holds; "" for none."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("²", "2"))
    return _FIELDS.get(_OTHER.sub("", plain), "")
