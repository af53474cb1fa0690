"""MCP option: `--mcp-config FILE`, which stands for a further file of PLANRAIL_MCP_CONFIG in this process."""

from __future__ import annotations

import os
from typing import Annotated

import typer

VARIABLE = "PLANRAIL_MCP_CONFIG"


def _named(files: list[str] | None) -> list[str] | None:
    """Name the files where the settings look for them, after those that are named already: a later one wins."""
    if files:
        os.environ[VARIABLE] = ":".join(filter(None, (os.environ.get(VARIABLE), *files)))
    return files


McpConfig = Annotated[
    list[str] | None,
    typer.Option("--mcp-config", metavar="FILE", help="Use the MCP servers of this file, too.", callback=_named),
]
