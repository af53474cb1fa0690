"""Guess: which arguments of a tool that says nothing of itself are likely to be sensitive, by their names and schemas.

A guess makes a person be asked once too often, or once too seldom: the tool's own declaration and the policy file win over it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from planner.closed import closed
from planner.shape import ANYTHING, Shape, branches, resolved, types_of
from planner.toolspec import JsonSchema

_WHO = (
    "to cc bcc recipient recipients addressee attendee attendees invitee invitees participant participants member members guest"
    " guests email emails mail mailbox phone mobile whatsapp sms contact handle username user users channel channels"
)
_WHERE = (
    "url urls uri link links href webhook endpoint callback host hostname domain server ip address addresses target"
    " destination path paths file files filename filenames filepath dir dirs directory folder folders attachment attachments"
    " bucket repo repository remote branch"
)
_WHOSE = "account accounts iban bic swift routing card beneficiary payee wallet"
_WHAT = "command commands cmd shell exec script sql eval statement password secret token"
_WORDS = frozenset(f"{_WHO} {_WHERE} {_WHOSE} {_WHAT}".split())
_FORMATS = frozenset(("email", "idn-email", "uri", "uri-reference", "iri", "url", "hostname", "idn-hostname", "ipv4", "ipv6"))
_CODE = re.compile(r"\b(?:SQL|GraphQL|Cypher|SPARQL|XPath|jq|regex|code)\b", re.IGNORECASE)
_MAYBE_CODE = frozenset(("query", "expression", "code", "source", "program"))  # where the description says that it is code
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def sensitive_arguments(schema: JsonSchema) -> tuple[str, ...]:
    """The arguments of an input schema that look sensitive, in its order; none of a closed type."""
    properties: Mapping[str, Shape] = resolved(schema).get("properties", {})
    return tuple(name for name, shape in properties.items() if _looks_sensitive(name, shape))


def _looks_sensitive(name: str, shape: Shape) -> bool:
    if closed(shape) or not _may_be_text(shape):
        return False
    words = words_of(name)
    is_code = bool(words & _MAYBE_CODE) and (name == "code" or bool(_CODE.search(str(shape.get("description", "")))))
    return bool(words & _WORDS) or is_code or _has_format(shape)


def words_of(name: str) -> frozenset[str]:
    """The words of a name, however it joins them: `webhookUrl`, `reply_to`, `HTTPHost`."""
    return frozenset(word.lower() for word in _WORD.findall(name))


def _may_be_text(shape: Shape) -> bool:
    found = types_of(shape)
    return found is None or bool(found & {"string", "array", "object"})


def _has_format(shape: Shape) -> bool:
    """Whether the value, or an element of it, is declared to be an address of some kind."""
    if shape.get("format") in _FORMATS:
        return True
    items = shape.get("items", ANYTHING)
    below = [*branches(shape), *([items] if isinstance(items, Mapping) and items else [])]
    return any(_has_format(part) for part in below)
