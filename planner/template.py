"""Template: a plan that ran well, with slots: the form of its goal, its script with parameters, and what it hangs on.

A goal has the form of a template if it is the template's own text, to the letter, with a value of its type in each slot:
putting the values into the form gives the goal back. Only how words are spaced, and a dot or an exclamation mark at the end,
make no difference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Self

import re2
from pydantic import BaseModel, ConfigDict, model_validator

from planner.goal import MAX_GOAL
from planner.slot import Slot
from planner.syntax import Literal_
from planner.toolspec import Json, digest
from planner.unparse import quoted, unparse

_SLOT = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TOGETHER = 3  # fixed words by which templates are found
Tried = Mapping[str, Sequence[Json]]  # by slot, see planner.slot.tried_with


class Owner(BaseModel):
    """Whose goals a template is for: a principal's, and what an agent asks is never what a person of that name has asked."""

    model_config = ConfigDict(frozen=True)

    principal: str
    kind: str = "user"


class Template(BaseModel):
    """`goal` has `{name}` where a slot is; `tools` are the fingerprints of what the script calls, `policy` is a digest."""

    model_config = ConfigDict(frozen=True)

    owner: Owner
    goal: str
    script: str
    slots: tuple[Slot, ...] = ()
    tools: dict[str, str]
    policy: str

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if _SLOT.findall(self.goal) != [s.name for s in self.slots]:
            raise ValueError("the goal's slots are others")
        return self

    @property
    def id(self) -> str:
        """The digest of all that has to be the same for two plans to count together."""
        return digest(self.model_dump(mode="json"))

    @property
    def anchor(self) -> str:
        """A digest that every goal of this form has among its `anchors`.

        It is that of all words that begin with a small letter, where slots hold none of them; else, where an enumeration may,
        that of the longest stretch of at most three fixed words.
        """
        words = self.goal.split(" ")
        slotted = [word for word in words if _SLOT.search(word)]
        if all(s.kind != "enum" for s in self.slots) and not any(_is_small(_SLOT.sub("A", word)) for word in slotted):
            return _anchor(_small([word for word in words if word not in slotted]))
        stretches = _stretches([None if word in slotted else word for word in words])
        return _anchor(max(stretches, key=lambda s: (len(s), s)))

    @property
    def length(self) -> tuple[int, int]:
        """The least and the most words of a goal of this form."""
        least = len(self.goal.split(" "))
        return least, least + sum(s.words - 1 for s in self.slots)

    def match(self, goal: str, tried: Tried) -> dict[str, Json] | None:
        """The slots' values if the goal has this form, and every value is one that the slot admits."""
        words = plain(goal)
        found = re2.fullmatch(self._pattern(), words) if words is not None and has_pieces(self.goal, words) else None
        if found is None:
            return None
        values = {s.name: s.value(text) for s, text in zip(self.slots, found.groups(), strict=True)}
        if any(values[s.name] is None or not s.admits(values[s.name], tried.get(s.name, ())) for s in self.slots):
            return None
        return values if self.filled(values) == words else None

    def filled(self, values: Mapping[str, Json]) -> str:
        """The goal with these values in its slots."""
        return _SLOT.sub(lambda found: str(values[found[1]]), self.goal)

    def _pattern(self) -> str:
        pattern, last = "", 0
        for slot, found in zip(self.slots, _SLOT.finditer(self.goal), strict=True):
            pattern += f"{re2.escape(self.goal[last : found.start()])}({slot.pattern})"
            last = found.end()
        return pattern + str(re2.escape(self.goal[last:]))

    def playbook(self, tried: Tried) -> str:
        """The template as a playbook file. It takes at least the goals that the template takes, with the same values."""
        params = "".join(f"  {s.name}: {_type(s, tried.get(s.name, ()))}\n" for s in self.slots)
        tools = ", ".join(sorted({name.partition(".")[0] for name in self.tools}))
        head = f"goal: {quoted(self.goal)}\n" + (f"params:\n{params}" if params else "") + f"tools: [{tools}]\n"
        return f"---\n{head}---\n{self.script}"


def _type(slot: Slot, tried: Sequence[Json]) -> str:
    """The slot's type as YAML has it: a text that holds what was tried alone is an enumeration of it."""
    words = slot.choices if slot.free or len(tried) > 1 else tuple(str(v) for v in tried)
    match slot.kind:
        case "integer":
            return "int"
        case "number":
            return "float"
        case _:
            listed = " | ".join(unparse(Literal_(word)) for word in words).replace("'", "''")
            return f"'{listed}'" if listed else "str"


def plain(goal: str) -> str | None:
    """The goal's words with a space between two; None for a goal that no template is made of or matched with."""
    if len(goal) > MAX_GOAL or not goal.isprintable() or "{" in goal or "}" in goal:
        return None
    return " ".join(goal.split()).rstrip(" .!") or None


def has_pieces(form: str, words: str) -> bool:
    """Whether a goal of these words has what stands between a form's slots, in its order: a look before the real one."""
    first, *others = _SLOT.split(form)[::2]
    if not others or not words.startswith(first) or not words.endswith(others[-1]):
        return form == words
    at = len(first)
    for piece in others[:-1]:
        found = words.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= len(words) - len(others[-1])


def anchors(words: str) -> set[str]:
    """The anchors that a template of a goal of these words may have."""
    listed = words.split(" ")
    return {_anchor(_small(listed)), *(_anchor(stretch) for stretch in _stretches(listed))}


def _small(words: Sequence[str]) -> str:
    """The words that no name, number or code can be, in their order."""
    return "\n".join(["", *(word for word in words if _is_small(word))])


def _is_small(word: str) -> bool:
    first = next((c for c in word if c.isalnum()), "")
    return not (first.isupper() or first.istitle() or first.isdecimal())


def _stretches(words: Sequence[str | None]) -> list[str]:
    found: list[str] = []
    for start in range(len(words)):
        for end in range(start + 1, min(start + _TOGETHER, len(words)) + 1):
            stretch = [w for w in words[start:end] if w is not None]
            if len(stretch) == end - start:
                found.append(" ".join(stretch))
    return found


def _anchor(stretch: str) -> str:
    return hashlib.blake2b(stretch.encode(), digest_size=8).hexdigest()
