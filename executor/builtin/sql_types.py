"""The types of a statement's parameters, written as in plans, as types of a tool's arguments."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from executor.errors import ToolDeclarationError

MAX_TEXT = 10_000
_TYPES: dict[str, Any] = {
    "str": Annotated[str, Field(max_length=MAX_TEXT)],
    "int": Annotated[int, Field(ge=-(2**63), le=2**63 - 1)],
    "float": float,
    "bool": bool,
    "date": date,
    "datetime": datetime,
}
_WORD = re.compile(r'"([^"\\]{0,100})"')
_HINT = 'Write str, int, float, bool, date, datetime, or words like `"open" | "closed"`; with `| None` it may be left out.'


def argument_type(written: str, where: str) -> Any:
    """The type that is written; raises ToolDeclarationError, which says where."""
    parts = [part.strip() for part in written.split("|")]
    kinds = [part for part in parts if part != "None"]
    words = [found[1] for part in kinds if (found := _WORD.fullmatch(part))]
    if kinds and len(words) == len(kinds):
        kind: Any = Literal[tuple(words)]
    elif len(kinds) == 1 and kinds[0] in _TYPES:
        kind = _TYPES[kinds[0]]
    else:
        raise ToolDeclarationError(f"{where} has the unknown type {written!r}.", hint=_HINT)
    return kind | None if len(kinds) < len(parts) else kind
