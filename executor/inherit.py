"""Inherit: a fork's folder of files begins as a copy of the other run's."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from tempfile import mkdtemp


def inherit_files(source: Path, target: Path) -> None:
    """Copy the folder if there is one and the target is not there yet; whole or not at all, links as links."""
    if target.exists() or not source.is_dir():
        return
    scratch = Path(mkdtemp(dir=target.parent, prefix=".fork-"))
    try:
        copy = shutil.copytree(source, scratch / target.name, symlinks=True)
        with contextlib.suppress(FileExistsError):
            copy.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
