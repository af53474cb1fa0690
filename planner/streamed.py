"""Streamed: the script in a reply that still comes, as far as it is certain; `planner.planner.script_text` says what it is."""

from __future__ import annotations

import re

_OPENING = re.compile(r"```[^\n`]*\Z")  # at the end of a line: the script begins with the next one
_FENCE = "```"


class Streamed:
    """Takes a reply in pieces and gives its script: what stands in its first code fence, else the whole.

    `begun` counts beginnings: where a fence opens after other text, that text was no script, and the script begins anew.
    """

    def __init__(self) -> None:
        self.begun = 1
        self._held = ""  # what came and is not decided
        self._given = False  # some of the text since the beginning
        self._fenced = self._over = False

    def feed(self, piece: str) -> str:
        """What the piece adds to the script."""
        if self._over:
            return ""
        self._held += piece
        text = "" if self._fenced else self._unfenced()
        return self._inside() if self._fenced else text

    def _unfenced(self) -> str:
        """Whole lines, until one opens a fence."""
        *lines, self._held = self._held.split("\n")
        for number, line in enumerate(lines):
            if _OPENING.search(line):
                self._held = "\n".join([*lines[number + 1 :], self._held])
                self._fenced = True
                self.begun += self._given
                return ""
        self._given = self._given or bool(lines)
        return "".join(f"{line}\n" for line in lines)

    def _inside(self) -> str:
        """All but what may be the beginning of the closing fence."""
        text, found, _ = self._held.partition(_FENCE)
        if found:
            self._over = True
            return text if text.endswith("\n") or not text else f"{text}\n"
        kept = len(text) - len(text.rstrip("`"))
        self._held = text[len(text) - kept :]
        return text[: len(text) - kept]
