"""Rules: what a message wants by its words alone, where no model says so or none is sure. Pure.

What could be an emergency counts as one; what says two things, or nothing that is known, is a person's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from packs.frontdesk.arguments import Intent
from packs.frontdesk.phrases import plain, tells_when, when_of
from packs.frontdesk.told import Read

_EMERGENCY = re.compile(
    r"\b(bleed(s|ing)?|swollen|swelling|cant breathe|trouble breathing|chest pain|unconscious|fainted|allergic|anaphyla\w*|"
    r"knocked out|overdose|severe|unbearable|emergency|911|burn(s|ed|ing)?|infected)\b"
)
_PERSON = re.compile(
    r"\b(refund|twice|complain\w*|lawyer|sue|dispute|speak to|talk to|manager|human|(dont|do not|never) (cancel|book|move))\b"
)
_MOVE = re.compile(r"\b(re ?schedul\w*|move|moved|change|push|switch|instead|different (day|time)|later slot|earlier slot)\b")
_CANCEL = re.compile(r"\b(cancel\w*|cant make it|cannot make it|wont make it|not coming|call off)\b")
_BOOK = re.compile(
    r"\b(book\w*|appointments?|appt|apt|schedule|slots?|come in|get in|opening|fit me in|squeeze me|availab\w*|make a time)\b"
)
_BILL = re.compile(r"\b(bills?|invoices?|owe|charged?|payment|pay|balance|receipt|deposit)\b")
_QUESTION = re.compile(
    r"\b(how much|prices?|cost|do (you|u|ya)|what time|are (you|u) open|hours|where|park(ing)?|insurance|when do)\b"
)


def read_by_rules(text: str, said: date, services: Iterable[tuple[str, str]]) -> Read:
    """The intent, the service (of pairs of name and words) and the time.

    >>> read = read_by_rules("hi can i get a cleening tues after 4", date(2026, 11, 29), [("cleaning", "cleaning,cleening")])
    >>> read.intent, read.service, read.when.weekdays, read.when.after
    ('book', 'cleaning', [1], '16:00')
    """
    flat = plain(text)
    named = [name for name, called in services if has_any(flat, called)]
    intent = _intent(flat, bool(named))
    when, clear = when_of(_target(flat) if intent == "move" else text, said)
    return Read(intent=intent, service=named[0] if len(named) == 1 else "", when=when, clear=clear and len(named) < 2)


def has_any(flat: str, words: str) -> bool:
    """Whether one of the words, or phrases, with commas between, stands in a plain text."""
    return any(f" {w.strip()} " in f" {flat} " for w in words.split(","))


def _target(flat: str) -> str:
    """Of a move, the part that says where to: behind the last "to" or "instead" that a day or a time follows."""
    behind = [flat[m.end() :] for m in re.finditer(r"\b(to|do|for|instead|on)\b(?! of)", flat)]
    return next((part for part in reversed(behind) if tells_when(part)), flat)


def _intent(flat: str, service: bool) -> Intent:
    if _EMERGENCY.search(flat):
        return "emergency"
    if _PERSON.search(flat):
        return "person"
    move, cancel, book = (bool(p.search(flat)) for p in (_MOVE, _CANCEL, _BOOK))
    if move:
        return "move"
    if cancel:
        return "person" if re.search(r"\b(book|new|another) ", flat) else "cancel"
    if _BILL.search(flat):
        return "bill"
    if book:
        return "book"
    if _QUESTION.search(flat):
        return "question"
    return "book" if service else "person"
