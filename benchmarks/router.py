"""What a router saves of the planner's prompt, and what it costs: `python -m benchmarks.router`. No model is asked."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from executor.builtin import builtin_tools
from executor.hand_tools import hand_tools
from executor.pack import PackHost, load_packs
from executor.routing import Routing
from executor.specialists import specialists_of
from planner.catalog import Catalog
from planner.prompt import plan_messages
from planner.tokens import count_messages, count_tokens

GOAL = "Somebody is locked out and has an appointment on Tuesday"


def rows(folder: Path) -> list[tuple[str, int, int, int]]:
    """For all tools and for each specialist: how many tools, tokens of their lines, tokens of the whole prompt."""
    packs = load_packs(PackHost(_no_database, folder))
    toolset = builtin_tools()
    for pack in packs:
        toolset |= pack.tools
    who = specialists_of(packs)
    toolset |= hand_tools(who)
    found = []
    for name in ("", *(m.name for m in who)):
        catalog = Catalog(who.narrowed(name, toolset.specs))
        lines, messages = str(catalog.offer(GOAL)), plan_messages(GOAL, catalog)
        found.append((name or "(all)", len(catalog.tools), count_tokens(lines), count_messages(messages)))
    return found


def asking(folder: Path) -> int:
    """The tokens that the cheap model reads to say whose the goal is."""
    return count_messages(Routing(specialists_of(load_packs(PackHost(_no_database, folder)))).prompt(GOAL).messages)


def _no_database() -> None:
    raise AssertionError("no tool is called")


def main() -> None:
    """Print the table."""
    with TemporaryDirectory() as home:
        print("| planner's prompt for | tools | tokens of their lines | tokens of the prompt |\n|---|---|---|---|")
        for name, tools, lines, whole in rows(Path(home)):
            print(f"| {name} | {tools} | {lines:,} | {whole:,} |")
        print(f"\nThe cheap model reads {asking(Path(home))} tokens to choose, and writes some 10.")


if __name__ == "__main__":
    main()
