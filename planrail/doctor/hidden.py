"""Hidden: the values that nothing the doctor says may hold, whoever's words it repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from planrail.doctor.finding import Finding
from planrail.secret_files import SECRET_PREFIX
from planrail.settings import Settings

_SHORTEST = 4  # characters of a secret that is looked for; a shorter one would be found everywhere
_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:]*:([^\s/@]+)@", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)")


class Hidden:
    """Takes secrets out of findings."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        found = {value for secret in _secrets(settings.model_dump(), environment) for value in (secret, quote(secret, safe=""))}
        found |= {value for name, value in environment.items() if name.startswith(SECRET_PREFIX) or name.endswith("_API_KEY")}
        self._values = sorted((v for v in found if len(v) >= _SHORTEST), key=len, reverse=True)

    def out_of(self, finding: Finding) -> Finding:
        """The finding without them."""
        return Finding(finding.what, finding.level, self._without(finding.told), self._without(finding.remedy))

    def _without(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, "***")
        return text


def shown(url: str) -> str:
    """A URL as it may be shown: without its user, its query and its fragment."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))
    except ValueError:
        return "a URL that cannot be read"


def _secrets(value: Any, environment: Mapping[str, str]) -> Iterator[str]:
    """What is secret in a setting: what says so, passwords in URLs, and what a variable of the environment is put in for."""
    match value:
        case SecretStr():
            yield from _parts(value.get_secret_value(), environment)
        case str():
            yield from _PASSWORD.findall(value)
            yield from (environment[name] for name in _VARIABLE.findall(value) if name in environment and name != "HOME")
        case Mapping():
            for inner in value.values():
                yield from _secrets(inner, environment)
        case list() | tuple() | set() | frozenset():
            for inner in value:
                yield from _secrets(inner, environment)


def _parts(secret: str, environment: Mapping[str, str]) -> Iterator[str]:
    yield secret
    yield from _PASSWORD.findall(secret)
    yield from (part.strip() for part in secret.split(","))
    yield from (word for word in secret.split() if word.lower() != "bearer")
    yield from (environment[name] for name in _VARIABLE.findall(secret) if name in environment)
