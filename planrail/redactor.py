"""Redactor: text without what this process knows to be secret. For whatever leaves it besides runs' own values: logs, traces.

Known are the secrets of the configuration and those that calls were handed out, as they are written and as Python, JSON and
URLs spell them; besides what has the form of a credential, whoever's it is. What is shorter than four characters is not
looked for: it would be found everywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from executor.mcp_tools.server import expanded
from executor.redact import SHORTEST
from planrail.secret_files import handed_out
from planrail.settings import Settings

MASK = "«secret»"
_LONG = 16  # characters of a part of a secret that gives the whole away
_SCHEME = re.compile(r"[A-Za-z][A-Za-z-]{0,20} ")
_VARIABLE = re.compile(r"\$\{[^}]+\}")
_FORMS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?P<kept>-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----).*?(?=-----END|\Z)",
        r"(?P<kept>[a-z][a-z0-9+.-]{0,30}://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)",  # a URL's password
        r"(?P<kept>\b(?:bearer|basic)\s+)[a-z0-9._~+/=-]{8,}",
        r"(?P<kept>\b(?:proxy-authorization|authorization|x-api-key|api[-_]?key|set-cookie|cookie|x-goog-api-key)"
        r"['\"]?\s{0,3}[:=]\s{0,3}['\"]?)(?!bearer\s|basic\s)[^\s'\",;&«]{4,}",
        r"(?P<kept>[?&](?:access_token|token|key|sig|signature|password|secret)=)[^\s'\"&«]{4,}",
        r"(?P<kept>\bpr_)[a-z0-9_-]{40,}",  # an API key of this product
    )
)


class Redactor:
    """Replaces what is secret in a text by what it is."""

    def __init__(self, settings: Settings) -> None:
        self._configured = dict(_secrets_of(settings))
        self._known: dict[str, str] = {}
        self._pattern: re.Pattern[str] | None = None
        self._counted = -1  # of the secrets that were handed out, when the pattern was made

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._counted != len(handed_out):
            self._learn()
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._known[found[0]], text)
        for form in _FORMS:
            text = form.sub(lambda found: f"{found['kept']}{MASK}", text)
        return text

    def _learn(self) -> None:
        handed = dict(handed_out)  # threads hand out meanwhile
        self._counted = len(handed)
        self._known = {
            spelt: f"«secret {name}»" if name else MASK
            for value, name in {**self._configured, **handed}.items()
            for spelt in _spellings(value)
        }
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def _spellings(value: str) -> Iterable[str]:
    """The value as it is written, and as it may be quoted; of one of several lines each line, too."""
    lines = [line.strip() for line in value.splitlines()]
    for text in {value, value.strip(), *(line for line in lines if len(line) >= _LONG)}:
        if len(text) < SHORTEST:
            continue
        yield from {text, quote(text), quote(text, safe=""), quote_plus(text), repr(text)[1:-1]}
        yield from {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _secrets_of(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every configured secret, with its name where it has one."""
    for url in (settings.database_url, settings.artifacts_url):
        yield from ((password, "") for password in _passwords(url))
    for value in _hidden(settings):
        yield from ((password, "") for password in _passwords(value))
        if "://" not in value:
            yield from ((part, "") for part in _parts(value))
    for name, secret in settings.secrets.items():
        yield secret.get_secret_value(), name


def _parts(value: str) -> Iterator[str]:
    """The value, what follows the name of a scheme in it, each of several, and the variables of the environment in it."""
    yield value
    yield value.partition(" ")[2].strip() if _SCHEME.match(value) else ""
    yield from (part.strip() for part in value.split(",") if len(part) >= _LONG)
    yield from (expanded(variable) for variable in _VARIABLE.findall(value))


def _passwords(url: str) -> Iterator[str]:
    """What stands in a URL as its password, as it is written and as it is meant."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)


def _hidden(part: object) -> Iterator[str]:
    """What is declared a secret anywhere in the settings."""
    match part:
        case SecretStr():
            yield part.get_secret_value()
        case BaseModel():
            for name in type(part).model_fields:
                yield from _hidden(getattr(part, name))
        case Mapping():
            for value in part.values():
                yield from _hidden(value)
        case tuple() | list():
            for value in part:
                yield from _hidden(value)
        case _:
            pass
