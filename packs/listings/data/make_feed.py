"""Write sample.csv, the invented feed that the pack ships, or a larger one: `python -m packs.listings.data.make_feed 9 FILE`.

Nobody is real: addresses of mail are under `.example` (RFC 2606), streets and numbers are drawn. The same seed gives the same
file. One row in seven is damaged, as feeds are, and the feed knows what has to become of it.
"""

from __future__ import annotations

import csv
import io
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SEED = 20260317
SAMPLE_ROWS = 600
FIELDS = ("Ref", "Type", "Deal", "Title", "Address", "Postcode", "City", "Price", "Area", "Rooms", "Built", "Available from",
          "E-mail", "Description", "Agent code")  # fmt: skip
CITIES = {
    "Berlin": (10115, 13200), "Hamburg": (20095, 22700), "Köln": (50667, 51100), "München": (80331, 81900),
    "Paris": (75001, 75020), "Madrid": (28001, 28055), "Málaga": (29001, 29018),
}  # fmt: skip
STREETS = ("Ahornstraße", "Birkenstraße", "Calle Olmo", "Domstraße", "Eichenweg", "Fichtenweg", "Gartenstraße", "Lindenallee",
           "Mühlenweg", "Rue des Tilleuls", "Schloßstraße", "Ulmenring", "Weidenweg", "Zedernstraße")  # fmt: skip
NUMBERS = 9_999
KINDS = ("apartment", "house", "studio", "office", "shop")
AGENTS = ("lindt-and-sons", "casa-clara", "north-gate", "hafen-immo", "maison-bleue")
TITLES = ("Bright {kind} near the park", "{kind} in the quiet part of {city}", "Newly built {kind}, {city}", "Charming {kind}",
          "{kind} with a view over {city}")  # fmt: skip
DESCRIPTIONS = ("Lift, cellar, \"French\" windows.", "Two balconies; heating from 2019.", "Line one.\nLine two, after a break.",
                "Close to schools, shops, and trains.", "Façade renewed. Großes Bad.")  # fmt: skip
PRICES = ("{n}", "€ {dotted}", "{dotted} €", "{comma}", "{k}k", "EUR {n}")


@dataclass
class Feed:
    """A file, and what has to become of its rows: how many are rejected, duplicates or put right, and for which reasons."""

    content: bytes = b""
    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    duplicates: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)

    @property
    def listings(self) -> int:
        return self.rows - self.rejected.total() - self.duplicates.total()


Cells = dict[str, str]
# what is done to a cell, and the reason that it is rejected for
REJECTED = {
    "price": ("Price", ("on request", "-120000", "0", "12.50.3", "€")),
    "currency": ("Price", ("¥ 450000", "450000 XBT")),
    "area": ("Area", ("n/a", "12 cats", "0")),
    "rooms": ("Rooms", ("three-ish", "400")),
    "year": ("Built", ("3021", "old")),
    "missing": ("Postcode", ("", "  ")),
    "postcode": ("Postcode", ("?????", "none")),
    "email": ("E-mail", ("nobody at home", "a@b", "x@y.example, z@y.example")),
    "formula": ("Title", ('=HYPERLINK("http://evil.example","Go")', "@SUM(1+1)*cmd|' /C calc'!A0", "+2+5+cmd|' /C calc'!A0")),
    "kind": ("Type", ("spaceship", "?")),
    "reference": ("Ref", ("!!", "a\u00e4b")),
}  # fmt: skip
REPAIRED = {
    "city": "City",
    "kind": "Type",
    "area_unit": "Area",
    "date_left_out": "Available from",
    "control_characters": "Title",
}
RAW = ("cells", "quotes", "too_long")  # of the row as it is written
DOUBLE = ("same_reference", "same_property")
MISCODED = ("put right: encoding", "put right: misread")
DAMAGES = (*REJECTED, *(f"put right: {name}" for name in REPAIRED), *MISCODED, *RAW, *DOUBLE)
ONE_IN = 7


def make_feed(
    rows: int, seed: int = SEED, *, delimiter: str = ";", encoding: str = "utf-8-sig", newline: str = "\n", cut: bool = False
) -> Feed:
    """A CSV feed. `cut`: the file ends in the middle of its last row."""
    feed = Feed()
    lines = [_line(FIELDS, delimiter).encode(encoding)]
    for cells, damage in _rows(random.Random(seed), rows, feed):
        feed.repaired["encoding"] += damage in MISCODED and encoding.startswith("utf-8")
        lines.append(_written(cells, damage, delimiter, "utf-8" if encoding == "utf-8-sig" else encoding))
    feed.content = b"".join(line.replace(b"\r\n", newline.encode()) for line in lines) if newline == "\n" else b"".join(lines)
    if cut:
        feed.rows += 1
        feed.rejected["cut_off"] += 1
        feed.content += f"R-LAST{delimiter}apartment{delimiter}sale{delimiter}Bright apartm".encode()
    return feed


def make_json(rows: int, seed: int = SEED, *, lines: bool = False) -> Feed:
    """The same as a JSON list, or as one object a line."""
    feed, objects = Feed(), list[str]()
    for cells, damage in _rows(random.Random(seed), rows, feed):
        text = json.dumps(cells, ensure_ascii=False)
        if damage in RAW:
            feed.rejected[damage] -= 1
            feed.rejected["not_json"] += 1
            text = text.replace('"Price":', '"Price" ', 1)
        feed.repaired["encoding"] += damage == MISCODED[1]
        objects.append(text.encode().decode("cp1252", "replace") if damage == MISCODED[1] else text)
    feed.rejected = +feed.rejected
    feed.content = ("\n".join(objects) + "\n" if lines else "[\n" + ",\n".join(objects) + "\n]\n").encode()
    return feed


