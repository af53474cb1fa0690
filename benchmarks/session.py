"""Session: one benchmark from its command line to its table. Rounds are interleaved, so that noise meets all sides alike."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from time import perf_counter, process_time

from benchmarks.machine import described
from benchmarks.table import Table
from planrail.process import settle

ROUNDS = 5
QUICK_ROUNDS = 2
CPU = "cpu "
Measure = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Options:
    """What the command line asked for. `quick` makes everything smaller, for a look; its figures are not to be quoted."""

    rounds: int = ROUNDS
    quick: bool = False

    def size(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole


def main(measured: Callable[[Options], Coroutine[None, None, Table]]) -> None:
    """Parse the command line, measure, print the table, as Markdown or as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default: {ROUNDS}, with --quick {QUICK_ROUNDS}")
    parser.add_argument("--quick", action="store_true", help="everything smaller; not to be quoted")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    options = Options(given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS), given.quick)
    environment, begun = environment_line(options), perf_counter()
    settle()  # all sides alike
    table = asyncio.run(measured(options))
    environment += f", {perf_counter() - begun:.0f} s"
    if given.json:
        print(json.dumps({**table.document(), "environment": environment}, ensure_ascii=False, indent=1))
    else:
        print(f"{table.title}\n{environment}\n\n{table}")


async def interleaved(works: Mapping[str, Measure], options: Options) -> dict[str, list[float]]:
    """Each work's figure in each round; a round measures all of them, one after the other, every second one backwards.

    Under `CPU` and the name stand the CPU seconds of this process meanwhile, which a busy machine disturbs less.
    """
    taken: dict[str, list[float]] = {f"{kind}{name}": [] for kind in ("", CPU) for name in works}
    for number in range(options.rounds):
        names = list(works) if number % 2 == 0 else list(works)[::-1]
        for name in names:
            begun = process_time()
            taken[name].append(await works[name]())
            taken[f"{CPU}{name}"].append(process_time() - begun)
            print(f"round {number + 1} of {options.rounds}: {name} {taken[name][-1]:.4g}", file=sys.stderr)
    return taken


def environment_line(options: Options) -> str:
    """What the figures depend on."""
    return f"{described()}; {options.rounds} rounds{', quick' if options.quick else ''}"
