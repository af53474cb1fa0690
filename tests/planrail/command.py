"""The real command as a process, with a data folder and a pack of odd tools of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.warm import warm_command

ROOT = Path(__file__).parents[2]
ODD = '''
import threading
from pathlib import Path
from typing import Any
from pydantic import BaseModel
from executor.pack import Pack
from executor.tool import tool
from executor.toolset import Toolset

class Said(BaseModel):
    text: str

@tool(effect="read")
def crash() -> str:
    """Raise."""
    raise ValueError("kaboom")

@tool(effect="read", timeout_s=0.2, retries=0)
def hang() -> str:
    """Never answer."""
    threading.Event().wait()
    return ""

@tool(effect="read")
def noisy() -> Said:
    """Print, and answer with what a terminal would obey."""
    print("LOUD")
    return Said(text="[bold red]marked[/] \\x1b[31mred\\x1b[0m \\x07bell")

@tool(effect="read")
def flood() -> str:
    """Answer with 100 MB."""
    return "x" * 100_000_000

@tool(effect="read")
def opaque() -> Any:
    """Answer with what is no JSON."""
    return object()

@tool(effect="read", timeout_s=60)
def slow(number: int, folder: str) -> int:
    """Note the call in a file, and wait for the gate's file unless the number is small."""
    with (Path(folder) / "calls").open("a") as calls:
        calls.write(f"{number}\\n")
    while number >= 2 and not (Path(folder) / "gate").exists():
        threading.Event().wait(0.01)
    return number

@tool(effect="irreversible")
def publish(text: str) -> str:
    """Publish a text."""
    return "published " + text

def pack(host):
    return Pack("odd", "Odd tools.", Toolset.of("odd", [crash, hang, noisy, flood, opaque, slow, publish]))
'''


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@dataclass
class Command:
    """`planrail` over one data folder. `env` wins over what is set by default."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def environment(self) -> dict[str, str]:
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL_", "OPENAI_", "PYTHON", "COLUMNS", "NO_COLOR"))
        }
        path = f"{self.folder}:{ROOT}"
        return {**kept, "PYTHONPATH": path, "PLANRAIL_HOME": str(self.home), "PYTHONUTF8": "1", **self.env}

    def __call__(self, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None) -> Finished:
        """Forked from a warm process; a fresh interpreter is what `line` and `start` give."""
        done = subprocess.run(
            [warm_command(), *arguments], input=stdin, capture_output=True, text=True, cwd=self.folder, timeout=60,
            env=self.environment() | dict(env or {}),
        )  # fmt: skip
        return Finished(done.returncode, done.stdout, done.stderr)

    def line(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "planrail", *arguments]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command, going on beside the test."""
        return subprocess.Popen(
            self.line(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=self.folder, env=self.environment(),
        )  # fmt: skip

    def calls(self) -> list[int]:
        """The numbers that `odd.slow` was called with."""
        path = self.folder / "calls"
        return [int(n) for n in path.read_text().split()] if path.exists() else []

    def until_called(self, number: int, process: subprocess.Popen[str]) -> None:
        """Return when `odd.slow` was called with the number; a process that ends before fails the test."""
        deadline = time.monotonic() + 30
        while number not in self.calls():
            assert time.monotonic() < deadline
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
                raise AssertionError(process.communicate())


def with_odd_pack(folder: Path) -> Path:
    """The folder, with the pack installed in it as any distribution is."""
    (folder / "odd_pack.py").write_text(ODD)
    info = folder / "odd_pack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: odd-pack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[planrail.packs]\nodd = odd_pack:pack\n")
    return folder


def finish(process: subprocess.Popen[str], *, interrupt: bool = False) -> Finished:
    """The end of a process, after a Ctrl-C if one is wanted."""
    if interrupt:
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return Finished(process.returncode, out, err)
