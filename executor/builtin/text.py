"""The namespace `text`: the few pure functions over text that expressions lack."""

from __future__ import annotations

import difflib
import re
from typing import Annotated

from pydantic import BaseModel, Field

from executor.builtin.handle import Text, failing, text_of
from executor.builtin.html_text import extracted
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset

MAX_HTML = 5_000_000  # characters
MAX_LINES = 5_000  # of each side of a diff
MAX_COMPARED = 5_000  # characters of each side of a comparison
MAX_CHUNKS = 2_000

Name = Annotated[str, Field(max_length=200)]
Compared = Annotated[str, Field(max_length=MAX_COMPARED)]


class Link(BaseModel):
    text: str
    url: str


class PlainText(BaseModel):
    title: str
    text: str
    links: list[Link]


class Match(BaseModel):
    """`score` is 1 for equal, 0 for nothing in common."""

    value: str
    index: int
    score: float


@tool(effect="read")
@failing
def extract_html(html: Text, context: ToolContext) -> PlainText | ToolFailed:
    """Turn HTML into plain text, with title and links."""
    found = extracted(text_of(html, context.artifacts, limit=MAX_HTML))
    return PlainText(title=found.title, text=found.text, links=[Link(text=t, url=u) for t, u in found.links])


@tool(effect="read")
@failing
def split_chunks(text: Text, max_characters: Annotated[int, Field(ge=100)], context: ToolContext) -> list[str] | ToolFailed:
    """Split text into chunks, at paragraphs, lines, sentences or words where it can."""
    whole = text_of(text, context.artifacts, limit=max_characters * MAX_CHUNKS // 2)
    return list(_chunks(whole, max_characters))


def _chunks(text: str, size: int) -> list[str]:
    """Chunks of at most `size` characters that joined are the text again."""
    chunks: list[str] = []
    start = 0
    while len(text) - start > size:
        end = _break(text, start, start + size)
        chunks.append(text[start:end])
        start = end
    return [*chunks, text[start:]] if start < len(text) else chunks


def _break(text: str, start: int, limit: int) -> int:
    """Where to cut: after the last good mark in the second half of the window, else at its end."""
    middle = (start + limit) // 2
    for mark in ("\n\n", "\n", ". ", " "):
        if (at := text.rfind(mark, middle, limit)) >= 0:
            return at + len(mark)
    return limit


@tool(effect="read")
@failing
def diff(a: Text, b: Text, context: ToolContext) -> str | ToolFailed:
    """A unified diff of two texts, empty when they are equal."""
    left, right = (text_of(t, context.artifacts, limit=1_000_000).splitlines() for t in (a, b))
    if max(len(left), len(right)) > MAX_LINES:
        return ToolFailed(f"A diff takes at most {MAX_LINES:,} lines of each text.", "invalid")
    return "\n".join(difflib.unified_diff(left, right, "a", "b", lineterm=""))


@tool(effect="read")
def similarity(a: Compared, b: Compared) -> float:
    """How alike two texts are, 0 to 1, whatever case and word order."""
    return _alike(_plain(a), _plain(b))


@tool(effect="read", not_found=True)
def closest(
    text: Name,
    candidates: Annotated[list[Name], Field(max_length=2_000)],
    at_least: Annotated[float, Field(ge=0, le=1)] = 0.6,
) -> Match | ToolFailed:
    """The candidate most alike to a name or short text."""
    wanted = _plain(text)
    scored = [(_alike(wanted, _plain(candidate)), -index) for index, candidate in enumerate(candidates)]
    score, index = max(scored, default=(-1.0, 0))
    if score < at_least:
        return ToolFailed(f"No candidate is as alike as {at_least:g}.", "not_found")
    return Match(value=candidates[-index], index=-index, score=score)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold())) or text.strip()


def _alike(a: str, b: str) -> float:
    """The better of two ratios: as written, and with the words sorted."""
    by_words = (" ".join(sorted(side.split())) for side in (a, b))
    return round(max(_ratio(a, b), _ratio(*by_words)), 4)


def _ratio(a: str, b: str) -> float:
    first, second = sorted((a, b))  # the ratio depends on the order, likeness must not
    return difflib.SequenceMatcher(None, first, second).ratio()


@tool(effect="read")
@failing
def parse_table(text: Text, context: ToolContext) -> list[dict[str, str]] | ToolFailed:
    """Read the first markdown table, or columns set apart by tabs or two spaces."""
    lines = [line.rstrip() for line in text_of(text, context.artifacts, limit=1_000_000).splitlines()]
    markdown = [line for line in lines if "|" in line]
    records = [_markdown_cells(line) for line in markdown] if _has_rule(markdown) else [_spaced_cells(x) for x in lines if x]
    header, *rows = [r for r in records if not all(_RULE.fullmatch(cell) for cell in r)] or [[]]
    return [dict(zip(header, row + [""] * (len(header) - len(row)), strict=False)) for row in rows]


_RULE = re.compile(r":?[-=]{2,}:?|:?-:?")


def _has_rule(lines: list[str]) -> bool:
    return any(all(_RULE.fullmatch(cell) for cell in _markdown_cells(line)) for line in lines[1:2])


def _markdown_cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _spaced_cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"\t|\s{2,}", line.strip())]


def text_tools() -> Toolset:
    """The tools of the namespace `text`."""
    return Toolset.declared("text", [extract_html, split_chunks, diff, similarity, closest, parse_table])
