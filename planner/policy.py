"""Policy: what becomes of an untrusted value that reaches a sink, and what a tool's own words about itself are worth.

A sink is a sensitive argument of a tool, or whatever a read that leaves the house is given. A tool, a server that somebody else
runs, says of itself which these are and which of its results to trust; the policy's word wins over it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from planner.contract import contract
from planner.errors import PolicyError
from planner.shape import NoSuchKey, Shape, element_of, key_of
from planner.toolspec import Effect, ToolSpec, Trust, digest

Rule = Literal["ask", "deny", "allow"]
_ALL = "*"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ToolPolicy(_Frozen):
    """What is said of one tool, or of all of a namespace; what is left out stays as the tool says it."""

    sensitive: tuple[str, ...] | None = None  # arguments where an untrusted value is asked for; `[]`: there are none
    trusted: tuple[str, ...] = ()  # fields of its result that are trusted, like `items[].id`; "" is the whole
    untrusted: tuple[str, ...] = ()  # fields of its result that are not
    effect: Effect | None = None  # read, write or irreversible
    flows: Rule | None = None  # ask, deny or allow: for this tool

    def over(self, other: ToolPolicy) -> ToolPolicy:
        """Both, where this one's word wins."""
        fields = {**other.model_dump(exclude_unset=True), **self.model_dump(exclude_unset=True)}
        return ToolPolicy.model_validate(fields)


class Policy(_Frozen):
    """What is done about untrusted values that reach sinks."""

    flows: Literal["ask", "deny"] = "ask"  # an untrusted value at a sink: a person is asked, or the call is refused
    strict: bool = False  # also what untrusted values only choose: which value a sink gets, whether an effect happens
    tools: Mapping[str, ToolPolicy] = Field(default_factory=dict)  # by tool, or `namespace.*`: a table of the settings below

    def of(self, tool: str) -> ToolPolicy:
        """What is said of a tool: by its name, else of its namespace."""
        own, space = self._named(tool)
        return own.over(space)

    def rule(self, tool: str) -> Rule:
        """What becomes of untrusted values at the tool's sinks."""
        if not self.tools:
            return self.flows
        own, space = self._named(tool)
        return own.flows or space.flows or self.flows

    def _named(self, tool: str) -> tuple[ToolPolicy, ToolPolicy]:
        """What is said of it by its name, and by its namespace."""
        space = self.tools.get(f"{tool.partition('.')[0]}.{_ALL}", _NOTHING)
        return self.tools.get(tool, _NOTHING), space

    def digest(self, tools: Iterable[str]) -> str:
        """What a plan over these tools stands on; what is said of their arguments and fields is in their specs."""
        return digest({"strict": self.strict, "flows": {name: self.rule(name) for name in sorted(tools)}})

    def applied(self, spec: ToolSpec) -> ToolSpec:
        """The tool as the policy sees it; raises PolicyError for an argument or a field that it does not have."""
        own = self.of(spec.name)
        if own == _NOTHING or own == ToolPolicy(flows=own.flows):
            return spec
        _check(spec, self.tools.get(spec.name, _NOTHING))
        known = contract(spec).input.get("properties", {})
        changed: dict[str, object] = {}
        if own.sensitive is not None:
            changed |= {"sensitive": tuple(a for a in own.sensitive if a in known or spec.name in self.tools), "guessed": ()}
        trust: dict[str, Trust] = {**dict.fromkeys(own.trusted, "trusted"), **dict.fromkeys(own.untrusted, "untrusted")}
        changed |= {"labels": {**spec.labels, **trust}} if trust else {}
        changed |= {"effect": own.effect} if own.effect is not None else {}
        return spec.model_copy(update=changed)

    def check_names(self, tools: Iterable[str], elsewhere: Iterable[str] = ()) -> None:
        """Raise PolicyError for a tool or a namespace that is neither there nor `elsewhere`, with the nearest."""
        foreign = set(elsewhere)
        known = sorted(tools)
        spaces = sorted({f"{name.partition('.')[0]}.{_ALL}" for name in known})
        for name in self.tools:
            if name not in known and name not in spaces and name.partition(".")[0] not in foreign:
                raise PolicyError(f"The policy names {name}, which is no tool.", hint=_nearest(name, [*known, *spaces]))


_NOTHING = ToolPolicy()
NO_POLICY = digest("flows are listed")  # in the certificates of an older build, which decided nothing
USUAL = Policy()  # asks, and takes the tools' words


def _check(spec: ToolSpec, own: ToolPolicy) -> None:
    arguments: Mapping[str, Shape] = contract(spec).input.get("properties", {})
    for argument in own.sensitive or ():
        if argument not in arguments:
            raise PolicyError(f"The policy names `{argument}`, which is no argument of {spec.name}.",
                              hint=_nearest(argument, list(arguments)))  # fmt: skip
    for path in (*own.trusted, *own.untrusted):
        _check_path(spec, path)


def _check_path(spec: ToolSpec, path: str) -> None:
    """Raise PolicyError where the tool's result is certain to have no such field."""
    shape = contract(spec).output
    for part in path.replace("[]", ".[]").split("."):
        if shape is None or not part:
            continue
        try:
            shape = element_of(shape) if part == "[]" else key_of(shape, part)
        except NoSuchKey as missing:
            message = f"The policy names the field `{path}`, which {spec.name} does not give."
            raise PolicyError(message, hint=_nearest(part, list(missing.keys))) from None


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3) or known[:8]
    return f"Nearest: {', '.join(near)}." if near else "There are none."
