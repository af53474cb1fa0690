"""At a terminal: live progress, and questions that are asked right there."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time

from tests.planrail.command import Command

SCRIPT = """\
name = ask_user("Whose news?", returns="ours" | "theirs")
approve("publish " + name)
p = odd.publish(text=name)
answer(p)
"""


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


def test_the_person_is_asked_right_there_and_the_run_goes_on(command: Command) -> None:
    script = command.folder / "asks.py"
    script.write_text(SCRIPT)
    terminal = Terminal(command, "run", "--script", str(script))
    terminal.until("refuse >")
    terminal.write("yours\n")
    terminal.until("That does not fit")
    terminal.write("ours\n")
    terminal.until("odd.publish(text=ours)")
    terminal.until("decide later) >")
    terminal.write("yes\n")
    assert terminal.end() == 0
    assert "published ours" in terminal.plain
    assert "├── ✓ name" in terminal.plain
    assert "\x1b[" in terminal.seen


def test_an_empty_line_decides_later_and_no_color_is_respected(command: Command) -> None:
    (command.folder / "asks.py").write_text(SCRIPT)
    terminal = Terminal(command, "run", "--script", "asks.py", env={"NO_COLOR": "1"})
    terminal.until("refuse >")
    terminal.write("\n")
    assert terminal.end() == 3
    assert "planrail answer" in terminal.plain
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", terminal.seen)  # no color of the eight


def test_what_a_playbook_lacks_is_asked_field_by_field_and_the_run_goes_on(command: Command) -> None:
    terminal = Terminal(command, "run", "--playbook", "lead_list")
    terminal.until("needs vertical")
    terminal.until("refuse >")
    terminal.write("bakery\n")
    terminal.until("That does not fit")
    terminal.write("2\n")
    terminal.until("Write a text; empty: decide later, !refuse: refuse >")
    terminal.write("Austin\n")
    assert terminal.end() == 0
    assert "crm.find_leads" in terminal.plain
    assert "done" in terminal.plain
