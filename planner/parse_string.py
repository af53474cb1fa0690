"""Parse strings: quotes, prefixes, escapes and the replacement fields of f-strings."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Sequence
from typing import Literal, TypedDict

from tree_sitter import Node as Tree

from planner.syntax import Expr, Field, FString, Literal_, Position


class Where(TypedDict):
    """Where a node stood, as its constructor takes it."""

    at: Position
    text: str


Source = Callable[[Tree], str]
Read = Callable[[Tree], Expr]


def string_node(pieces: Sequence[Tree], source: Source, read: Read, where: Where) -> Expr:
    """One string from pieces that stand side by side; raises ValueError with a message for what cannot be read."""
    parts: list[str | Field] = []
    formatted = False
    for piece in pieces:
        prefix = source(piece.children[0]).rstrip("\"'").lower()
        if "b" in prefix:
            raise ValueError("There are no bytes in the language: write a string.")
        formatted = formatted or "f" in prefix
        parts.extend(_parts(piece, source, read, raw="r" in prefix, formatted="f" in prefix))
    joined = tuple(_joined(parts))
    if not formatted:
        return Literal_("".join(p for p in joined if isinstance(p, str)), **where)
    return FString(joined, **where)


def _joined(parts: Sequence[str | Field]) -> list[str | Field]:
    """Neighbouring texts as one, empty ones left out."""
    out: list[str | Field] = []
    for part in parts:
        if isinstance(part, str) and out and isinstance(out[-1], str):
            out[-1] += part
        elif part != "":
            out.append(part)
    return out


def _parts(piece: Tree, source: Source, read: Read, *, raw: bool, formatted: bool) -> list[str | Field]:
    parts: list[str | Field] = []
    begin = source(piece.children[0])
    quote = begin[len(begin.rstrip("\"'")) :]
    for child in piece.children:
        if child.type == "string_content":
            parts.append(_content(source(child), raw=raw, formatted=formatted))
        elif child.type == "interpolation":
            parts.extend(_field(child, source, read, raw=raw))
        elif child.type == "string_end" and len(source(child)) > len(quote):  # the grammar reads r"\"" so
            parts.append(_content(source(child).removesuffix(quote), raw=raw, formatted=formatted))
    return parts


def _content(text: str, *, raw: bool, formatted: bool) -> str:
    """The characters that a stretch of a string's source stands for."""
    if formatted:
        text = text.replace("{{", "{").replace("}}", "}")
    if raw or "\\" not in text:
        return text
    quoted = "".join(_quotable(text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(f'"{quoted}"')
    except (SyntaxError, ValueError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(f"A backslash sequence cannot be read: {reason}.") from None
    assert isinstance(value, str)
    if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError("A string holds whole characters: write \\U0001f600, not two halves.")
    return value


def _quotable(text: str) -> list[str]:
    """The same source, fit to stand between double quotes on one line, unknown escapes kept as they are."""
    out: list[str] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text):
            known = text[i + 1] in "\n\\'\"abfnrtv01234567xNuU"
            out.append(c + text[i + 1] if known else "\\\\" + text[i + 1])
            i += 2
            continue
        out.append({'"': '\\"', "\n": "\\n", "\r": "\\r"}.get(c, c))
        i += 1
    return out


def _field(tree: Tree, source: Source, read: Read, *, raw: bool) -> list[str | Field]:
    expressions = [c for c in tree.named_children if c.type not in ("comment", "type_conversion", "format_specifier")]
    if len(expressions) != 1:
        raise ValueError("A replacement field {…} holds one expression.")
    conversion: Literal["", "r", "s", "a"] = ""
    spec: list[str | Field] = []
    for child in tree.children:
        if child.type == "type_conversion":
            conversion = _conversion(source(child)[1:])
        elif child.type == "format_specifier":
            spec = _spec(child, source, read, raw=raw)
    value = read(expressions[0])
    field = Field(value, conversion, tuple(_joined(spec)), at=value.at, text=source(tree)[:200])
    equals = next((c for c in tree.children if c.type == "="), None)
    if equals is not None:  # f"{x=}" prints the source too
        encoded = source(tree).encode("utf-8", "surrogatepass")
        shown = encoded[1 : equals.end_byte - tree.start_byte].decode("utf-8", "surrogatepass")
        return [shown, Field(value, conversion or ("" if spec else "r"), field.spec, at=value.at, text=field.text)]
    return [field]


def _conversion(letter: str) -> Literal["r", "s", "a"]:
    if letter == "r":
        return "r"
    if letter == "s":
        return "s"
    if letter == "a":
        return "a"
    raise ValueError(f"There is no conversion !{letter}: write !r, !s or !a.")


def _spec(tree: Tree, source: Source, read: Read, *, raw: bool) -> list[str | Field]:
    """A format specification: its text with the nested fields in their places."""
    parts: list[str | Field] = []
    text = source(tree)
    start = tree.start_byte + 1  # behind the colon
    encoded = text.encode("utf-8", "surrogatepass")

    def between(begin: int, end: int) -> str:
        text = encoded[begin - tree.start_byte : end - tree.start_byte].decode("utf-8", "surrogatepass")
        return _content(text, raw=raw, formatted=False)

    for child in tree.named_children:
        if child.type not in ("format_expression", "interpolation"):
            continue
        parts.append(between(start, child.start_byte))
        parts.extend(_field(child, source, read, raw=raw))
        start = child.end_byte
    parts.append(between(start, tree.end_byte))
    return parts
