"""The namespace `files`: the run's own folder (`ToolContext.workspace`), which nothing leaves. What it holds is untrusted."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from executor.builtin import workspace
from executor.builtin.handle import Text, Unfit, content_of, failing, kept_text
from executor.errors import ToolDeclarationError
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset

MAX_LISTED = 1_000


class FileEntry(BaseModel):
    path: str
    size: int
    modified: float


class Listing(BaseModel):
    """`more`: there are files beyond the limit."""

    files: list[FileEntry]
    more: bool


class FileContent(BaseModel):
    """`content` is a handle when long or no text."""

    content: Text
    size: int


class Written(BaseModel):
    path: str
    size: int


@tool(effect="read", sensitive=(), labels={"files[].path": "untrusted"}, bounds={"files": "limit"}, name="list")
@failing
def list_files(
    context: ToolContext,
    folder: str = "",
    pattern: Annotated[str, Field(description="of the path, like *.csv")] = "*",
    limit: Annotated[int, Field(ge=1, le=MAX_LISTED)] = 100,
) -> Listing | ToolFailed:
    """List the files in the workspace or below a folder of it."""
    matching = (e for e in workspace.entries(_root(context), folder) if fnmatchcase(e.path, pattern))
    found = list(islice(matching, limit + 1))
    shown = [FileEntry(path=e.path, size=e.size, modified=e.modified) for e in found[:limit]]
    return Listing(files=shown, more=len(found) > limit)


@tool(effect="read", sensitive=(), labels={"content": "untrusted"}, not_found=True)
@failing
def read(path: str, context: ToolContext) -> FileContent | ToolFailed:
    """Read a file of the workspace: its text, or a handle when long or binary."""
    content = workspace.read(_root(context), path)
    return FileContent(content=kept_text(content, context.artifacts, media_type="application/octet-stream"), size=len(content))


@tool(effect="write", idempotent=True, sensitive=("path",))
@failing
def write(path: str, content: Text, context: ToolContext) -> Written | ToolFailed:
    """Write a file of the workspace, replacing it whole."""
    written = content_of(content, context.artifacts)
    workspace.write(_root(context), path, written)
    return Written(path=path, size=len(written))


@tool(effect="irreversible", sensitive=("path",), not_found=True)
@failing
def delete(path: str, context: ToolContext) -> ToolFailed | None:
    """Delete a file of the workspace for good."""
    workspace.delete(_root(context), path)
    return None


def _root(context: ToolContext) -> Path:
    if context.workspace is None:
        raise Unfit("This run has no workspace.", "refused")
    return context.workspace


def files_tools() -> Toolset:
    """The tools of the namespace `files`; raises ToolDeclarationError where the system cannot confine them."""
    if os.open not in os.supports_dir_fd:
        raise ToolDeclarationError("This system cannot confine file tools to a folder.", hint="Leave `files` out.")
    return Toolset.declared("files", [list_files, read, write, delete])
