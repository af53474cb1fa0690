"""Refusal: something in a script that the language does not have, with its place."""

from __future__ import annotations

from planner.diagnostic import Diagnostic
from planner.syntax import Node


class Refusal(Exception):
    """Raised where it is found; its diagnostic goes to whoever wrote the script."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic

    @classmethod
    def of(cls, node: Node, code: str, message: str, hint: str = "") -> Refusal:
        text = node.text.partition("\n")[0][:80]
        line, column = max(node.at.line, 1), max(node.at.column, 1)
        return cls(Diagnostic(code=code, line=line, column=column, text=text, message=message, hint=hint))
