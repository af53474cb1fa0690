"""At a terminal: live progress, and questions that are asked right there."""

from __future__ import annotations

import re

from tests.planrail.command import Command
from tests.planrail.terminal import Terminal

SCRIPT = """\
name = ask_user("Whose news?", returns="ours" | "theirs")
approve("publish " + name)
p = odd.publish(text=name)
answer(p)
"""


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
