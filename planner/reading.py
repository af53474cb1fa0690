"""Reading: one text of the plan language as a tree, with places in it and words for what cannot be read.

The grammar is tree-sitter's for Python, which reads today's f-strings under every Python.
"""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import tree_sitter_python
from tree_sitter import Language, Parser
from tree_sitter import Node as Tree
from tree_sitter import Tree as SyntaxTree

from planner.characters import refused_character
from planner.diagnostic import Diagnostic
from planner.errors import CompileError
from planner.parse_string import Where
from planner.syntax import Position

MAX_SCRIPT = 100_000  # characters; a longer script is refused
MAX_LINES = 2_000  # a longer script is refused
MAX_DEPTH = 40  # of nested expressions, and of branches of one `if`; a deeper one is refused
MAX_NAME = 100  # characters; a longer name is refused
MAX_DIGITS = 1_000  # of a number, written in any base; a longer one is refused

_KEYWORDS = "|".join(keyword.kwlist)
_RESERVED_WORD = re.compile(  # read only when there is an error to explain
    rf"\.(?P<key>{_KEYWORDS})\b|[(,]\s*(?P<argument>{_KEYWORDS})\s*=(?!=)"
)
T = TypeVar("T")


@lru_cache(maxsize=1)
def _language() -> Language:
    return Language(tree_sitter_python.language())


@lru_cache(maxsize=2)  # a line is looked at for its end, then read
def tree_of(text: str) -> SyntaxTree:
    """The text as a tree; what cannot be read stands in error nodes."""
    return Parser(_language()).parse(text.encode("utf-8", "surrogatepass"))


def refuse_size(text: str) -> None:
    """Raise CompileError for a text that is longer than any plan."""
    lines = text.count("\n") + 1
    if len(text) > MAX_SCRIPT or lines > MAX_LINES:
        raise CompileError([too_long(lines, len(text))])


def too_long(lines: int, size: int) -> Diagnostic:
    """What is said of a script with that many lines and characters."""
    message = f"The script has {lines:,} lines and {size:,} characters."
    hint = f"At most {MAX_LINES:,} lines and {MAX_SCRIPT:,} characters: use maps instead of repeated lines."
    return Diagnostic(code="too-long", line=1, column=1, text="", message=message, hint=hint)


class Refused(Exception):
    """Something that the language has not, with its place."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class Reading:
    """One text that is read; collects what is refused of it."""

    def __init__(self, text: str, first_line: int) -> None:
        self.text = text
        self.bytes = text.encode("utf-8", "surrogatepass")
        self.lines = self.bytes.split(b"\n")
        self.ascii = text.isascii()
        self.first_line = first_line
        self.depth = 0
        self.refused: list[Diagnostic] = []

    def checked(self, read: Callable[[Tree], T]) -> T:
        """What `read` makes of the whole text; raises CompileError with everything that was refused."""
        if (hidden := refused_character(self.text, self.first_line)) is not None:
            raise CompileError([hidden])
        root = tree_of(self.text).root_node
        if root.has_error:
            raise CompileError([self._syntax_error(root)])
        try:
            result = read(root)
        except Refused as refused:
            self.refused.append(refused.diagnostic)
        if self.refused:
            raise CompileError(self.refused)
        return result

    # -- places and refusals

    def position(self, tree: Tree) -> Position:
        row, column = tree.start_point
        if self.ascii:
            return Position(self.first_line + row, column + 1)
        characters = len(self.lines[row][:column].decode("utf-8", "replace"))
        return Position(self.first_line + row, characters + 1)

    def source(self, tree: Tree) -> str:
        if self.ascii:
            return self.text[tree.start_byte : tree.end_byte]
        return self.bytes[tree.start_byte : tree.end_byte].decode("utf-8", "surrogatepass")

    def start(self, tree: Tree) -> str:
        """The beginning of its source, for messages."""
        end = min(tree.end_byte, tree.start_byte + 800)  # a character is at most four bytes
        if self.ascii:
            return self.text[tree.start_byte : min(end, tree.start_byte + 200)]
        return self.bytes[tree.start_byte : end].decode("utf-8", "ignore")[:200]

    def refusal(self, tree: Tree, code: str, message: str, hint: str = "") -> Refused:
        at = self.position(tree)
        text = self.source(tree).partition("\n")[0][:80]
        return Refused(Diagnostic(code=code, line=at.line, column=at.column, text=text, message=message, hint=hint))

    def _syntax_error(self, root: Tree) -> Diagnostic:
        broken = first_error(root)
        at = self.position(broken)
        missing = f"Here `{broken.type}` is missing." if broken.is_missing else "This cannot be read."
        text = self.source(broken).partition("\n")[0][:80]
        found = Diagnostic(code="syntax", line=at.line, column=at.column, text=text, message=missing)
        if (reserved := self._reserved_word()) is not None:
            return reserved
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ast.parse(self.text)
        except SyntaxError as error:
            if error.lineno and not error.msg.startswith("f-string"):
                line = self.lines[error.lineno - 1].decode("utf-8", "replace") if error.lineno <= len(self.lines) else ""
                return Diagnostic(
                    code="syntax", line=self.first_line + error.lineno - 1, column=max(error.offset or 1, 1),
                    text=line.strip()[:80], message=error.msg[:1].upper() + error.msg[1:] + ".",
                )  # fmt: skip
        except (ValueError, RecursionError, MemoryError):
            return found
        return found

    def _reserved_word(self) -> Diagnostic | None:
        """What is said of `m.from` and of `f(from=1)`, which models write."""
        for row, line in enumerate(self.lines):
            found = _RESERVED_WORD.search(line.decode("utf-8", "replace"))
            if found is not None:
                word = found["key"] or found["argument"]
                hint = f'Write x["{word}"].' if found["key"] else f'Write **{{"{word}": …}}.'
                message = f"`{word}` is a word of Python's grammar."
                at = Position(self.first_line + row, found.start() + 1)
                return Diagnostic(code="syntax", line=at.line, column=at.column, text=found[0], message=message, hint=hint)
        return None

    def where(self, tree: Tree) -> Where:
        """Where a node stood, as its constructor takes it."""
        if self.ascii:
            (row, column), start = tree.start_point, tree.start_byte
            return {
                "at": Position(self.first_line + row, column + 1),
                "text": self.text[start : min(tree.end_byte, start + 200)],
            }
        return {"at": self.position(tree), "text": self.start(tree)}


def operands(tree: Tree) -> list[Tree]:
    """Its named children, without comments."""
    return [c for c in tree.named_children if c.type not in ("comment", "line_continuation")]


def first_error(tree: Tree) -> Tree:
    """The innermost node that cannot be read."""
    node = tree
    while not (node.is_error or node.is_missing):
        broken = [c for c in node.children if c.has_error or c.is_missing]
        if not broken:
            break
        node = broken[0]
    return node
