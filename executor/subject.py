"""Subject: a person, by a name, an e-mail address, a phone number or a principal's id, and where that stands in a text. Pure.

A name is found in whatever case and spacing, also as `Last, First`; an address also with a tag (`ann+news@…`), written out
(`ann (at) …`) or in a URL; a number in its usual spellings, with and without the country's code. What is found is a spelling,
not a person: two people of one name are one subject.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from typing import Literal

from executor.tenant import account
from planner.errors import PlanrailError

Kind = Literal["name", "email", "phone", "principal"]

_LEAST = 3  # letters of a name, below which everything would hold it
_LEAST_DIGITS = 7
_NATIONAL_DIGITS = 8  # of a number without its country's code
_UNPACKED = 256 * 1024 * 1024  # bytes of an archive that are looked into
_WORD = re.compile(r"\w+")
_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")
_BREAK = re.compile(r"\\+[nrt]")
_SEPARATORS = r"[\s().\-/\u2010-\u2015]{0,3}"


class SubjectError(PlanrailError):
    """What was given is no name, address, number or principal that could be looked for."""

    fault = "user"


class Subject:
    """Looks for one person; `text` is as it was given."""

    def __init__(self, text: str, *, principal: bool = False) -> None:
        self.text = text.strip()
        self.kind: Kind = "principal" if principal else _kind(self.text)
        self._pattern = _PATTERNS[self.kind](self.text)

    @property
    def normal(self) -> str:
        """The same for each spelling that is the same subject: what a receipt's hash is of."""
        if self.kind == "phone":
            return f"phone {_digits(self.text)}"
        if self.kind == "name":
            return f"name {' '.join(_WORD.findall(_folded(self.text)))}"
        return f"{self.kind} {self.text if self.kind == 'principal' else _folded(self.text)}"

    def is_principal(self, principal: str) -> bool:
        """Whether it is that principal, in whatever tenant."""
        return self.text in (principal, account(principal)) if self.kind == "principal" else self.in_text(principal)

    def in_text(self, text: str) -> bool:
        """Whether it stands in the text, which may be JSON, or JSON within JSON."""
        if self.kind == "principal":
            return self._pattern.search(text) is not None
        folded = _folded(text)
        if self._pattern.search(folded) is not None:
            return True
        return "\\" in text and self._pattern.search(_folded(_unescaped(text))) is not None

    def in_bytes(self, content: bytes) -> bool | None:
        """Whether it stands in a file: a text, or an archive of them, as spreadsheets are. None: it cannot be read."""
        found = False
        for part in _texts(content):
            if part is None:
                return True if found else None
            found = found or self.in_text(part)
        return found


def _kind(text: str) -> Kind:
    if re.fullmatch(r"[^\s@]+@[^\s@]+", text):
        return "email"
    if re.fullmatch(r"[+\d\s().\-/]+", text) and len(_digits(text)) >= _LEAST_DIGITS:
        return "phone"
    return "name"


def _name(text: str) -> re.Pattern[str]:
    words = _WORD.findall(_folded(text))
    if sum(len(word) for word in words) < _LEAST:
        message = f"{text!r} is too short to be looked for: it has to have {_LEAST} letters."
        raise SubjectError(message, hint="Write the whole name; --principal takes an id of any length.")
    orders = [words] if len(words) == 1 else [words, [words[-1], *words[:-1]]]
    spelled = "|".join(r"[\W_]+".join(map(re.escape, order)) for order in orders)
    return re.compile(rf"(?<![^\W_])(?:{spelled})(?![^\W_])")


def _email(text: str) -> re.Pattern[str]:
    local, _, domain = _folded(text).partition("@")
    plain = re.escape(local.partition("+")[0])
    at = r"(?:@|%40|\s*[(\[{]\s*at\s*[)\]}]\s*|\s+at\s+)"
    return re.compile(rf"(?<![\w.+\-]){plain}(?:(?:\+|%2b)[\w.\-]+)?{at}{re.escape(domain)}(?![\w\-]|\.\w)")


def _phone(text: str) -> re.Pattern[str]:
    international = text.strip().startswith(("+", "00"))
    digits = _digits(text)
    forms = [_spaced(digits)]
    if international:  # without the code of the country, which has one to three digits
        forms += [f"0?{_spaced(digits[n:])}" for n in (1, 2, 3) if len(digits) - n >= _NATIONAL_DIGITS]
    elif len(digits) >= _NATIONAL_DIGITS:
        forms.append(rf"(?:\+|00)\d{{1,3}}{_SEPARATORS}(?:\(?0\)?{_SEPARATORS})?{_spaced(digits)}")
        forms.append(f"0{_SEPARATORS}{_spaced(digits)}")
    head = rf"(?:\+|00)?{forms[0]}" if international else forms[0]
    return re.compile(rf"(?<![\d+])(?:{'|'.join([head, *forms[1:]])})(?!\d)")


def _spaced(digits: str) -> str:
    """The digits with what is put between them; `(0)` may stand behind the country's code."""
    return rf"(?:{_SEPARATORS}(?:\(0\))?{_SEPARATORS})".join(digits)


def _principal(text: str) -> re.Pattern[str]:
    """The whole of a JSON text: an id within other words is none."""
    if not text:
        raise SubjectError("A principal has an id.", hint="`planrail keys list` shows those who have a key.")
    written = re.escape(json.dumps(text, ensure_ascii=False)[1:-1])
    return re.compile(rf'"(?:@[^"/]*/)?{written}"')


_PATTERNS = {"name": _name, "email": _email, "phone": _phone, "principal": _principal}


def _digits(text: str) -> str:
    """A number's digits, without what only says how to dial it."""
    digits = re.sub(r"\D", "", text.replace("(0)", ""))
    return digits.removeprefix("00") if text.strip().startswith("00") else digits.removeprefix("0")


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _unescaped(text: str) -> str:
    return _BREAK.sub(" ", _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text))


def _texts(content: bytes) -> Iterator[str | None]:
    """What can be read of a file; None where something cannot."""
    if content.startswith(b"PK\x03\x04"):
        yield from _archive(content)
    elif content.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(content)) as file:
                yield from _texts(file.read(_UNPACKED))
        except (OSError, EOFError, zlib.error):
            yield None
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield content.decode("utf-16", "replace")
    else:
        try:
            yield content.decode("utf-8")
        except UnicodeDecodeError:
            yield content.decode("cp1252", "replace")
            if b"\0" in content:
                yield None


def _archive(content: bytes) -> Iterator[str | None]:
    left = _UNPACKED
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                yield entry.filename
                left -= entry.file_size
                if left < 0:
                    yield None
                    return
                yield from _texts(archive.read(entry))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, EOFError):
        yield None
