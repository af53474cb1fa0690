"""Log: warnings and crashes of tools go to a file in the data folder; with PLANRAIL_DEBUG also to stderr."""

from __future__ import annotations

import logging
import os
from pathlib import Path

NAME = "planrail.log"
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def log_to_file(home: Path) -> None:
    """Set the log of this process up; without a writable folder there is none."""
    handlers: list[logging.Handler] = [logging.StreamHandler()] if os.environ.get("PLANRAIL_DEBUG") else []
    try:
        home.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(home / NAME, encoding="utf-8", delay=False))
    except OSError:
        handlers.append(logging.NullHandler())
    logging.basicConfig(level=logging.WARNING, format=_FORMAT, handlers=handlers)
