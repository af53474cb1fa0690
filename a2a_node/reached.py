"""Reached: the address in a card, by which clients come back: the configured one, or the one that they came by. Pure.

A card is signed only where its address is this house's own word: who asks with another `Host` would else be given the house's
signature below an address of theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_HERE = ("127.0.0.1", "localhost", "::1")
_ANY = ("0.0.0.0", "::")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(:\d{1,5})?")


@dataclass(frozen=True)
class Reached:
    """An address, and whether the house itself says so."""

    url: str
    sure: bool = True


def reached_at(configured: str, address: str, *, host: str = "", scheme: str = "http") -> Reached:
    """Where the agent is reached, that listens at `address` and was asked under `host`.

    Configured: there. On this machine alone: by whichever of its names it was asked. At every address of the machine: where it
    was asked, which others say. At one address: there.
    """
    if configured:
        return Reached(configured)
    listens = urlsplit(address).hostname or ""
    asked = urlsplit(f"//{host}").hostname if _HOST.fullmatch(host) else None
    if asked is not None and listens in _HERE and asked in _HERE:
        return Reached(f"{scheme}://{host}")
    if asked is not None and listens in _ANY:
        return Reached(f"{scheme}://{host}", sure=asked in _HERE)
    return Reached(address)
