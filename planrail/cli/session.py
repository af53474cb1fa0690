"""Session: a command's asynchronous part, with Ctrl-C. The first one stops it cleanly, a second one kills the process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import TypeVar

from planrail.cli.errors import Interrupted

T = TypeVar("T")


def run_session(command: Coroutine[object, object, T]) -> T:
    """What the command gives, mostly its exit code; raises Interrupted after the first Ctrl-C, when everything is tidied up."""
    return asyncio.run(_guarded(command))


async def _guarded(command: Coroutine[object, object, T]) -> T:
    loop = asyncio.get_running_loop()
    task = loop.create_task(command)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        task.cancel()

    with contextlib.suppress(NotImplementedError):  # Windows: asyncio's own handling, without the second Ctrl-C
        loop.add_signal_handler(signal.SIGINT, stop)
    try:
        return await task
    except asyncio.CancelledError:
        if not stopped:
            raise
        raise Interrupted("Interrupted.") from None
