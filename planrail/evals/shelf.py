"""Shelf: the reports that evaluations have left in the data folder, the last hundred of them: the console shows them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from planrail.evals.report import Report

_KEPT = 100
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}-\d{8}T\d{6}Z")


class Shelved(BaseModel):
    """A report that lies there."""

    model_config = ConfigDict(frozen=True)

    name: str
    suite: str
    passed: bool
    quality: float
    at: datetime


class Shelf:
    """A folder of reports."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "reports"

    def put(self, report: Report, at: datetime) -> str:
        """Keep it, and give its name; raises OSError."""
        slug = re.sub(r"[^A-Za-z0-9_-]+", "-", report.suite)[:80].strip("-") or "suite"
        name = f"{slug}-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{name}.{os.getpid()}"  # whoever looks meanwhile sees no half of it
        unfinished.write_text(report.model_dump_json(), encoding="utf-8")
        unfinished.replace(self._folder / f"{name}.json")
        for path in list(self._newest())[_KEPT:]:
            path.unlink(missing_ok=True)
        return name

    def listed(self) -> list[Shelved]:
        """What lies there, the newest first; what cannot be read is left out."""
        return [shelved for path in self._newest() if (shelved := _shelved(path)) is not None]

    def get(self, name: str) -> Report | None:
        """One of them, whole."""
        return _read(self._folder / f"{name}.json") if _NAME.fullmatch(name) else None

    def _newest(self) -> Iterator[Path]:
        found = self._folder.glob("*.json") if self._folder.is_dir() else ()
        return iter(sorted((p for p in found if _NAME.fullmatch(p.stem)), key=lambda p: p.stem[-16:], reverse=True))


def _shelved(path: Path) -> Shelved | None:
    report, at = _read(path), datetime.strptime(path.stem[-16:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if report is None:
        return None
    return Shelved(name=path.stem, suite=report.suite, passed=report.passed, quality=report.summary.quality, at=at)


def _read(path: Path) -> Report | None:
    try:
        return Report.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
