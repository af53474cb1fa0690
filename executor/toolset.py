"""Toolset: the tools that a process offers, by their full names."""

from __future__ import annotations

import difflib
import inspect
import keyword
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from executor.errors import ToolDeclarationError, UnknownTool
from executor.tool import Tool, bind_tool, is_tool
from planner.toolspec import ToolSpec, digest


class Toolset:
    """Tools by full name. Immutable; toolsets are joined with `|`, where a name that stands twice is an error."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for t in tools:
            if t.spec.name in self._tools:
                raise ToolDeclarationError(f"Two tools are named {t.spec.name}.", hint="Give one another namespace.")
            self._tools[t.spec.name] = t

    @classmethod
    def of(cls, namespace: str, provider: object | Iterable[Callable[..., Any]]) -> Toolset:
        """The tools of a list of declared functions, or of an object's declared methods."""
        if not namespace.isidentifier() or keyword.iskeyword(namespace):
            raise ToolDeclarationError(f"`{namespace}` cannot be a namespace.", hint="Use a name like `crm`.")
        functions = provider if isinstance(provider, (list, tuple)) else _declared_methods(provider)
        return cls(bind_tool(namespace, f) for f in functions)

    def __or__(self, other: Toolset) -> Toolset:
        return Toolset([*self._tools.values(), *other._tools.values()])

    def __contains__(self, name: str) -> bool:
        return name in self._tools

    def __len__(self) -> int:
        return len(self._tools)

    def __getitem__(self, name: str) -> Tool:
        """The tool of that full name; raises UnknownTool with the nearest names."""
        try:
            return self._tools[name]
        except KeyError:
            near = ", ".join(difflib.get_close_matches(name, self._tools, n=3)) or "`planrail tools` lists them"
            raise UnknownTool(f"There is no tool {name}.", hint=f"Nearest: {near}.") from None

    @property
    def specs(self) -> Mapping[str, ToolSpec]:
        """What planners may know of the tools, in the order of their names."""
        return {name: self._tools[name].spec for name in sorted(self._tools)}

    def fingerprint(self, names: Iterable[str] | None = None) -> str:
        """A digest of the contracts of these tools (default: of all)."""
        chosen = sorted(self._tools if names is None else names)
        return digest([[name, self._tools[name].fingerprint] for name in chosen])


def _declared_methods(provider: object) -> list[Callable[..., Any]]:
    static = inspect.getmembers_static(provider, lambda m: is_tool(getattr(m, "__func__", m)))  # runs no property
    if not static:
        raise ToolDeclarationError(f"{provider!r} declares no tool.", hint="Decorate its methods with @tool(effect=…).")
    return [getattr(provider, name) for name, _ in static]
