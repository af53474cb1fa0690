"""The tools that come with Planrail: tables, files, the web, text, databases."""

from __future__ import annotations

from collections.abc import Mapping

from executor.builtin.data import data_tools
from executor.builtin.files import files_tools
from executor.builtin.http import http_tools
from executor.builtin.http_settings import HttpSettings
from executor.builtin.sql import sql_tools
from executor.builtin.sql_settings import SqlSettings
from executor.builtin.text import text_tools
from executor.toolset import Toolset

__all__ = [
    "HttpSettings", "SqlSettings", "builtin_tools", "data_tools", "files_tools", "http_tools", "sql_tools", "text_tools",
]  # fmt: skip


def builtin_tools(http: HttpSettings | None = None, sql: Mapping[str, SqlSettings] | None = None) -> Toolset:
    """All built-in tools: without `http` settings those of the public internet, with `sql` those of databases by name."""
    return data_tools() | files_tools() | http_tools(http or HttpSettings()) | text_tools() | sql_tools(sql or {})
