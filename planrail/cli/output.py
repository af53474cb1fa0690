"""Output: the real stdout belongs to the command. What tools, packs and libraries print goes to stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:  # --help needs none of them
    from rich.console import Console
    from typer import Context

    from planner.errors import PlanrailError
    from planner.toolspec import Json


class Output:
    """Where a command writes: `console` for people, `document` for programs; `json` says who is there."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.json = as_json
        self._stream: TextIO | None = None
        self._console: Console | None = None

    def claim(self) -> Self:
        """Take stdout for this command alone."""
        if self._stream is None:
            self._stream = _claim_stdout()
        return self

    @property
    def stream(self) -> TextIO:
        """The real stdout."""
        self.claim()
        assert self._stream is not None
        return self._stream

    @property
    def console(self) -> Console:
        """The console of the real stdout; text is printed as it is, without markup."""
        if self._console is None:
            from rich.console import Console  # noqa: PLC0415  # late: --help and --json need none

            self._console = Console(file=self.stream, markup=False, emoji=False, highlight=False)
        return self._console

    @property
    def interactive(self) -> bool:
        """Whether a person is there to be asked."""
        return not self.json and self.stream.isatty() and sys.stdin is not None and sys.stdin.isatty()

    def document(self, value: Json) -> None:
        """Write one JSON document on one line."""
        self.stream.write(json.dumps(value, ensure_ascii=True) + "\n")
        self.stream.flush()

    def error(self, error: PlanrailError, **more: Any) -> None:
        """Tell an error: on stderr, or as the document."""
        if self.json:
            told: Mapping[str, Json] = {"message": error.message, "hint": error.hint, "fault": error.fault, **more}
            self.document({"error": told})
        else:
            self.stream.flush()
            tell_error(error)


def output_of(context: Context, as_json: bool) -> Output:
    """Where the command of that context writes; from here on stdout is its own."""
    output: Output = context.obj
    output.json = as_json
    return output.claim()


def tell_error(error: PlanrailError) -> None:
    """Message and hint on stderr."""
    from planrail.cli.text import clean  # noqa: PLC0415  # late: it needs re, which --help does not

    hint = f"\n{clean(error.hint)}" if error.hint else ""
    sys.stderr.write(f"planrail: {clean(error.message)}{hint}\n")
    sys.stderr.flush()


def _claim_stdout() -> TextIO:
    """A stream of our own on stdout; from here on file 1 and sys.stdout lead to stderr."""
    if sys.stdout is None or sys.stderr is None:  # started without them
        return open(os.devnull, "w", encoding="utf-8")
    sys.stdout.flush()
    encoding = sys.stdout.encoding
    ours = os.fdopen(os.dup(1), "w", encoding=encoding, errors="replace")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return ours
