"""The packs' suites have baselines beside them, and `make evals` fails where a session has become worse than they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from planrail.evals.report import read_baseline
from planrail.evals.suite import read_suite

ROOT = Path(__file__).parents[2]
SUITES = sorted((ROOT / "packs").glob("*/evals.yaml"))


def made(suite: Path) -> tuple[int, str]:
    """How `make evals` of that suite ends, and what it says; it installs nothing."""
    there = [f"{sys.prefix}/{name}" for name in (".made", ".installed-dev")]
    line = ["make", "evals", f"VENV={sys.prefix}", f"SUITES={suite}", *(part for name in there for part in ("-o", name))]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("path", SUITES, ids=[p.parent.name for p in SUITES])
def test_the_baseline_of_a_pack_has_every_case_of_its_suite_passed(path: Path) -> None:
    suite = read_suite(path)
    baseline = read_baseline(path.with_name("baseline.json"), suite.suite, 1.0)
    assert set(baseline.cases) == {case.name for case in suite.cases}
    assert {case.quality for case in baseline.cases.values()} == {1.0}


def test_make_evals_fails_where_a_pack_takes_more_calls_than_its_baseline(tmp_path: Path) -> None:
    (listings,) = (p for p in SUITES if p.parent.name == "listings")
    (tmp_path / "baseline.json").write_bytes(listings.with_name("baseline.json").read_bytes())
    planted = listings.read_text().replace("rows_per_chunk: 100", "rows_per_chunk: 50")
    (tmp_path / "evals.yaml").write_text(planted)
    code, said = made(tmp_path / "evals.yaml")
    assert code != 0
    assert "calls of the sample in small chunks is the same is 28; the baseline is at most 16.32." in said, said