def _rows(rng: random.Random, rows: int, feed: Feed) -> Iterator[tuple[Cells, str]]:
    taken: set[tuple[str, str]] = set()
    whole: list[Cells] = []
    superseded: set[str] = set()
    for number in range(1, rows + 1):
        feed.rows += 1
        damage = rng.choice(DAMAGES) if rng.randrange(ONE_IN) == 0 else ""
        if damage in DOUBLE:
            earlier = rng.choice(whole) if whole else None
            if earlier is None or earlier["Ref"] in superseded:
                damage = ""
            else:
                superseded.add(earlier["Ref"])
                feed.duplicates[damage] += 1
                yield _again(earlier, damage, number), damage
                continue
        cells = _cells(rng, number, taken)
        if damage:
            _damage(rng, cells, damage, feed)
        else:
            whole.append(cells)
        yield cells, damage


def _cells(rng: random.Random, number: int, taken: set[tuple[str, str]]) -> Cells:
    city = rng.choice(list(CITIES))
    while True:
        postcode, address = str(rng.randint(*CITIES[city])), f"{rng.choice(STREETS)} {rng.randint(1, NUMBERS)}"
        if (postcode, address) not in taken:
            taken.add((postcode, address))
            break
    kind, deal, agent = rng.choice(KINDS), rng.choice(("sale", "rent")), rng.choice(AGENTS)
    price = rng.randrange(40, 900) * (1_000 if deal == "sale" else 10)
    shapes = PRICES if deal == "sale" else ("{n}", "{n} €")
    price_text = rng.choice(shapes).format(n=price, dotted=f"{price:,}".replace(",", "."), comma=f"{price:,}", k=price // 1_000)
    area = rng.randrange(20, 300)
    return {
        "Ref": f"R-{number:06d}", "Type": kind, "Deal": deal,
        "Title": rng.choice(TITLES).format(kind=kind, city=city), "Address": address, "Postcode": postcode, "City": city,
        "Price": price_text, "Area": rng.choice(("{a}", "{a} m²", "{a},5 qm", "{a} sqm")).format(a=area),
        "Rooms": rng.choice(("1", "2", "3", "2,5", "3½", "")), "Built": rng.choice(("1908", "1965", "2004", "2021", "")),
        "Available from": rng.choice(("2026-05-01", "31.12.2026", "12/31/2026", "")), "E-mail": f"{agent}@{agent}.example",
        "Description": rng.choice(DESCRIPTIONS), "Agent code": f"{agent[:2]}{rng.randint(10, 99)}",
    }  # fmt: skip


def _again(earlier: Cells, damage: str, number: int) -> Cells:
    """An earlier row once more: dearer under its reference, or as it was under another, its street written otherwise."""
    if damage == "same_reference":
        return {**earlier, "Price": "777777" if earlier["Deal"] == "sale" else "7777"}
    return {**earlier, "Ref": f"R-{number:06d}", "Address": earlier["Address"].replace("straße", "str.").upper()}


def _damage(rng: random.Random, cells: Cells, damage: str, feed: Feed) -> None:
    what = damage.removeprefix("put right: ")
    if damage in REJECTED:
        name, values = REJECTED[damage]
        cells[name] = rng.choice(values)
        feed.rejected[damage] += 1
    elif damage in RAW:
        feed.rejected[damage] += 1
    elif damage in MISCODED:
        cells["Title"] = "Schöne Wohnung, groß"
        cells["City"], cells["Postcode"], cells["Address"] = "Köln", "50667", f"Mühlenweg {cells['Ref']}"
        cells["Description"] = "Küche."
        cells["Area"], cells["Rooms"], cells["Price"] = "80", "3", "300000" if cells["Deal"] == "sale" else "900"
    else:
        name, feed.repaired[what] = REPAIRED[what], feed.repaired[what] + 1
        cells[name] = _misspelt(what, cells[name])


def _misspelt(what: str, text: str) -> str:
    match what:
        case "city" | "kind":
            return text[:2] + text[3:] if len(text) > 5 else text[:-1] + text[-1] * 2
        case "area_unit":
            return "915 sq ft"
        case "date_left_out":
            return "03/04/2026"
        case _:
            return f"{text[:3]}\x00{text[3:]}\x07"


def _written(cells: Cells, damage: str, delimiter: str, encoding: str) -> bytes:
    values = [cells[name] for name in FIELDS]
    if encoding == "utf-16":
        encoding = "utf-16-le"
    match damage:
        case "cells":
            values = values[:5] if len(cells["Ref"]) % 2 else [*values, "what", "is", "this"]
        case "quotes":
            values = [v.replace("\n", " ").replace('"', "").replace(delimiter, " ") for v in values]
            return (delimiter.join([*values[:3], '"' + values[3], *values[4:]]) + "\r\n").encode(encoding)
        case "too_long":
            values[-2] = "very " * (20_000 if int(cells["Ref"][2:]) % 10 == 0 else 500) + "long"
        case "put right: encoding" if encoding == "utf-8":
            encoding = "cp1252"
        case "put right: misread" if encoding == "utf-8":
            return _line(values, delimiter).encode().decode("cp1252", "replace").encode()
        case _:
            pass
    return _line(values, delimiter).encode(encoding)


def _line(values: Iterable[str], delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerow(values)
    return out.getvalue()


if __name__ == "__main__":
    count, path = sys.argv[1:] or (SAMPLE_ROWS, Path(__file__).with_name("sample.csv"))
    Path(path).write_bytes(make_feed(int(count)).content)
