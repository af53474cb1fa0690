"""Artifacts: bytes kept by the hash of their content, so that events and expressions carry a reference, not bulk."""

from __future__ import annotations

import hashlib
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from executor.errors import UnknownArtifact

HANDLE = "$artifact"  # the key by which a JSON object is known as a handle


class Artifact(BaseModel):
    """A reference to stored bytes. `hash` is the SHA-256 of the content in hex; `rows` is set for tables."""

    model_config = ConfigDict(frozen=True)

    hash: str
    media_type: str
    size: int  # bytes
    rows: int | None = None

    def handle(self) -> dict[str, str | int]:
        """The JSON object that stands for the bytes in a plan's expressions: a map does not see through it, tools do."""
        named: dict[str, str | int] = {HANDLE: self.hash, "media_type": self.media_type, "size": self.size}
        return named if self.rows is None else named | {"rows": self.rows}


class Artifacts(Protocol):
    """A store of bytes by content hash. Safe to call from any thread; putting the same bytes twice is one artifact."""

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact: ...

    def get(self, content_hash: str) -> bytes:
        """The bytes; raises UnknownArtifact."""
        ...


def content_hash(content: bytes) -> str:
    """The name of the bytes: their SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


class MemoryArtifacts:
    """Artifacts of one process, gone with it: for tests, checks and tools run by hand."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytes] = {}

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        name = content_hash(content)
        self._bytes[name] = content
        return Artifact(hash=name, media_type=media_type, size=len(content), rows=rows)

    def get(self, content_hash: str) -> bytes:
        try:
            return self._bytes[content_hash]
        except KeyError:
            raise UnknownArtifact(f"No artifact has the hash {content_hash[:12]}….") from None
