"""Generalise: a goal and the script that served it → their template.

A slot is a literal that stands once in the goal, in words of its own, and equals a literal of the script, wherever that
stands in it. What speaks of it otherwise (a longer text, a word of the same stem, an option) is baked in: then it is no slot,
and the goal has to have the same words. A slot is `free` where nothing else in the script could have been worked out from its
value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from planner.hand import stands_in
from planner.language import RESERVED, STEPS
from planner.library import FUNCTIONS
from planner.parse import parse_script
from planner.script import plan_of, script_of
from planner.shape import branches, types_of
from planner.slot import MAX_CHOICES, Kind, Slot, is_name
from planner.standing import Standing, standings, with_names
from planner.syntax import Bind, Branch, Comprehension, Lambda, Literal_, Name, Node, Statement, target_names, walk
from planner.template import Owner, Template, plain
from planner.toolspec import Json, JsonSchema, ToolSpec

_STEM = 4  # letters that two words begin with alike, when one may be made of the other
_LEAST_FIXED = 2  # words of a goal that stay; with fewer of them a goal has no slots
_MOST_SLOTS = 8
_DATE = re.compile(r"\b\d{4}-\d{2}(?:-\d{2})?\b")
_COUNTED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TRIVIAL = (0, 1)  # numbers that hang on nothing
_CALLED: Mapping[Kind, str] = {"enum": "kind", "integer": "amount", "number": "amount", "digits": "code", "name": "name"}


@dataclass(frozen=True)
class _Found:
    """A literal that may be a slot, and where it stands in the goal."""

    literal: Literal_
    slot: Slot
    start: int

    @property
    def end(self) -> int:
        return self.start + len(str(self.literal.value))


def template_of(
    goal: str, script: str, tools: Mapping[str, ToolSpec], *,
    owner: Owner, used: Mapping[str, str], policy: str, slots: bool = True,
) -> tuple[Template, dict[str, Json]] | None:  # fmt: skip
    """The template, and the values that this goal has in its slots; None for what is never kept. Raises CompileError.

    `used` are the fingerprints of the tools that the script calls. Without `slots` it is the goal and the script as they are.
    """
    words = plain(goal)
    if words is None:
        return None
    statements = parse_script(script)
    standing = standings(statements, tools)
    if _dated(standing, words):
        return None
    found = _named(_slots(words, standing), statements, tools) if slots else []
    names = {f.literal: f.slot.name for f in found}
    template = Template(
        owner=owner, goal=_form(words, found), slots=tuple(f.slot for f in found), tools=dict(used), policy=policy,
        script=script_of(plan_of(with_names(statements, tools, names))),
    )  # fmt: skip
    return template, {f.slot.name: f.literal.value for f in found}


def _dated(standing: Iterable[Standing], words: str) -> bool:
    """Whether the script has a date that the goal has not: it was true on the day on which it was written."""
    texts = (s.value for s in standing if isinstance(s.value, str))
    return any(date not in words for text in texts for date in _DATE.findall(text))


def _slots(words: str, standing: Sequence[Standing]) -> list[_Found]:
    """The literals that are slots, in the order of the goal."""
    literals = dict.fromkeys(Literal_(s.value) for s in standing if s.replaceable)
    found = [f for literal in literals if (f := _found(literal, words, standing)) is not None]
    found.sort(key=lambda f: (f.start, f.end))
    crossed = {f for a, b in pairwise(found) if b.start < a.end for f in (a, b)}
    apart = [f for f in found if f not in crossed]
    kept = [f for f in apart if f not in _touching(apart, words)]
    fixed = sum(1 for word in _form(words, kept).split(" ") if "{" not in word and any(c.isalpha() for c in word))
    return kept if fixed >= _LEAST_FIXED and len(kept) <= _MOST_SLOTS else []


def _touching(found: Sequence[_Found], words: str) -> set[_Found]:
    """Names with no word between them and the slot beside them: nobody could tell where they end."""
    beside = [(a, b) for a, b in pairwise(found) if not any(c.isalnum() for c in words[a.end : b.start])]
    return {f for a, b in beside for f in (a, b) if f.slot.kind == "name"}


def _found(literal: Literal_, words: str, standing: Sequence[Standing]) -> _Found | None:
    text = str(literal.value)
    start = _stands_once(text, words)
    if start is None:
        return None
    same = [s for s in standing if Literal_(s.value) == literal]
    others = [s for s in standing if Literal_(s.value) != literal]
    if not all(s.replaceable for s in same) or any(_speaks(s.value, literal.value) for s in others):
        return None
    rest = words[:start] + words[start + len(text) :]
    slot = None if _speaks(rest, literal.value) else _slot(literal, same)
    if slot is None:
        return None
    free = not any(_hangs(s, literal, words) for s in others) and (isinstance(literal.value, str) or len(same) == 1)
    return _Found(literal, slot.model_copy(update={"free": free}), start)


def _stands_once(text: str, words: str) -> int | None:
    """Where the text stands in the goal as words of its own; None unless it does once, and nowhere else in any form."""
    if not text or words.casefold().count(text.casefold()) != 1 or not stands_in(text, words):
        return None
    start = words.index(text)
    around = words[max(start - 2, 0) : start] + "|" + words[start + len(text) : start + len(text) + 2]
    return None if re.search(r"\d,\||\|,\d", around) else start


def _speaks(other: Json, of: Json) -> bool:
    """Whether another literal, or the rest of the goal, says something of the value."""
    if not isinstance(other, str):
        return not isinstance(of, str) and type(other) in (int, float) and other == of
    said, text = other.casefold(), str(of).casefold()
    if not isinstance(of, str):
        counted = _COUNTED[of] if isinstance(of, int) and of < len(_COUNTED) else text
        return any(word in (text, counted) for word in re.findall(r"[\w.]*\w", said))
    if text in said or (len(said.strip()) > 2 and said.strip() in text):
        return True
    stems = {word[:_STEM] for word in re.findall(r"\w+", text) if len(word) >= _STEM and not word.isdigit()}
    return any(word[:_STEM] in stems for word in re.findall(r"\w+", said))


def _hangs(other: Standing, literal: Literal_, words: str) -> bool:
    """Whether another literal of the script, which the goal does not explain, may have been worked out from this one."""
    value = other.value
    if (
        other.role != "value"
        or isinstance(value, bool)
        or value is None
        or isinstance(value, str) != isinstance(literal.value, str)
    ):
        return False  # fmt: skip
    if value in _TRIVIAL or not any(c.isalnum() for c in str(value)):
        return False
    return not stands_in(str(value).casefold(), words.casefold())


# -- what kind of slot


def _slot(literal: Literal_, same: Sequence[Standing]) -> Slot | None:
    called = next((s.argument for s in same if s.argument), "")
    schemas = [s.schema for s in same if s.schema is not None]
    match literal.value:
        case bool() | None:
            return None
        case str() as text:
            return _text_slot(text, called, schemas)
        case number:
            numeric = [n for s in schemas if (n := _numeric(s)) is not None]
            whole = isinstance(number, int) and all(n.get("type") != "number" for n in numeric)
            kind: Kind = "integer" if whole else "number"
            least = [n["minimum"] for n in numeric if "minimum" in n]
            most = [n["maximum"] for n in numeric if "maximum" in n]
            slot = Slot(
                name=called or _CALLED[kind], kind=kind, least=max(least, default=None), most=min(most, default=None)
            )  # fmt: skip
            return slot if slot.value(str(number)) == number else None


def _text_slot(text: str, called: str, schemas: Sequence[JsonSchema]) -> Slot | None:
    listed = [words for s in schemas if (words := _choices(s)) is not None]
    if listed:
        choices = tuple(w for w in listed[0] if all(w in words for words in listed))
        plainly = all(plain(w) == w for w in choices)
        return Slot(name=called or _CALLED["enum"], kind="enum", choices=choices) if text in choices and plainly else None
    kind: Kind | None = "digits" if re.fullmatch(r"[0-9]{1,15}", text) else "name" if is_name(text) else None
    return None if kind is None else Slot(name=called or _CALLED[kind], kind=kind)


def _choices(schema: JsonSchema) -> tuple[str, ...] | None:
    """The texts of an enumeration; None where the schema is none, or is too long a one."""
    for part in branches(schema) or [schema]:
        words = part.get("enum") or ([part["const"]] if "const" in part else None)
        if words and all(isinstance(w, str) for w in words):
            return tuple(words) if len(words) <= MAX_CHOICES else ()
    return None


def _numeric(schema: JsonSchema) -> JsonSchema | None:
    return next((p for p in branches(schema) or [schema] if (types_of(p) or frozenset()) & {"integer", "number"}), None)


# -- names, and the goal's form


def _named(found: Sequence[_Found], statements: Sequence[Statement], tools: Mapping[str, ToolSpec]) -> list[_Found]:
    """The same with names that nothing in the script has."""
    taken = {*RESERVED, *STEPS, *FUNCTIONS, *(t.partition(".")[0] for t in tools), *_identifiers(statements)}
    named: list[_Found] = []
    for one in found:
        name = next(n for n in _spellings(one.slot.name) if n not in taken)
        taken.add(name)
        named.append(_Found(one.literal, one.slot.model_copy(update={"name": name}), one.start))
    return named


def _spellings(name: str) -> Iterable[str]:
    yield name
    for number in range(2, 1_000_000):
        yield f"{name}_{number}"


def _identifiers(statements: Iterable[Statement]) -> Iterable[str]:
    for statement in statements:
        match statement:
            case Branch():
                yield from _read(statement.test)
                yield from _identifiers((*statement.then, *statement.orelse))
            case Bind():
                yield from statement.targets
                yield from _read(statement.value)


def _read(node: Node) -> Iterable[str]:
    for part in walk(node):
        match part:
            case Name(id=name):
                yield name
            case Lambda(parameter=name):
                yield name
            case Comprehension(clauses=clauses):
                yield from (n for c in clauses for n in target_names(c.target))


def _form(words: str, found: Sequence[_Found]) -> str:
    form, last = "", 0
    for one in found:
        form += words[last : one.start] + "{" + one.slot.name + "}"
        last = one.end
    return form + words[last:]
