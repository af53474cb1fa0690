"""RunArtifacts: what one run may read of the artifact store. A hash is an address; knowing it opens nothing.

A run has the artifacts that its own tools have stored in its calls, and its own values that were too large for an event. Its
events say which (`CallFinished.artifacts`, `CallFinished.artifact`), so every worker knows, also after a restart.
"""

from __future__ import annotations

import asyncio

from executor.artifacts import RESTORE, Artifact, Artifacts
from executor.errors import ArtifactLost, UnknownArtifact
from executor.run import Run


class RunArtifacts:
    """The artifact store as a run's tools, and those who ask for a run's artifacts, see it."""

    def __init__(self, run: Run, store: Artifacts) -> None:
        self._run = run
        self._store = store
        self._put: set[str] = set()  # by calls of this process, which may not have ended

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        made = self._store.put(content, media_type=media_type, rows=rows)
        self._put.add(made.hash)
        return made

    def get(self, content_hash: str) -> bytes:
        """The bytes; raises UnknownArtifact for what is not the run's, ArtifactLost for what is and is gone."""
        if content_hash not in self._run.artifacts and content_hash not in self._put:
            raise UnknownArtifact(f"The run {self._run.id} has no artifact {content_hash[:12]}….")
        return recalled(self._store, content_hash, of=f"run {self._run.id}")


class CallArtifacts:
    """The same, for one call: remembers what the call has stored."""

    def __init__(self, store: Artifacts) -> None:
        self._store = store
        self._put: dict[str, None] = {}

    @property
    def hashes(self) -> tuple[str, ...]:
        """What was stored, in order."""
        return tuple(self._put)

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        made = self._store.put(content, media_type=media_type, rows=rows)
        self._put[made.hash] = None
        return made

    def get(self, content_hash: str) -> bytes:
        return self._store.get(content_hash)


def recalled(store: Artifacts, content_hash: str, *, of: str) -> bytes:
    """Bytes that were stored once; raises ArtifactLost, which says whose they were, where the store has them no more."""
    try:
        return store.get(content_hash)
    except ArtifactLost as damaged:
        raise ArtifactLost(f"Data of the {of} is lost: {damaged.message}", hint=damaged.hint) from damaged
    except UnknownArtifact as missing:
        told = f"Data of the {of} is lost: the artifact {content_hash[:12]}… is not in the store any more."
        raise ArtifactLost(
            told, hint=f"Check that PLANRAIL_ARTIFACTS_URL names the store it was written to. {RESTORE}"
        ) from missing


async def fetched(run: Run, store: Artifacts) -> dict[str, bytes]:
    """The run's large values, read off the event loop, which a store that is away would hold up. What is lost is left out."""

    def read(content_hash: str) -> bytes | None:
        try:
            return store.get(content_hash)
        except UnknownArtifact:
            return None

    ends = (call.finished for call in run.calls.values())
    wanted = dict.fromkeys(e.artifact.hash for e in ends if e is not None and e.artifact is not None)
    found = await asyncio.gather(*(asyncio.to_thread(read, name) for name in wanted))
    return {name: content for name, content in zip(wanted, found, strict=True) if content is not None}
