"""Diagnostic: one thing the compiler or checker says about a place in a script."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Diagnostic(BaseModel):
    """What is wrong at a place of the script, and what to write instead.

    Lines and columns count from 1, columns in characters. `text` is the offending text, at most 80 characters.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    line: int
    column: int
    text: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        quoted = f" `{self.text}`:" if self.text else ""
        return f"{self.line}:{self.column}: {self.severity}:{quoted} {self.message}{hint} [{self.code}]"
