"""The examples of other vendors' clients do at a node what README says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.a2a_node.nodes import Node
from tests.mcp_server.test_foreign_clients import FOREIGN, NODE

ROOT = Path(__file__).parents[2]
GOAL = "Find dental leads in Austin and draft introductions"


def promised() -> list[str]:
    """What README says that the client prints."""
    found = re.search(r"```text\n(Planrail: .*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return sorted(found[1].splitlines())


def printed(*command: str, folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    cut = re.sub(r"^(Planrail: (?:\S+ ){2}).*$", r"\1…", done.stdout, count=1, flags=re.MULTILINE)  # as README does
    return sorted(cut.splitlines())  # steps that run side by side begin in any order


def test_the_sdk_s_own_client_goes_from_the_card_to_the_result_as_readme_says(served: Node, tmp_path: Path) -> None:
    example = ROOT / "docs" / "examples" / "a2a_client.py"
    assert printed(sys.executable, str(example), served.address, GOAL, folder=tmp_path) == promised()
    assert f'a2a_client.py http://127.0.0.1:8700 "{GOAL}"' in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.foreign
def test_the_javascript_sdk_does_the_same(served: Node) -> None:
    example = shutil.copy(ROOT / "docs" / "examples" / "a2a_client.mjs", FOREIGN / "a2a")  # it finds its SDK there
    assert printed(NODE, str(example), served.address, GOAL, folder=FOREIGN / "a2a") == promised()
