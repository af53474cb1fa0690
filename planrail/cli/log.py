"""Log: warnings and crashes of tools go to a file in the data folder, or to stderr; with PLANRAIL_DEBUG always there, too."""

from __future__ import annotations

import logging
import os

from planrail.logs import OWN, JsonLines, TextLines
from planrail.redactor import Redactor
from planrail.settings import Settings

NAME = "planrail.log"


def log_by(settings: Settings) -> None:
    """Set the log of this process up; without a writable folder there is none."""
    wanted, folder = settings.log, settings.home
    redact = Redactor(settings)
    to_stderr = wanted.to == "stderr" or bool(os.environ.get("PLANRAIL_DEBUG"))
    handlers: list[logging.Handler] = [logging.StreamHandler()] if to_stderr else []
    if wanted.to == "file":
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(folder / NAME, encoding="utf-8", errors="backslashreplace", delay=False))
        except OSError:
            handlers.append(logging.NullHandler())
    for handler in handlers:
        handler.setFormatter(JsonLines(redact) if wanted.format == "json" else TextLines(redact))
    logging.basicConfig(level=logging.WARNING, handlers=handlers)
    for name in OWN:
        logging.getLogger(name).setLevel(wanted.level.upper())
