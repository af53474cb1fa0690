"""What the tools of a database give."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field


class QueryRows(BaseModel):
    """`more`: there are rows beyond the limit, or beyond the bytes that a query may give."""

    rows: list[dict[str, Any]]
    more: bool


class SqlTable(BaseModel):
    """`key`: the columns of its primary key."""

    name: str
    columns: dict[str, str]
    key: list[str]


class SqlSchema(BaseModel):
    tables: list[SqlTable]
    more: bool


class Changed(BaseModel):
    """How many rows a statement has changed; `rows` are those that it returns, at most 100."""

    changed: int
    rows: Annotated[list[dict[str, Any]], Field(max_length=100)]
