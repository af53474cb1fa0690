"""HTML as plain text: what a reader sees, where its links lead, its title. Linear in the input, whatever it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_SILENT = frozenset(("script", "style", "noscript", "template", "svg", "head"))
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul",
))  # fmt: skip


@dataclass
class Extracted:
    """`links` are pairs of text and target, as they stand there."""

    title: str = ""
    text: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)


def extracted(html: str) -> Extracted:
    """The text, links and title of a document or fragment; never raises for what the input is."""
    parser = _Parser()
    parser.feed(_closed(html))
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.pieces).split("\n"))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    return Extracted(" ".join("".join(parser.title).split()), text, parser.links)


def _closed(html: str) -> str:
    """The input without what html.parser takes quadratic time for: marked sections and an end that is never closed."""
    html = re.sub(r"<!(?!--|doctype)", "<!--x--><x", html, flags=re.IGNORECASE)
    unclosed = html.find("<!--", html.rfind("-->") + 1)
    html = html if unclosed < 0 else html[:unclosed]
    cut = html.find("<", html.rfind(">") + 1)
    return html if cut < 0 else html[:cut]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.title: list[str] = []
        self.links: list[tuple[str, str]] = []
        self._silent: list[str] = []
        self._in_title = False
        self._link: tuple[str, int] | None = None  # its target, and the piece where its text starts

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag == "body":
            self._silent.clear()  # a head that was not closed
        self._in_title = tag == "title" and "svg" not in self._silent
        if tag in _BLOCKS:
            self.pieces.append("\n")
        elif tag in ("td", "th"):
            self.pieces.append("\t")
        if tag == "a" and (target := dict(attrs).get("href")):
            self._end_link()
            self._link = target.strip(), len(self.pieces)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()
        self._in_title = False
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._silent:
            self.pieces.append(data)

    def close(self) -> None:
        super().close()
        self._end_link()

    def _end_link(self) -> None:
        if self._link is not None:
            target, start = self._link
            self.links.append((" ".join("".join(self.pieces[start:]).split()), target))
            self._link = None
