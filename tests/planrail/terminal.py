"""A pseudo-terminal with the command at it."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time

from tests.planrail.command import Command


class Terminal:
    """The command at a pseudo-terminal of 100 columns."""

    def __init__(self, command: Command, *arguments: str, env: dict[str, str] | None = None) -> None:
        self._ours, theirs = pty.openpty()
        environment = command.environment() | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"} | (env or {})
        self.process = subprocess.Popen(
            command.line(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=command.folder,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until the text was shown."""
        deadline = time.monotonic() + 30
        while text not in self.plain:
            assert time.monotonic() < deadline, self.plain
            assert self._read(), self.plain

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(30)

    def write(self, text: str) -> None:
        os.write(self._ours, text.encode())

    @property
    def plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 30)
        try:
            piece = os.read(self._ours, 65_536) if ready else b""
        except OSError:  # Linux says so when the other side has closed
            return False
        self.seen += piece.decode("utf-8", "replace")
        return bool(piece)
