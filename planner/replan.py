"""Replan: what the planner is asked when a plan that runs has met a surprise: only for the lines that replace the broken ones.

The system message is the one of planning, so that a provider that keeps prefixes has it already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from planner.agents import agents_told
from planner.diagnostic import Diagnostic
from planner.llm.port import Message
from planner.prompt import MAX_TOLD, MAX_TRIED, prefix
from planner.tool_line import tool_line
from planner.toolspec import ToolSpec

Mark = Literal["done", "stays", "failed", "replace"]
_WORDS: dict[Mark, str] = {"done": "done   ", "stays": "stays  ", "failed": "FAILED ", "replace": "replace"}
_MAX_LINES = 200  # of the script that are shown
_MAX_NAMES = 80

_RULES = """\
A plan is under way and has met a surprise. Write the lines that replace those marked FAILED and replace, and nothing else: \
your lines come after all the others, which stay as they are. Lines marked done have their values.
Read the names of lines that stay, and never assign them again; your own names are new ones, or those of replaced lines.
Use only the tools above. A call that equals one that was made before gives what that one gave and is not made again, unless \
it says again=True. What cannot be mended may be left out if the answer says so. End with answer(…) on every path."""


@dataclass(frozen=True)
class Broken:
    """A plan that met a surprise, as its planner may see it."""

    goal: str
    tools: tuple[ToolSpec, ...]  # of the plan: no other may be used
    lines: tuple[tuple[Mark, str], ...]
    surprises: tuple[str, ...]
    names: tuple[tuple[str, str], ...]  # what may be read, and what it is like
    settled: tuple[str, ...] = ()  # what calls of replaced lines have given
    learned: Mapping[str, str] = field(default_factory=dict)  # what tools that do not declare it were seen to return


def replan_messages(
    broken: Broken, tried: Sequence[tuple[str, Sequence[Diagnostic]]] = (), *, as_json: bool = False
) -> tuple[Message, ...]:
    """The messages that ask for the replacement; `tried` are earlier ones with what was wrong with them, the last one last."""
    parts = (
        "Tools\n" + "\n".join(tool_line(t, broken.learned.get(t.name, "")) for t in broken.tools if not t.is_agent),
        agents_told({t.name: t for t in broken.tools}),
        f"Goal: {broken.goal or '(what the script does)'}",
        _RULES,
        "Script\n" + "\n".join(_script(broken.lines)),
        "Surprise\n" + "\n".join(broken.surprises),
        _listed("Values", [f"{name}: {value}" for name, value in broken.names]),
        _listed("Made by replaced lines", broken.settled),
        "Answer in the JSON form of the script, by the schema that you are given." if as_json else "",
    )
    messages = [
        Message(role="system", content=prefix()),
        Message(role="user", content="\n\n".join(part for part in parts if part)),
    ]
    for written, diagnostics in tried:
        told = [str(d) for d in diagnostics[:MAX_TOLD]]
        messages.append(Message(role="assistant", content=written[:MAX_TRIED] or "(empty)"))
        messages.append(Message(role="user", content="The checker refuses your lines:\n" + "\n".join(told)))
    return tuple(messages)


def _script(lines: Iterable[tuple[Mark, str]]) -> list[str]:
    told = [f"{_WORDS[mark]} | {text}" for mark, text in lines]
    return told if len(told) <= _MAX_LINES else [*told[:_MAX_LINES], f"… and {len(told) - _MAX_LINES} lines more"]


def _listed(heading: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    more = [f"… and {len(lines) - _MAX_NAMES} more"] if len(lines) > _MAX_NAMES else []
    return "\n".join([heading, *lines[:_MAX_NAMES], *more])
