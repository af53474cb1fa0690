"""SqlArtifacts: the artifact store in the journal's database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from sqlalchemy import Engine, select

from executor.artifacts import Artifact, content_hash
from executor.errors import UnknownArtifact
from executor.journal.dialect import explained
from executor.journal.dialects import dialect_of
from executor.journal.tables import artifact_table as artifact
from planner.errors import Fault, PlanrailError

MAX_BYTES = 64 * 1024 * 1024  # of one artifact: more is ArtifactTooLarge


class ArtifactTooLarge(PlanrailError):
    """The bytes are more than one artifact may hold."""

    fault: ClassVar[Fault] = "data"


class SqlArtifacts:
    """Artifacts as rows, by the hash of their content; safe to call from any thread, of any number of processes."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._dialect = dialect_of(engine.dialect.name)
        self._clock = clock

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        """Store the bytes; raises ArtifactTooLarge above 64 MiB, and JournalUnreachable."""
        if len(content) > MAX_BYTES:
            raise ArtifactTooLarge(
                f"An artifact may have {MAX_BYTES:,} bytes; this one has {len(content):,}.",
                hint="Split it, or filter it first.",
            )
        made = Artifact(hash=content_hash(content), media_type=media_type, size=len(content), rows=rows)
        row = made.model_dump() | {"at": self._clock(), "content": content}
        with explained(self._dialect, self._engine.url):
            if not self._has(made.hash):
                with self._engine.begin() as connection:
                    connection.execute(self._dialect.insert_once(artifact, "hash").values(row))
        return made

    def get(self, content_hash: str) -> bytes:
        """The bytes; raises UnknownArtifact and JournalUnreachable."""
        wanted = select(artifact.c.content).where(artifact.c.hash == content_hash)
        with explained(self._dialect, self._engine.url), self._engine.connect() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
        if found is None:
            raise UnknownArtifact(f"No artifact has the hash {content_hash[:12]}….")
        return bytes(found)

    def _has(self, name: str) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(select(artifact.c.hash).where(artifact.c.hash == name)).first() is not None
