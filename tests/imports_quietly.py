"""`python -m tests.imports_quietly MODULE…`: import each module and name all that happens besides; nothing is to happen.

What a module of ours does itself counts, and files that something opens on its behalf; not what other people's modules do
when they are imported.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any

import pydantic

OURS = ("planner", "executor", "planrail", "packs")
_THROUGH = ("os", "posixpath", "pathlib", "collections.abc", "_collections_abc", "typing", "codecs", "io", "_io", __name__)
_FORBIDDEN = ("socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename", "os.putenv", "sqlite3.connect", "logging.")

problems: list[str] = []


class _First(pydantic.BaseModel):
    """pydantic looks for plug-ins when the first model is made."""


def _on_behalf_of(frame: FrameType | None) -> str:
    """Our module that the frame works for; "" if an import stands between them, or none of ours is there."""
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(("importlib", "_frozen_importlib")):
            return ""
        if name.partition(".")[0] in OURS:
            return str(name)
        frame = frame.f_back
    return ""


def _directly(frame: FrameType | None) -> str:
    """Our module that looks at the environment itself."""
    while frame is not None and frame.f_globals.get("__name__", "") in _THROUGH:
        frame = frame.f_back
    name = "" if frame is None else str(frame.f_globals.get("__name__", ""))
    return name if name.partition(".")[0] in OURS else ""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" or event.startswith(_FORBIDDEN):
        culprit = _on_behalf_of(sys._getframe(1))
        if culprit:
            problems.append(f"{culprit}: {event} {str(arguments[0] if arguments else '')[:100]}")


class _Environment(dict[str, str]):
    def __getitem__(self, key: str) -> str:
        self._note(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._note(str(key))
        return super().__contains__(key)

    def _note(self, key: str) -> None:
        culprit = _directly(sys._getframe(1))
        if culprit:
            problems.append(f"{culprit}: reads the environment's {key}")


def main(modules: list[str]) -> int:
    sys.dont_write_bytecode = True
    os.environ = _Environment(os.environ)  # type: ignore[assignment]  # noqa: B003  # it is read, not changed
    sys.addaudithook(_watch)
    with redirect_stdout(_Talk("stdout")), redirect_stderr(_Talk("stderr")):
        for module in modules:
            importlib.import_module(module)
    found = list(problems)
    print("\n".join(dict.fromkeys(found)))
    return 1 if found else 0


class _Talk(io.StringIO):
    """A stream that tells who writes to it."""

    def __init__(self, stream: str) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        problems.append(f"{_on_behalf_of(sys._getframe(1)) or 'somebody'}: prints to {self._stream}: {text[:60]!r}")
        return len(text)


if __name__ == "__main__":
    assert Path("pyproject.toml").exists(), "run this in the checkout"
    raise SystemExit(main(sys.argv[1:]))
