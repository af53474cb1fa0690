"""What the command line costs a new process, in CPU, beside an import of pydantic: `python -m benchmarks.cold`."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from benchmarks.databases import folder
from benchmarks.session import Measure, Options, interleaved, main
from benchmarks.table import Bar, Table, compared

STEPS = 30
PLANRAIL = [sys.executable, "-m", "planrail"]


async def measured(options: Options) -> Table:
    with folder() as place:
        script = place / "thirty.script"
        script.write_text(_script())
        works: dict[str, Measure] = {
            "pydantic": partial(cpu_ms, [sys.executable, "-c", "import pydantic"], place),
            "nothing": partial(cpu_ms, [sys.executable, "-c", "pass"], place),
            "help": partial(cpu_ms, [*PLANRAIL, "--help"], place),
            "check": partial(cpu_ms, [*PLANRAIL, "check", str(script)], place),
            "runs": partial(cpu_ms, [*PLANRAIL, "runs"], place),
        }
        for work in works.values():
            await work()  # warm: bytecode, the files in memory, the database
        taken = await interleaved(works, Options(options.size(3, 1) * options.rounds, options.quick))
    name, beside = "`import pydantic`", taken["pydantic"]
    rows = (
        compared("`planrail --help`", taken["help"], "ms", name, beside, Bar("≤", 2)),
        compared(f"`planrail check` of {STEPS} steps", taken["check"], "ms", name, beside, Bar("≤", 4)),
        compared("`planrail runs`, an empty database", taken["runs"], "ms", name, beside),
        compared("`python -c pass`", taken["nothing"], "ms", name, beside),
    )
    notes = ("CPU seconds, user and system, of a new process each time; the bytecode is compiled and the files are in memory.",)
    return Table("A new process", rows, notes)


async def cpu_ms(command: list[str], place: Path) -> float:
    """The CPU that a command takes, itself and its children."""
    environment = {**os.environ, "PLANRAIL_HOME": str(place / "home")}
    before = getrusage(RUSAGE_CHILDREN)  # those that have ended: there is one at a time
    await asyncio.to_thread(subprocess.run, command, cwd=place, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = getrusage(RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e3


def _script() -> str:
    """Thirty steps of a tool that everybody has: ten lists, read, narrowed and counted."""
    lines: list[str] = []
    for i in range(STEPS // 3):
        lines += [
            f'rows{i} = data.read_json(text="[1, 2, {i}]")',
            f"few{i} = data.select(rows=[{{'n': {i}}}, {{'n': n}}], limit=1)".replace("n}", f"len(str(rows{i}))}}"),
            f"count{i} = data.count(rows=few{i})",
        ]
    return "\n".join([*lines, f"answer([{', '.join(f'count{i}' for i in range(STEPS // 3))}])", ""])


if __name__ == "__main__":
    main(measured)
