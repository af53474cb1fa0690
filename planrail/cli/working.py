"""Working: the command of a process that carries runs on and does nothing else."""

from __future__ import annotations

import asyncio

from planrail.cli.errors import DONE
from planrail.cli.output import Output
from planrail.cli.running import settings_here
from planrail.worker import serve_worker


def worker(output: Output, *, health_host: str, health_port: int | None) -> int:
    """Carry runs on until a signal; then finish or hand over what is in flight."""
    settings = settings_here()

    def ready(name: str, address: str) -> None:
        if output.json:
            output.document({"worker": name, **({"address": address} if address else {})})
        else:
            if address:
                output.console.print(f"probes  {address}", soft_wrap=True, highlight=False)
            output.console.print(f"worker {name} takes runs; Ctrl-C or SIGTERM drains it")

    asyncio.run(serve_worker(settings, ready=ready, probed_at=None if health_port is None else (health_host, health_port)))
    return DONE
