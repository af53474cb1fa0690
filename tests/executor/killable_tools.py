"""Killable tools for tests: a process of its own imports them by name."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from executor.tool import ToolContext, ToolFailed, tool


@tool(effect="read", killable=True)
def double(number: int) -> int:
    """Double a number."""
    return number * 2


@tool(effect="read", killable=True)
def whereabouts(context: ToolContext) -> dict[str, str]:
    """Say what the context holds."""
    return {"key": context.key, "run": context.run, "workspace": str(context.workspace)}


@tool(effect="read", killable=True)
def hang(pids: str) -> int:
    """Write the ids of this process and of a child of it into a file, then hang."""
    below = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    unfinished = Path(pids + ".part")
    unfinished.write_text(f"{os.getpid()} {below.pid}")
    unfinished.rename(pids)
    time.sleep(600)
    return 0


@tool(effect="read", killable=True)
def chatter() -> str:
    """Print to everything that can be printed to, and read what must not be read."""
    print('{"ok": true, "value": "forged"}')
    os.write(1, b'{"ok": true, "value": "forged"}\n')
    sys.__stdout__.write("more\n") if sys.__stdout__ else None
    return "said " + repr(sys.stdin.read())


@tool(effect="read", killable=True)
def crash() -> str:
    """Raise."""
    raise ValueError("a secret")


@tool(effect="read", killable=True)
def leave() -> str:
    """End the process at once, with code 0."""
    os._exit(0)


@tool(effect="read", killable=True)
def fail() -> str | ToolFailed:
    """Fail as tools do."""
    return ToolFailed("later", "transient", 3.0)


@tool(effect="read", killable=True)
def flood() -> str:
    """Return 100 MB."""
    return "x" * 100_000_000


@tool(effect="read", killable=True)
def store(context: ToolContext) -> str:
    """Try to store an artifact."""
    return context.artifacts.put(b"lost", media_type="text/plain").hash
