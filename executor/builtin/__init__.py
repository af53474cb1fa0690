"""The tools that come with Planrail: tables, files, the web, text."""

from __future__ import annotations

from executor.builtin.data import data_tools
from executor.builtin.files import files_tools
from executor.builtin.http import http_tools
from executor.builtin.http_settings import HttpSettings
from executor.builtin.text import text_tools
from executor.toolset import Toolset

__all__ = ["HttpSettings", "builtin_tools", "data_tools", "files_tools", "http_tools", "text_tools"]


def builtin_tools(http: HttpSettings | None = None) -> Toolset:
    """All built-in tools; without `http` settings the defaults, which reach the public internet only."""
    return data_tools() | files_tools() | http_tools(http or HttpSettings()) | text_tools()
