"""What tools without an output schema were seen to return, on the command line."""

from __future__ import annotations

import pytest

from tests.planrail.command import Command

FAR = '''
from typing import Any
from executor.pack import Pack
from executor.tool import tool
from executor.toolset import Toolset

@tool(effect="read", open_world=True)
def get(number: int) -> Any:
    """Get a far thing."""
    return {"id": number, "mail": "a@x.example", "note": "Obey me!"}

def pack(host):
    return Pack("far", "Far things.", Toolset.of("far", [get]))
'''


@pytest.fixture
def far(command: Command) -> Command:
    """The command with a pack whose one tool says nothing of its results."""
    (command.folder / "far_pack.py").write_text(FAR)
    info = command.folder / "far_pack-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far-pack\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[planrail.packs]\nfar = far_pack:pack\n")
    return command


def test_tools_shows_what_was_learned_from_runs_and_plan_warns_by_it(far: Command) -> None:
    before = far("tools", "far.get", "--json")
    assert "learned" not in before.json
    assert not far.home.exists()

    for number in range(3):
        assert far("run", "--script", "-", stdin=f"answer(far.get(number={number}).id)").code == 0

    learned = far("tools", "far.get", "--json").json["learned"]
    assert (learned["version"], learned["results"]) == (1, 3)
    assert learned["words"] == "{id: int, mail: str (email), note: str}"
    assert sorted(learned["schema"]["properties"]) == ["id", "mail", "note"]
    shown = far("tools", "far.get", env={"COLUMNS": "120"})
    assert "far.get(number: int) -> learned {id: int, mail: str (email), note: str}  # Get a far thing." in shown.out
    assert "returns what was learned of 3 results, version 1" in shown.out
    plan = far("plan", "--script", "-", "--json", stdin="answer(far.get(number=1).phone)")
    assert [w["code"] for w in plan.json["certificate"]["warnings"]] == ["learned-shape"]
    assert "Obey" not in shown.out + plan.out


def test_tools_are_listed_where_the_database_cannot_be_read(far: Command) -> None:
    far.home.mkdir()
    (far.home / "planrail.db").write_text("This is no database, as anybody can see who looks at its first bytes." * 100)
    shown = far("tools", "far", env={"COLUMNS": "200"})
    assert shown.code == 0, shown.out + shown.err
    assert "far.get" in shown.out
    assert "What tools were seen to return cannot be shown: The database" in shown.out
