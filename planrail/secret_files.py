"""Secret files: where the values behind `secret("name")` stand besides the settings: one a file, read when it is needed."""

from __future__ import annotations

import re
from pathlib import Path

SECRET_PREFIX = "PLANRAIL_SECRET_"  # of the variable of the environment that holds a secret
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}")
_MAX_BYTES = 64 * 1024
handed_out: dict[str, str] = {}  # what this process has read, and its name: it is looked for in what leaves the process


def secret_in(folder: Path, name: str) -> str | None:
    """The text of the secret's file, without the line's end; None where there is none, or it cannot be read."""
    if not _NAME.fullmatch(name):
        return None
    for file in (folder / name, folder / name.lower()):
        try:
            with file.open("rb") as opened:
                content = opened.read(_MAX_BYTES + 1)
            text = content.decode().rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            continue
        if text and len(content) <= _MAX_BYTES:
            handed_out.setdefault(text, name.lower())
            return text
    return None


def how_to_set(name: str) -> str:
    """How a secret is set, in a sentence for whoever runs the house."""
    variable = f"{SECRET_PREFIX}{name.upper()}"
    return f"Whoever runs Planrail puts it into the file {name} of the folder of secrets, or starts it with {variable}."
