"""Playbook: a plan that a person wrote, with slots; kept as a file under git and found by the structure of a goal.

---
goal: "Find {vertical} leads in {city}"            # literal text and slots; several lines are alternatives
params: {vertical: str, city: str, limit: int = 20}
tools: [crm]
fallback: lead_list.plan                           # runs when confidence falls below the floor
---
leads = crm.find_leads(vertical=vertical, city=city, limit=limit)
answer(f"{len(leads.items)} leads")
"""

from __future__ import annotations

import difflib
import keyword
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planner.errors import CompileError, PlaybookError
from planner.goal import MAX_GOAL, fill, plain_goal, slots_of
from planner.misfit import misfit
from planner.parse import parse_expression
from planner.syntax import Literal_
from planner.toolspec import Json, JsonSchema
from planner.types import TypeRefused, schema_of

_INLINE_PARAMS = re.compile(r"^params:[ \t]*\{(.*?)\}[ \t]*(#.*)?$", re.MULTILINE)
_HEAD = ("goal", "params", "tools", "fallback")


@dataclass(frozen=True)
class Parameter:
    """One slot. `schema` is the JSON Schema of its type; `required` unless it has a default."""

    name: str
    type: str
    schema: JsonSchema
    default: Json = None
    required: bool = True


@dataclass(frozen=True)
class Lack:
    """A parameter without a value of its type; `problem` says what is wrong with the one that was given, "" where none was."""

    parameter: Parameter
    problem: str = ""


@dataclass(frozen=True)
class Playbook:
    """A playbook file, read. `name` is the file's, without its ending."""

    name: str
    goals: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    tools: tuple[str, ...]
    script: str
    fallback: str | None = None

    @property
    def names(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parameters)

    def bind(self, given: Mapping[str, Json]) -> dict[str, Json]:
        """The values of all parameters; raises PlaybookError for one that is missing, unknown or of another type."""
        for lack in self.lacking(given):
            p = lack.parameter
            if lack.problem:
                raise PlaybookError(f"{self.name}: {p.name} is {p.type}: {lack.problem}.")
            raise PlaybookError(f"{self.name} needs {p.name}: {p.type}.", hint=f"Give it with -p {p.name}=….")
        return {p.name: _converted(given[p.name], p.schema) if p.name in given else p.default for p in self.parameters}

    def lacking(self, given: Mapping[str, Json]) -> tuple[Lack, ...]:
        """The parameters that have no value of their type yet; raises PlaybookError for a value of an unknown one."""
        unknown = sorted(set(given) - self.names)
        if unknown:
            raise PlaybookError(f"{self.name} has no parameter {unknown[0]}.", hint=f"It has: {', '.join(sorted(self.names))}.")
        found: list[Lack] = []
        for p in self.parameters:
            problem = _misfit(_converted(given[p.name], p.schema), p.schema) if p.name in given else ""
            if problem or (p.required and p.name not in given):
                found.append(Lack(p, problem))
        return tuple(found)

    def match(self, goal: str) -> dict[str, Json] | None:
        """The parameters' values if the goal has the structure of one of the goals."""
        text = plain_goal(goal)
        if len(text) > MAX_GOAL:
            return None
        for template in self.goals:
            slots = fill(template, {p.name: p.schema for p in self.parameters}, text)
            if slots is None:
                continue
            try:
                return self.bind(slots)
            except PlaybookError:
                continue
        return None


