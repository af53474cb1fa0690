"""Values: numbers, dates and choices as people write them. What can be read in two ways is not read."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from datetime import date

_FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75"}
_NUMBER = re.compile(r"\d[\d.,' \u00a0\u202f]*")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:[.,' \u00a0\u202f]\d{3})+")
_FRACTION = re.compile(r"0[.,]\d{1,6}")
_TIMES = {"k": 1_000, "tsd": 1_000, "m": 1_000_000, "mio": 1_000_000, "million": 1_000_000, "mn": 1_000_000}
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP", "fr.": "CHF", "sfr": "CHF"}
CURRENCIES = ("EUR", "USD", "GBP", "CHF")
_SQUARE_METRES = {
    "": 1.0, "m2": 1.0, "m": 1.0, "qm": 1.0, "sqm": 1.0, "sqft": 0.09290304, "ft2": 0.09290304, "sf": 0.09290304,
    "ha": 10_000.0, "acres": 4_046.8564224, "acre": 4_046.8564224,
}  # fmt: skip
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].*)?")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_LIKENESS = 0.75


def amount(text: str) -> tuple[float, str] | None:
    """A number and what stands around it, in small letters: `€ 450k` is (450000, "€"). None where there is not just one.

    A separator before exactly three digits parts thousands (`1.250`), the last one before others the decimals (`1.250,50`).
    """
    for sign, decimals in _FRACTIONS.items():
        text = text.replace(sign, decimals)
    found = _NUMBER.findall(text)
    if len(found) != 1 or re.search(r"-\s*[€$£]?\s*\d", text):
        return None
    written = found[0].rstrip(" .,'\u00a0\u202f")
    value = _value(written)
    if value is None:
        return None
    around = re.sub(r"[\s\u00a0\u202f]+", "", text.replace(written, "", 1).casefold()).replace(",-", "").strip(".,-–")
    for word, times in sorted(_TIMES.items(), key=lambda w: -len(w[0])):
        if re.search(rf"(?<![a-z]){word}(?![a-z0-9²])\.?", around) and not around.startswith("m2"):
            return round(value * times, 2), re.sub(rf"(?<![a-z]){word}(?![a-z0-9²])\.?", "", around)
    return value, around


def _value(written: str) -> float | None:
    if _FRACTION.fullmatch(written):
        return float(written.replace(",", "."))
    if _GROUPED.fullmatch(written) and len(set(re.findall(r"\D", written))) == 1:
        return float(re.sub(r"\D", "", written))
    whole, separator, decimals = re.fullmatch(r"(.*?)(?:([.,])(\d{1,2}))?", written).groups()  # type: ignore[union-attr]  # it fits all
    if not (whole.isdigit() or _GROUPED.fullmatch(whole)) or (separator and separator in whole):
        return None
    return float(f"{re.sub(r'[^0-9]', '', whole)}.{decimals or 0}")


def money(text: str, currency: str) -> tuple[int, str] | None:
    """Cents and currency; `currency` is what another column says. None where the two contradict or one is unknown."""
    read = amount(text)
    if read is None:
        return None
    value, around = read
    said = {code for code in CURRENCIES if code in (around.upper(), currency.strip().upper())}
    said |= {code for sign, code in _SIGNS.items() if sign in (around, currency.strip().casefold())}
    known = around == "" or any(s == around for s in _SIGNS) or around.upper() in CURRENCIES
    if not known or len(said) > 1 or (currency.strip() and not said):
        return None
    return round(value * 100), next(iter(said), "EUR")


def square_metres(text: str) -> tuple[float, bool] | None:
    """An area, and whether it was in another unit."""
    read = amount(text.replace("²", "2").replace("m2", " sqm").replace("ft2", " sqft"))
    if read is None:
        return None
    value, unit = read
    factor = _SQUARE_METRES.get(unit.replace(".", ""))
    return None if factor is None else (round(value * factor, 1), factor != 1.0)


def day(text: str) -> str | None:
    """The date in ISO 8601, "" where two dates may be meant (`03/04/2026`), None where it is none."""
    if found := _ISO.fullmatch(text.strip()):
        return _iso(int(found[1]), int(found[2]), int(found[3]))
    if found := _DOTTED.fullmatch(text.strip()):
        return _iso(int(found[3]), int(found[2]), int(found[1]))
    if found := _SLASHED.fullmatch(text.strip()):
        one, other, year = int(found[1]), int(found[2]), int(found[3])
        if one <= 12 and other <= 12 and one != other:
            return ""
        return _iso(year, one, other) if one <= 12 else _iso(year, other, one)
    return None


def _iso(year: int, month: int, of_month: int) -> str | None:
    try:
        return date(year, month, of_month).isoformat()
    except ValueError:
        return None


def chosen(text: str, words: Mapping[str, str]) -> tuple[str, bool] | None:
    """What a word stands for, and whether it was misspelt; None where nothing is near."""
    plain = folded(text)
    if plain in words:
        return words[plain], False
    near = difflib.get_close_matches(plain, list(words), n=1, cutoff=_LIKENESS)
    return (words[near[0]], True) if near else None


def folded(text: str) -> str:
    """A text without case, accents and spaces at its ends, `ß` as `ss`."""
    plain = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))
