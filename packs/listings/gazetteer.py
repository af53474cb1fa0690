"""Gazetteer: some cities with their postcodes, by which a misspelt city is known. Others are taken as they are written."""

from __future__ import annotations

import re
from functools import cache

from packs.listings.values import folded

CITIES = {
    "Berlin": r"1[0-4]\d{3}", "Hamburg": r"2[0-2]\d{3}", "Köln": r"5[01]\d{3}", "München": r"8[01]\d{3}", "Wien": r"1\d{2}0",
    "Zürich": r"80\d{2}", "Genève": r"12\d{2}", "Paris": r"75\d{3}", "Lyon": r"6900\d", "Madrid": r"28\d{3}",
    "Málaga": r"29\d{3}", "Milano": r"201\d{2}",
}  # fmt: skip
POSTCODE = re.compile(r"[A-Z0-9][A-Z0-9 -]{1,8}[A-Z0-9]")
_MISTAKES = 2


@cache
def city_of(written: str, postcode: str) -> tuple[str, bool]:
    """The city's name, and whether it was misspelt: up to two letters from a city whose postcode that is."""
    plain = folded(written)
    for city, postcodes in CITIES.items():
        if plain == folded(city):
            return city, False
        if re.fullmatch(postcodes, postcode) and len(plain) > _MISTAKES and _distance(plain, folded(city)) <= _MISTAKES:
            return city, True
    return written, False


def _distance(one: str, other: str) -> int:
    """How many letters to put in, leave out, replace or swap (Damerau-Levenshtein, adjacent)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]
