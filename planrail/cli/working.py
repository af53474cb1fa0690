"""Working: the command of a process that carries runs on and does nothing else."""

from __future__ import annotations

import asyncio

from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.running import settings_here
from planrail.worker import serve_worker


def worker(output: Output) -> int:
    """Carry runs on until a signal; then finish or hand over what is in flight."""
    settings = settings_here()

    def ready(name: str) -> None:
        if output.json:
            output.document({"worker": name})
        else:
            output.console.print(f"worker {name} takes runs; Ctrl-C or SIGTERM drains it")

    asyncio.run(serve_worker(settings, ready=ready))
    return DONE
