"""The wheel, installed where no source tree is, holds all that a first run needs."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GOAL = "Find dental leads in Austin and draft introductions"
BIN = "Scripts" if os.name == "nt" else "bin"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(pip, check=True, timeout=120, capture_output=True)
    (found,) = folder.glob("planrail-*.whl")
    return found


def run(command: list[str | Path], home: Path, *, timeout: float = 60) -> str:
    """What a command says, in a folder and an environment that know nothing of the source tree."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PLANRAIL", "OPENAI", "VIRTUAL_ENV"))}
    environment = {**keep, "PLANRAIL_HOME": str(home), "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def works(bin_folder: Path, home: Path) -> None:
    """The first things that a new user does."""
    planrail, python = bin_folder / "planrail", bin_folder / "python"
    assert str(ROOT) not in run([python, "-c", "import planrail, planner; print(planrail.__file__, planner.__file__)"], home)
    assert "run" in run([planrail, "--help"], home)
    assert "lead_generation" in run([planrail, "playbooks"], home)
    told = json.loads(run([planrail, "run", GOAL, "--json"], home))
    assert told["status"] == "done"
    with sqlite3.connect(home / "planrail.db") as database:
        (drafts,) = database.execute("select count(*) from gtm_outbox where status = 'draft'").fetchone()
    assert drafts >= 1
    assert f"{drafts} introductions drafted" in told["answer"]


def test_the_wheel_holds_data_playbooks_and_migrations_and_no_tests(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "packs/gtm/data/businesses.json",
        "packs/gtm/playbooks/lead_generation.plan",
        "packs/gtm/evals.yaml",
        "packs/afterhours/data/night.json",
        "packs/afterhours/evals.yaml",
        "packs/frontdesk/data/practice.json",
        "packs/helpdesk/data/desk.json",
        "packs/listings/data/sample.csv",
        "packs/listings/playbooks/import_listings.plan",
        "planrail/console/static/index.html",
        "planrail/console/static/app.js",
        "a2a_node/agent-card.json",
        "planrail/console/static/index.html",
        "executor/journal/migrations/env.py",
        "executor/journal/migrations/script.py.mako",
        "executor/journal/migrations/versions/0001_first.py",
    ):
        assert needed in names
    assert {n.partition("/")[0] for n in names if ".dist-info" not in n} == {
        "planner",
        "executor",
        "planrail",
        "a2a_node",
        "mcp_server",
        "packs",
    }
    assert any(n.endswith("/licenses/LICENSE") for n in names)


def test_what_is_installed_from_the_wheel_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    """With the dependencies of the environment that tests; that the wheel names them all is the proof below."""
    place, home = tmp_path / "venv", tmp_path / "home"
    home.mkdir()
    venv.create(place, with_pip=False)
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(place / BIN / "python"),
        "install",
        "--quiet",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(install, check=True, timeout=120, capture_output=True)
    libraries = [p for p in sys.path if p.endswith("site-packages")]
    (site,) = place.rglob("site-packages")
    (site / "libraries.pth").write_text("\n".join(libraries), encoding="utf-8")
    works(place / BIN, home)


@pytest.mark.proof
def test_a_clean_installation_of_the_wheel_alone_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    place, home = tmp_path / "venv", tmp_path / "home"
    home.mkdir()
    venv.create(place, with_pip=True)
    subprocess.run([place / BIN / "python", "-m", "pip", "install", "--quiet", str(wheel)], check=True, timeout=300)
    works(place / BIN, home)
