"""Handle: how the built-in tools take and give bytes that are too many to travel as values."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from executor.artifacts import Artifact, Artifacts
from executor.errors import ArtifactLost, UnknownArtifact
from executor.tool import FailureKind, ToolFailed

MAX_INLINE_BYTES = 64 * 1024  # longer text is given as a handle
MAX_BYTES = 256 * 1024 * 1024  # more is a failure
P = ParamSpec("P")
R = TypeVar("R")


class Handle(BaseModel):
    """Stored bytes."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    artifact: str = Field(alias="$artifact")  # executor.artifacts.HANDLE, which mypy wants as a literal
    media_type: str = ""
    size: int = 0
    rows: int | None = None

    @classmethod
    def of(cls, artifact: Artifact) -> Handle:
        return cls.model_validate(artifact.handle())


Text = str | Handle


class Unfit(Exception):
    """An input that a built-in tool cannot work with; `failing` makes a result of it."""

    def __init__(self, message: str, kind: FailureKind = "invalid") -> None:
        super().__init__(message)
        self.message = message
        self.kind: FailureKind = kind


def failing(function: Callable[P, R | ToolFailed]) -> Callable[P, R | ToolFailed]:
    """The function, with every Unfit given back as the failed result that it is."""

    @functools.wraps(function)
    def failing_function(*args: P.args, **kwargs: P.kwargs) -> R | ToolFailed:
        try:
            return function(*args, **kwargs)
        except Unfit as unfit:
            return ToolFailed(unfit.message, unfit.kind)

    return failing_function


def bytes_of(handle: Handle, artifacts: Artifacts) -> bytes:
    """The stored bytes; raises Unfit when there are none, or too many."""
    try:
        content = artifacts.get(handle.artifact)
    except ArtifactLost as error:
        raise Unfit(f"{error.message} {error.hint}", "failed") from error
    except UnknownArtifact as error:
        raise Unfit(error.message, "not_found") from error
    if len(content) > MAX_BYTES:
        raise Unfit(f"{len(content):,} bytes are too many; the limit is {MAX_BYTES:,}.")
    return content


def content_of(text: Text, artifacts: Artifacts) -> bytes:
    """The bytes of a text (in UTF-8) or of what a handle stands for; raises Unfit."""
    if isinstance(text, Handle):
        return bytes_of(text, artifacts)
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Unfit("The text is no Unicode: it holds a lone surrogate.") from error


def text_of(text: Text, artifacts: Artifacts, *, limit: int = MAX_BYTES) -> str:
    """The text itself, also of a handle; raises Unfit when it is not UTF-8 or has more than `limit` characters."""
    try:
        plain = text if isinstance(text, str) else bytes_of(text, artifacts).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unfit("The handle's bytes are not UTF-8 text.") from error
    if len(plain) > limit:
        raise Unfit(f"{len(plain):,} characters are too many; the limit is {limit:,}.")
    return plain


def kept_text(content: bytes, artifacts: Artifacts, *, media_type: str) -> Text:
    """The text when it is short and UTF-8, else a handle of its bytes."""
    if len(content) <= MAX_INLINE_BYTES:
        try:
            return content.decode()
        except UnicodeDecodeError:
            pass  # binary: a handle
    return Handle.of(artifacts.put(content, media_type=media_type))
