"""Artifacts: bytes kept by the hash of their content, so that events and expressions carry a reference, not bulk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from executor.errors import ArtifactLost, ArtifactTooLarge, UnknownArtifact

HANDLE = "$artifact"  # the key by which a JSON object is known as a handle
MAX_BYTES = 64 * 1024 * 1024  # of one artifact: more is ArtifactTooLarge
RESTORE = "Restore it from a backup of the store, or remove what is left of it and run again what made it."


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

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        """Store the bytes, durably; raises ArtifactTooLarge above 64 MiB, and where the store cannot be reached."""
        ...

    def get(self, content_hash: str) -> bytes:
        """The bytes; raises UnknownArtifact, ArtifactLost where they are not what was stored, and as `put` does."""
        ...


def content_hash(content: bytes) -> str:
    """The name of the bytes: their SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def artifact_of(content: bytes, *, media_type: str, rows: int | None) -> Artifact:
    """The reference to these bytes; raises ArtifactTooLarge."""
    if len(content) > MAX_BYTES:
        message = f"An artifact may have {MAX_BYTES:,} bytes; this one has {len(content):,}."
        raise ArtifactTooLarge(message, hint="Split it, or filter it first.")
    return Artifact(hash=content_hash(content), media_type=media_type, size=len(content), rows=rows)


def unknown(content_hash: str) -> UnknownArtifact:
    """The error of a store that has no such bytes."""
    return UnknownArtifact(f"No artifact has the hash {content_hash[:12]}….")


def verified(content: bytes, name: str) -> bytes:
    """The bytes, which have that hash; raises ArtifactLost where they have not."""
    if content_hash(content) != name:
        raise ArtifactLost(f"The artifact {name[:12]}… is damaged: its bytes are not what was stored.", hint=RESTORE)
    return content


class ArtifactStore(Artifacts, Protocol):
    """A store from which artifacts leave when no run has them any more."""

    def names(self) -> Iterator[str]:
        """The hashes of all that there are."""
        ...

    def put_at(self, content_hash: str) -> datetime | None:
        """When it was put in last; None where it is not there."""
        ...

    def forget(self, content_hash: str, put_at: datetime) -> bool:
        """Remove it, unless it was put in again since then; whether it is gone."""
        ...


class MemoryArtifacts:
    """Artifacts of one process, gone with it: for tests, checks and tools run by hand."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytes] = {}

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        made = artifact_of(content, media_type=media_type, rows=rows)
        self._bytes[made.hash] = content
        return made

    def get(self, content_hash: str) -> bytes:
        try:
            return self._bytes[content_hash]
        except KeyError:
            raise unknown(content_hash) from None


class ReadThrough:
    """Two stores: everything new goes to the first; what it has not is looked for in the second, where older bytes lie."""

    def __init__(self, first: ArtifactStore, second: ArtifactStore) -> None:
        self._first = first
        self._second = second

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        return self._first.put(content, media_type=media_type, rows=rows)

    def get(self, content_hash: str) -> bytes:
        try:
            return self._first.get(content_hash)
        except UnknownArtifact as missing:
            try:
                return self._second.get(content_hash)
            except UnknownArtifact:
                raise missing from None

    def names(self) -> Iterator[str]:
        yield from self._first.names()
        yield from self._second.names()

    def put_at(self, content_hash: str) -> datetime | None:
        found = [at for store in (self._first, self._second) if (at := store.put_at(content_hash)) is not None]
        return max(found, default=None)

    def forget(self, content_hash: str, put_at: datetime) -> bool:
        gone = [store.forget(content_hash, put_at) for store in (self._first, self._second)]  # both
        return all(gone)
