"""Toolset: the tools that a process offers, by their full names."""

from __future__ import annotations

import difflib
import inspect
import keyword
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from executor.errors import ToolDeclarationError, UnknownTool
from executor.tool import Tool, bind_tool, is_tool, tool_name
from planner.errors import PolicyError
from planner.policy import USUAL, Policy
from planner.toolspec import ToolSpec, digest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Bound:
    """One tool of the set. Its schemas are made when it is first asked for, at the latest."""

    name: str
    bind: Callable[[], Tool]

    @cached_property
    def tool(self) -> Tool:
        return self.bind()


class Toolset:
    """Tools by full name. Immutable; toolsets are joined with `|`, where a name that stands twice is an error."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools = _by_name(_Bound(t.spec.name, lambda t=t: t) for t in tools)  # type: ignore[misc]  # a lambda's default has no type

    @classmethod
    def of(cls, namespace: str, provider: object | Iterable[Callable[..., Any]]) -> Toolset:
        """The tools of a list of declared functions, or of an object's declared methods; raises ToolDeclarationError."""
        toolset = cls.declared(namespace, provider)
        for bound in toolset._tools.values():
            bound.tool  # noqa: B018  # its types are looked at now, to be refused now
        return toolset

    @classmethod
    def declared(cls, namespace: str, provider: object | Iterable[Callable[..., Any]]) -> Toolset:
        """The same, quickly: types are looked at, and refused, when a tool is first asked for. For declarations with a test."""
        if not namespace.isidentifier() or keyword.iskeyword(namespace):
            raise ToolDeclarationError(f"`{namespace}` cannot be a namespace.", hint="Use a name like `crm`.")
        functions = provider if isinstance(provider, (list, tuple)) else _declared_methods(provider)
        return cls._joined(_Bound(tool_name(namespace, f), lambda f=f: bind_tool(namespace, f)) for f in functions)  # type: ignore[misc]  # as above

    @classmethod
    def _joined(cls, tools: Iterable[_Bound]) -> Toolset:
        toolset = Toolset()
        toolset._tools = _by_name(tools)
        return toolset

    def __or__(self, other: Toolset) -> Toolset:
        return self._joined([*self._tools.values(), *other._tools.values()])

    def under(self, policy: Policy, *, elsewhere: Iterable[str] = ()) -> Toolset:
        """The same tools as the policy sees them; raises PolicyError for what it names and is not there.

        Namespaces that are `elsewhere` (of servers that are not connected yet) may be named.
        """
        if not policy.tools:
            return self
        policy.check_names(self._tools, elsewhere)
        toolset = self._joined(_Bound(b.name, partial(_under, b, policy)) for b in self._tools.values())
        for name in self._tools.keys() & policy.tools.keys():
            toolset[name]
        return toolset

    def secrets_of(self, name: str) -> tuple[str, ...]:
        """The names of the secrets that every call of that tool takes."""
        return self[name].secrets if name in self else ()

    def each(self, change: Callable[[Tool], Tool]) -> Toolset:
        """The tools that are here now, each changed when it is first asked for; their names stay."""
        return self._joined(_Bound(b.name, partial(_changed, b, change)) for b in self._tools.values())

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def __len__(self) -> int:
        return len(self._tools)

    def __getitem__(self, name: str) -> Tool:
        """The tool of that full name; raises UnknownTool with the nearest names."""
        if name not in self._tools:
            near = ", ".join(difflib.get_close_matches(name, self._tools, n=3)) or "`planrail tools` lists them"
            raise UnknownTool(f"There is no tool {name}.", hint=f"Nearest: {near}.")
        return self._tools[name].tool

    def snapshot(self) -> Toolset:
        """The tools as they are now."""
        return self

    @property
    def specs(self) -> Mapping[str, ToolSpec]:
        """What planners may know of the tools, in the order of their names."""
        return _Specs(lambda: self._tools)

    def fingerprint(self, names: Iterable[str] | None = None) -> str:
        """A digest of the contracts of these tools (default: of all)."""
        chosen = sorted(self._tools if names is None else names)
        return digest([[name, self._tools[name].tool.fingerprint] for name in chosen])


def _changed(bound: _Bound, change: Callable[[Tool], Tool]) -> Tool:
    return change(bound.tool)


def _under(bound: _Bound, policy: Policy) -> Tool:
    return replace(bound.tool, spec=policy.applied(bound.tool.spec))


class LiveToolset(Toolset):
    """A toolset whose namespaces come and go while it is used: those of foreign servers. `base` is what stays."""

    def __init__(self, base: Toolset, policy: Policy = USUAL) -> None:
        super().__init__()
        self._policy = policy
        self._base = dict(base._tools)
        self._tools = dict(base._tools)
        self._foreign: dict[str, dict[str, _Bound]] = {}

    def put(self, namespace: str, tools: Iterable[Tool]) -> None:
        """Set what a foreign namespace holds from now on; raises ToolDeclarationError where it is one of the base's."""
        if any(name.partition(".")[0] == namespace for name in self._base):
            raise ToolDeclarationError(f"Two sets of tools are named {namespace}.", hint="Give the MCP server another name.")
        self._foreign[namespace] = _by_name(_Bound(t.spec.name, partial(self._judged, t)) for t in tools)
        self._tools = {**self._base, **{n: b for found in self._foreign.values() for n, b in found.items()}}

    def _judged(self, tool: Tool) -> Tool:
        """The tool as the policy sees it; a field that it names and the server does not give is nobody's mistake here."""
        try:
            return replace(tool, spec=self._policy.applied(tool.spec))
        except PolicyError as error:
            log.warning("%s; the tool is taken as it is", error.message)
            return tool

    def snapshot(self) -> Toolset:
        return self._joined(self._tools.values())


class _Specs(Mapping[str, ToolSpec]):
    """The specs by name, in the order of their names; each is made when it is first asked for."""

    def __init__(self, tools: Callable[[], Mapping[str, _Bound]]) -> None:
        self._tools = tools

    def __getitem__(self, name: str) -> ToolSpec:
        return self._tools()[name].tool.spec

    def __contains__(self, name: object) -> bool:
        return name in self._tools()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._tools()))

    def __len__(self) -> int:
        return len(self._tools())


def _by_name(tools: Iterable[_Bound]) -> dict[str, _Bound]:
    found: dict[str, _Bound] = {}
    for t in tools:
        if t.name in found:
            raise ToolDeclarationError(f"Two tools are named {t.name}.", hint="Give one another namespace.")
        found[t.name] = t
    return found


def _declared_methods(provider: object) -> list[Callable[..., Any]]:
    static = inspect.getmembers_static(provider, lambda m: is_tool(getattr(m, "__func__", m)))  # runs no property
    if not static:
        raise ToolDeclarationError(f"{provider!r} declares no tool.", hint="Decorate its methods with @tool(effect=…).")
    return [getattr(provider, name) for name, _ in static]
