"""`planrail install` puts the entry where the client looks for it, and leaves everything else as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planrail.cli.installing import claude_desktop_file
from tests.planrail.command import Command


def test_the_entry_is_added_once_and_what_others_have_there_stays(tmp_path: Path) -> None:
    planrail, file = Command(tmp_path), tmp_path / "Claude" / "config.json"
    first = planrail("install", "claude-desktop", "--file", str(file), "--json").json
    file.write_text(json.dumps({**json.loads(file.read_text()), "theme": "dark"}))
    second = planrail("install", "claude-desktop", "--file", str(file), "--json").json
    kept = json.loads(file.read_text())
    assert (first["change"], second["change"], kept["theme"]) == ("added", "as it was", "dark")
    assert kept["mcpServers"]["planrail"] == first["entry"]
    assert Path(first["entry"]["command"]).is_absolute()
    assert first["entry"]["args"][-1] == "mcp"


def test_a_file_that_is_no_json_is_left_alone_and_print_changes_nothing(tmp_path: Path) -> None:
    planrail, file = Command(tmp_path), tmp_path / "config.json"
    file.write_text("{ not json")
    refused = planrail("install", "claude-desktop", "--file", str(file))
    printed = planrail("install", "claude-desktop", "--file", str(file), "--print")
    code = planrail("install", "claude-code")
    assert (refused.code, file.read_text()) == (1, "{ not json")
    assert "--print" in refused.err
    assert '"mcpServers"' in printed.out
    assert code.out.startswith("claude mcp add planrail -- ")


@pytest.mark.parametrize(
    ("platform", "environment", "path"),
    [
        ("linux", {"HOME": "/h"}, "/h/.config/Claude/claude_desktop_config.json"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Application Support/Claude/claude_desktop_config.json"),
    ],
)
def test_the_file_is_where_the_system_has_it(platform: str, environment: dict[str, str], path: str) -> None:
    assert claude_desktop_file(platform, environment) == Path(path)
