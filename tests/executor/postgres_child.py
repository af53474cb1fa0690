"""Worker processes for the tests of the PostgreSQL engine: `python postgres_child.py URL LOG WORKER STEPS [OPTION=VALUE …]`.

Each run has STEPS steps; each step's effect is a line in LOG, written before its event is appended. One that is in the journal
is not done again. Options: pause (seconds a step takes), hold (the step that is held until SIGUSR1), runs, principal_runs,
drain, lacks (a tool this worker has not).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

from executor.engine.jobs import Deferral, bring_jobs_to_head
from executor.engine.port import Limits
from executor.engine.procrastinate import ProcrastinateEngine
from executor.errors import LostOwnership
from executor.events import CallFinished, RunEnded
from executor.journal.port import RunRecord
from executor.journal.sql import SqlJournal


def say(*words: object) -> None:
    print(*words, flush=True)


def note(log: str, *words: object) -> None:
    """One line, in one write: it is there, whatever happens to this process next."""
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, (" ".join(map(str, words)) + "\n").encode())
    os.close(handle)


async def work(url: str, log: str, worker: str, steps: int, options: dict[str, str]) -> None:
    pause = float(options.get("pause", "0.05"))
    held = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, held.set)
    async with await SqlJournal.open(url, queued=Deferral()) as journal:
        await asyncio.to_thread(bring_jobs_to_head, journal.engine)

        async def advance(run: str, epoch: int, nudge: asyncio.Event) -> None:
            say("started", run, epoch)
            try:
                done = {r.event.step for r in await journal.read(run) if isinstance(r.event, CallFinished)}
                for step in (str(i) for i in range(steps)):
                    if step in done:
                        continue
                    note(log, run, step, epoch, worker)
                    if options.get("hang") == step:
                        time.sleep(float(options["hang_s"]))  # noqa: ASYNC251  # the loop hangs, the process lives
                    if options.get("hold") == step:
                        await held.wait()
                    await asyncio.sleep(pause)
                    await journal.append(run, [CallFinished(step=step, value=epoch)], epoch=epoch)
                    note(log, run, step, epoch, worker, "settled")
                await journal.append(run, [RunEnded(status="done")], epoch=epoch, status="done", release=True)
            except LostOwnership:
                say("lost", run, epoch)
                raise

        def covers(record: RunRecord) -> bool:
            return not record.tools or record.tools != options.get("lacks")

        principal_runs = int(options["principal_runs"]) if "principal_runs" in options else None
        limits = Limits(int(options.get("runs", "8")), principal_runs, covers=covers)
        ending = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
        drain_s = float(options.get("drain", "5"))
        engine = ProcrastinateEngine(journal, advance, database=journal.engine, worker=worker, limits=limits, drain_s=drain_s)
        async with engine:
            say("ready")
            await ending.wait()
        say("drained")


if __name__ == "__main__":
    url, log, worker, steps = sys.argv[1:5]
    asyncio.run(work(url, log, worker, int(steps), dict(option.split("=", 1) for option in sys.argv[5:])))
