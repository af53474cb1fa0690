"""Machine: what the doctor sees of the process, its data folder, its disk, and of who else may read what is secret there."""

from __future__ import annotations

import difflib
import os
import platform
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from planrail.doctor.finding import Finding, note, problem, well
from planrail.seal import FILE
from planrail.settings import Settings, variables

_SCARCE = 1 << 30  # bytes
_FULL = 100 << 20
_WRITTEN = stat.S_IWGRP | stat.S_IWOTH
_READ = stat.S_IRGRP | stat.S_IROTH
_CREDENTIALS = ("api_key", "secret_key", "token", "password", "headers", "secrets")


def process() -> list[Finding]:
    """What runs here."""
    return [
        well("python", f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}"),
        well("planrail", version("planrail")),
    ]


def strange_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Variables that look like settings and are none: nobody reads them."""
    known = variables()
    for name in sorted(environment):
        if name.startswith("PLANRAIL_") and name not in known and not name.startswith("PLANRAIL_SECRET_"):
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"Did you mean {near[0]}?" if near else "Remove it; what has no variable is set in planrail.toml."
            yield note(f"variable {name}", "is no setting, and nobody reads it", meant)


def folder(home: Path) -> Finding:
    """Whether the data folder takes files."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=home):
            return well("data folder", f"{home} can be written")
    except OSError as error:
        told = f"{home} cannot be written: {error.strerror}"
        return problem("data folder", told, "Make it writable, or set PLANRAIL_HOME to another folder.")


def disk(home: Path) -> Finding:
    """Whether there is room where the data lies: the database of SQLite, workspaces, and what tools keep."""
    try:
        free = shutil.disk_usage(_existing(home)).free
    except OSError as error:
        return problem("disk", f"{home}: {error.strerror}", "Set PLANRAIL_HOME to a folder on a disk that works.")
    return room(home, free)


def room(home: Path, free: int) -> Finding:
    """What so many free bytes mean."""
    told = f"{free / (1 << 30):,.1f} GB free at {home}" if free >= _SCARCE else f"{free >> 20:,} MB free at {home}"
    remedy = "Free some space, or set PLANRAIL_HOME to a folder on another disk."
    if free < _FULL:
        return problem("disk", told, remedy)
    return note("disk", told, remedy) if free < _SCARCE else well("disk", told)


def modes(settings: Settings, configured: Path | None) -> Iterator[Finding]:
    """Files with secrets in them that others on this machine can read."""
    if os.name != "posix":
        return
    kept = settings.secrets_dir or settings.home / "secrets"
    files = [settings.home / FILE, *_files(kept)]
    if configured is not None and _holds_credentials(configured):
        files.append(configured)
    for file in files:
        try:
            mode = file.stat().st_mode
        except OSError:
            continue
        octal, remedy = f"mode {stat.S_IMODE(mode):04o}", f"chmod 600 {file}"
        if mode & _WRITTEN:
            yield problem(f"file {file}", f"others on this machine may write what is secret there ({octal})", remedy)
        elif mode & _READ:
            yield note(f"file {file}", f"others on this machine may read what is secret there ({octal})", remedy)


def _existing(path: Path) -> Path:
    return next(p for p in (path.absolute(), *path.absolute().parents) if p.exists())


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError:
        return []


def _holds_credentials(file: Path) -> bool:
    """Whether a configuration file has what nobody else should read, by the names of its lines."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    said = [line.partition("#")[0].strip().lower() for line in lines]
    named = (line.partition("=")[0].strip(" \"'[]") for line in said)
    by_name = any(name.rpartition(".")[2] in _CREDENTIALS for name in named)
    return by_name or any("://" in line and "@" in line.partition("://")[2] and "${" not in line for line in said)
