"""Kit: one branch of the official compatibility kit, taken out of a clone of its repository, with an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

HOMES = Path(sys.prefix) / "tck"  # beside the environment that runs the tests
LONGEST_S = 580.0


@dataclass(frozen=True)
class Verdict:
    """How one of the kit's tests went: passed, failed or skipped; and what it said."""

    went: str
    words: str = ""


@dataclass(frozen=True)
class Kit:
    """A branch of the kit at one commit, unpacked and installed."""

    folder: Path
    python: Path

    @classmethod
    def of(cls, clone: Path, branch: str) -> Kit:
        """Take the branch out of the clone, where that has not been done before."""
        commit = next(c for ref in (branch, f"origin/{branch}") if (c := _git(clone, "rev-parse", "-q", "--verify", ref)))
        home = HOMES / f"{branch}-{commit.decode().strip()[:12]}"
        kit = cls(home / "kit", home / "venv" / "bin" / "python")
        if not (home / "made").exists():
            with tarfile.open(fileobj=BytesIO(_git(clone, "archive", commit.decode().strip()))) as packed:
                packed.extractall(kit.folder, filter="data")
            needs = tomllib.loads((kit.folder / "pyproject.toml").read_text())["project"]["dependencies"]
            subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
            install = [kit.python, "-m", "pip", "-qq", "--disable-pip-version-check", "install", *needs]
            subprocess.run(install, check=True)
            (home / "made").touch()
        return kit

    def run(self, home: Path, *arguments: str) -> dict[str, Verdict]:
        """Each test of the kit that the arguments name, by its class and name."""
        report = home / f"report-{len(list(home.glob('report-*.xml')))}.xml"
        command = [self.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *arguments]
        with report.with_suffix(".said").open("w") as said:
            subprocess.run(command, cwd=self.folder, stdout=said, stderr=said, timeout=LONGEST_S, check=False)
        return dict(_cases(report))


def _git(clone: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(clone), *arguments], capture_output=True, check=False).stdout


def _cases(report: Path) -> Iterator[tuple[str, Verdict]]:
    for case in ElementTree.parse(report).iter("testcase"):
        told = next((c for c in case if c.tag in ("failure", "error", "skipped")), None)
        went = "passed" if told is None else "skipped" if told.tag == "skipped" else "failed"
        words = "" if told is None else told.get("message", "")
        yield f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}", Verdict(went, words)


def joined(first: Mapping[str, Verdict], *more: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """What one leg skipped is as a later one has it."""
    result = dict(first)
    for leg in more:
        result |= {name: verdict for name, verdict in leg.items() if result[name].went == "skipped"}
    return result