def read_playbook(path: Path) -> Playbook:
    """The playbook in a file; raises PlaybookError, which names the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PlaybookError(f"{path} cannot be read: {error}.") from error
    try:
        return parse_playbook(path.stem, text)
    except PlaybookError as error:
        raise PlaybookError(f"{path}: {error.message.removeprefix(f'{path.stem}: ')}", hint=error.hint) from error


def parse_playbook(name: str, text: str) -> Playbook:
    """The playbook in a text; raises PlaybookError, which names the playbook."""
    parts = re.split(r"^---[ \t]*$", text.replace("\r\n", "\n"), maxsplit=2, flags=re.MULTILINE)
    if len(parts) != 3 or parts[0].strip():
        raise PlaybookError(f"{name}: a playbook begins with a line ---, its head, and a line ---.")
    head = _head(name, parts[1])
    parameters = tuple(_parameter(name, k, v) for k, v in _mapping(name, "params", head.get("params")).items())
    playbook = Playbook(
        name=name,
        goals=tuple(plain_goal(line) for text in _texts(name, "goal", head) for line in text.splitlines() if line.strip()),
        parameters=parameters,
        tools=_texts(name, "tools", head),
        script="\n" * sum(p.count("\n") for p in parts[:2]) + parts[2],  # lines keep their numbers in the file
        fallback=None if head.get("fallback") is None else str(head["fallback"]).removesuffix(".plan"),
    )
    for goal in playbook.goals:
        unknown = [s for s in slots_of(goal) if s not in playbook.names]
        if unknown:
            raise PlaybookError(f"{name}: the goal has the slot {{{unknown[0]}}}, and params does not.")
    return playbook


def _head(name: str, text: str) -> Mapping[str, Any]:
    """The YAML between the lines. `params: {limit: int = 20}` on one line is read as it is meant."""
    import yaml  # noqa: PLC0415  # 70 ms that a script's check has no use for

    try:
        inline = _INLINE_PARAMS.search(text)
        rest = _INLINE_PARAMS.sub("", text)
        head = _known(name, _mapping(name, "its head", yaml.safe_load(rest)))
        if inline is None:
            return head
        return {**head, "params": dict(_split(name, part) for part in _fields(inline[1], ",") if part.strip())}
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a date that does not exist is a ValueError
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" (line {mark.line + 1})"  # the head begins in the line of its ---
        problem = str(getattr(error, "problem", error))[:200]
        raise PlaybookError(f"{name}: its head is no YAML{where}: {problem}.") from error


def _known(name: str, head: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = next((str(key) for key in head if key not in _HEAD), None)
    if unknown is not None:
        raise PlaybookError(f"{name}: its head has the unknown key `{unknown[:80]}`.", hint=f"It may have: {', '.join(_HEAD)}.")
    return head


def _texts(name: str, key: str, head: Mapping[str, Any]) -> tuple[str, ...]:
    """A text, or a list of texts."""
    value = head.get(key) or ()
    found = (value,) if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(t, str) for t in found):
        raise PlaybookError(f"{name}: {key} is no text and no list of texts.", hint="Put it into quotes.")
    return tuple(found)


def _mapping(name: str, what: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise PlaybookError(f"{name}: {what} is no mapping.")
    return value


def _fields(text: str, separator: str) -> list[str]:
    """The parts between separators that stand in no bracket and no string."""
    parts, depth, quote, last = [""], 0, "", ""
    for c in text:
        if quote:
            quote = "" if c == quote and last != "\\" else quote
        elif c in "\"'":
            quote = c
        elif c in "[{(":
            depth += 1
        elif c in ")}]":
            depth -= 1
        if c == separator and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += c
        last = c
    return parts


def _split(name: str, part: str) -> tuple[str, str]:
    key, colon, rest = part.partition(":")
    if not colon:
        raise PlaybookError(f"{name}: `{part.strip()}` in params has no type.", hint="Write name: type.")
    return key.strip(), rest.strip()


def _parameter(playbook: str, name: str, written: Any) -> Parameter:
    if not str(name).isidentifier() or keyword.iskeyword(str(name)):
        raise PlaybookError(f"{playbook}: `{str(name)[:80]}` cannot be a parameter's name.", hint="Use a name like `city`.")
    declared, *defaults = _fields(str(written), "=")
    try:
        schema = schema_of(parse_expression(declared))
        value = parse_expression("=".join(defaults)) if defaults else None
    except (CompileError, TypeRefused) as error:
        raise PlaybookError(f"{playbook}: the parameter {name}: {error}") from error
    if value is None:
        return Parameter(name, declared.strip(), schema)
    if not isinstance(value, Literal_):
        raise PlaybookError(f"{playbook}: the default of {name} is no literal.", hint='Write one like 20, "Austin" or None.')
    problem = _misfit(value.value, schema)
    if problem:
        raise PlaybookError(f"{playbook}: the default of {name} is not {declared.strip()}: {problem}.")
    return Parameter(name, declared.strip(), schema, value.value, required=False)


def _misfit(value: Json, schema: JsonSchema) -> str:
    """Why a value is not of a type; empty if it is."""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is no number that JSON has"
    return misfit(value, schema, formats=True)[:160]


def _converted(value: Json, schema: JsonSchema) -> Json:
    """A value that came as text (from a goal or the command line) in the parameter's type."""
    if not isinstance(value, str):
        return value
    for part in schema.get("anyOf", ()):
        if not _misfit(_converted(value, part), part):
            return _converted(value, part)
    if "enum" in schema:
        return next((v for v in schema["enum"] if str(v).lower() == value.lower()), value)
    kind = schema.get("type")
    try:
        if kind == "integer":
            return int(value)
        if kind == "number":
            return float(value)
    except ValueError:
        return value
    if kind == "boolean":
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.lower(), value)
    return value


class Playbooks:
    """The playbooks that are known, by name."""

    def __init__(self, playbooks: Iterable[Playbook] = ()) -> None:
        self._by_name = {p.name: p for p in playbooks}

    def __iter__(self) -> Iterator[Playbook]:
        return iter(self._by_name.values())

    def get(self, name: str) -> Playbook:
        """The playbook of that name; raises PlaybookError with the nearest names."""
        found = self._by_name.get(name.removesuffix(".plan"))
        if found is None:
            shown = name[:80]
            near = ", ".join(difflib.get_close_matches(shown, self._by_name, n=3) or self._by_name) or "none"
            raise PlaybookError(f"There is no playbook {shown}.", hint=f"There are: {near}.")
        return found

    def match(self, goal: str) -> tuple[Playbook, dict[str, Json]] | None:
        """The first playbook whose structure the goal has, with its parameters' values."""
        for playbook in self._by_name.values():
            values = playbook.match(goal)
            if values is not None:
                return playbook, values
        return None

    def nearest(self, goal: str, n: int = 3) -> list[Playbook]:
        """The playbooks whose goals are most like this one."""
        text = goal.lower()[:MAX_GOAL]

        def likeness(playbook: Playbook) -> float:
            return max(difflib.SequenceMatcher(None, text, g.lower()).ratio() for g in playbook.goals)

        return sorted((p for p in self._by_name.values() if p.goals), key=likeness, reverse=True)[:n]
