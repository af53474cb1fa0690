"""Noise: goals as people type and say them, garbled by seed: equal seeds garble equally. Pure.

Numbers, quoted texts and addresses stay as they are: a goal that names another amount or another person is another goal.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Literal, get_args

Noise = Literal["typos", "truncated", "duplicated", "speech", "mixed"]
NOISES: tuple[Noise, ...] = get_args(Noise)

_WORD = re.compile(r'("[^"]*"|\'[^\']*\'|\S*[@:/\d]\S*|[^\W\d_]+)')
_NEAR = (
    "qwa wqes ewdr resft trgy ytfhu uygji iuko oilp pol aqsz sazwd dsefxc frdgc gftvh hgybj jhunk kjilm lkop zasx xzsdc cxdfv "
    "vcfgb bvghn nbhjm mnjk"
)
_NEXT_TO: Mapping[str, str] = {keys[0]: keys[1:] for keys in _NEAR.split()}  # on the keyboard
_HEARD = {  # words that sound alike
    "for": "four", "to": "two", "two": "too", "their": "there", "there": "their", "know": "no", "no": "know", "by": "buy",
    "buy": "by", "week": "weak", "hour": "our", "our": "hour", "mail": "male", "write": "right", "right": "write",
    "see": "sea", "new": "knew", "and": "an", "an": "and", "are": "our", "would": "wood", "leads": "leeds",
    "patients": "patience", "appointment": "a pointment", "cancel": "council", "dental": "dental uh", "find": "fined",
    "rent": "ran", "tenant": "tennant", "please": "pleas", "our's": "hours", "ate": "eight", "won": "one",
    "billing": "building", "refund": "re fund",
}  # fmt: skip
_FILLERS = ("uh", "um", "you know", "like", "er")
_OTHER = {  # by the way, as people who speak two languages mix them: German, Spanish, French
    "find": ("finde", "busca", "trouve"), "and": ("und", "y", "et"), "please": ("bitte", "por favor", "s'il te plaît"),
    "the": ("die", "los", "les"), "for": ("für", "para", "pour"), "all": ("alle", "todos", "tous"),
    "with": ("mit", "con", "avec"), "list": ("liste", "lista", "liste"), "new": ("neue", "nuevos", "nouveaux"),
    "today": ("heute", "hoy", "aujourd'hui"), "tomorrow": ("morgen", "mañana", "demain"),
    "cancel": ("storniere", "cancela", "annule"), "book": ("buche", "reserva", "réserve"),
    "show": ("zeige", "muestra", "montre"), "send": ("sende", "envía", "envoie"), "me": ("mir", "me", "moi"),
    "in": ("in", "en", "à"), "appointment": ("Termin", "cita", "rendez-vous"), "to": ("an", "a", "à"),
    "of": ("von", "de", "de"),
}  # fmt: skip


def garbled(text: str, noise: Noise, seed: int) -> str:
    """The text with that noise. A text without any word that it could hit stays as it is.

    >>> garbled("Find dental leads in Austin", "typos", 1) == garbled("Find dental leads in Austin", "typos", 1)
    True
    """
    chance = random.Random(f"{seed}/{noise}/{text}")  # nothing is kept secret by it
    return _HOW[noise](text, chance)


def _typos(text: str, chance: random.Random) -> str:
    return _each(text, lambda word: _typo(word, chance) if len(word) > 3 and chance.random() < 0.25 else word)


def _typo(word: str, chance: random.Random) -> str:
    place = chance.randrange(1, len(word) - 1)
    match chance.choice(("swap", "drop", "double", "near")):
        case "swap":
            return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        case "drop":
            return word[:place] + word[place + 1 :]
        case "double":
            return word[: place + 1] + word[place:]
        case _:
            near = _NEXT_TO.get(word[place].lower(), word[place])
            return word[:place] + chance.choice(near) + word[place + 1 :]


def _truncated(text: str, chance: random.Random) -> str:
    """Cut off within its last fifth, as a message that was sent too early."""
    least = len(text) - len(text) // 5
    return text[: chance.randrange(least, len(text))] if least < len(text) else text


def _duplicated(text: str, chance: random.Random) -> str:
    """Sent twice, or the second half of it."""
    half = text[text.find(" ", len(text) // 2) + 1 :]
    return f"{text}\n{chance.choice((text, half))}"


def _speech(text: str, chance: random.Random) -> str:
    """As a recogniser writes it: without capitals and marks, with fillers, words that sound alike instead of others."""

    def said(word: str) -> str:
        heard = _HEARD.get(word.lower(), word) if chance.random() < 0.3 else word
        return f"{chance.choice(_FILLERS)} {heard}" if chance.random() < 0.12 else heard

    spoken = _each(text, said)
    return " ".join(re.sub(r"[.,;!?]+(?=\s|$)", " ", spoken).lower().split())


def _mixed(text: str, chance: random.Random) -> str:
    language = chance.randrange(3)

    def other(word: str) -> str:
        known = _OTHER.get(word.lower())
        return word if known is None or chance.random() >= 0.5 else known[language]

    return _each(text, other)


def _each(text: str, change: Callable[[str], str]) -> str:
    """Each word that is neither quoted nor has digits or the marks of an address in it, changed."""

    def changed(found: re.Match[str]) -> str:
        word = found.group()
        return change(word) if word.isalpha() else word

    return _WORD.sub(changed, text)


_HOW: Mapping[Noise, Callable[[str, random.Random], str]] = {
    "typos": _typos, "truncated": _truncated, "duplicated": _duplicated, "speech": _speech, "mixed": _mixed,
}  # fmt: skip
