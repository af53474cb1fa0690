"""Lines: a script that arrives in pieces → its top-level statements, each as soon as its last line is complete."""

from __future__ import annotations

from collections.abc import Iterator

from planner.characters import line_feeds
from planner.parse import is_whole

_PATIENCE = 20  # lines
MAX_STATEMENT = 20_000  # characters; beyond that a statement that cannot be read is given up as it is


class Lines:
    """Collects text; a simple statement is complete with its line, an `if` with the next line that is not its own."""

    def __init__(self) -> None:
        self._begun = False
        self._return = ""  # a carriage return at the end of a piece: a line feed may follow
        self._rest = ""  # of the last, incomplete line
        self._held: list[str] = []  # complete lines of a statement that may go on
        self._first = 1  # number of the first held line
        self._seen = 0  # lines that came

    def feed(self, piece: str) -> Iterator[tuple[int, str]]:
        """(number of the first line, text) of each statement that this piece completes."""
        if not self._begun:
            piece = piece.removeprefix("\ufeff")
        self._begun = self._begun or bool(piece)
        piece = self._return + piece
        self._return = "\r" if piece.endswith("\r") else ""
        plain = line_feeds(piece.removesuffix("\r") if self._return else piece)
        *lines, self._rest = (self._rest + plain).split("\n")
        for line in lines:
            yield from self._line(line)

    def finish(self) -> Iterator[tuple[int, str]]:
        """The statement that was left at the end, if any."""
        if self._rest:
            yield from self._line(self._rest)
        self._rest = ""
        yield from self._release()

    def _line(self, line: str) -> Iterator[tuple[int, str]]:
        self._seen += 1
        if self._held and _is_compound(self._held[0]) and _begins(line) and self._whole():
            yield from self._release()
        if not self._held and not line.strip():
            return
        if not self._held:
            self._first = self._seen
        self._held.append(line)
        hopeless = sum(len(h) for h in self._held) > MAX_STATEMENT
        if hopeless or (not _is_compound(self._held[0]) and self._whole()):
            yield from self._release()

    def _whole(self) -> bool:
        held = len(self._held)
        if held > _PATIENCE and held % (held // _PATIENCE) != 0:
            return False  # a statement that goes on and on is tried less and less often
        return is_whole(self._text())

    def _text(self) -> str:
        return "\n".join(self._held) + "\n"

    def _release(self) -> Iterator[tuple[int, str]]:
        if self._held:
            first, text = self._first, self._text()
            self._held = []
            yield first, text


def _is_compound(line: str) -> bool:
    word = line.split(None, 1)[0].rstrip(":(") if line.strip() else ""
    return word in {"if", "for", "while", "def", "class", "try", "with", "match", "async"} or line.startswith("@")


def _begins(line: str) -> bool:
    """Whether a line at the margin begins a statement, rather than going on with an `if` (or a bracket)."""
    if not line.strip() or line[0] in " \t#)]}":
        return False
    word = line.split(None, 1)[0].partition(":")[0]
    return word not in ("elif", "else", "except", "finally", "case")
