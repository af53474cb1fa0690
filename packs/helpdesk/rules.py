"""Rules: what a ticket is about by its words alone, where no model says so or none is sure. Pure."""

from __future__ import annotations

import re

from packs.helpdesk.arguments import Kind
from packs.helpdesk.told import Sorted

_KINDS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("password", re.compile(r"\b(pass ?word|log ?in|sign ?in|locked out|2fa|reset (my|the) )", re.IGNORECASE)),
    ("billing", re.compile(r"\b(invoice|bill(ing|ed)?|charge[ds]?|refund|payment|vat|receipt|subscription)\b", re.IGNORECASE)),
    ("fault", re.compile(r"\b(error|crash(es|ed)?|down|broken|does(n'?t| not) work|fails?|bug|slow|blank)\b", re.IGNORECASE)),
)
_HIGH = re.compile(r"\b(urgent|asap|all of us|everybody|outage|down|data loss|security|breach|hacked)\b", re.IGNORECASE)
_LOW = re.compile(r"\b(no rush|whenever|just wondering|suggestion|feature|nice to have)\b", re.IGNORECASE)


def sorted_by_rules(text: str) -> Sorted:
    """The kind and the priority.

    >>> sorted_by_rules("I forgot my password, no rush")
    Sorted(kind='password', priority='low')
    """
    kind: Kind = next((kind for kind, pattern in _KINDS if pattern.search(text)), "other")
    return Sorted(kind=kind, priority="high" if _HIGH.search(text) else "low" if _LOW.search(text) else "normal")
