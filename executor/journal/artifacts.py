"""SqlArtifacts: the artifact store in the journal's database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Engine, select

from executor.artifacts import Artifact, artifact_of, unknown, verified
from executor.journal.dialect import explained
from executor.journal.dialects import dialect_of
from executor.journal.tables import artifact_table as artifact


class SqlArtifacts:
    """Artifacts as rows, by the hash of their content; safe to call from any thread, of any number of processes."""

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._engine = engine
        self._dialect = dialect_of(engine.dialect.name)
        self._clock = clock

    def put(self, content: bytes, *, media_type: str, rows: int | None = None) -> Artifact:
        """Store the bytes; raises ArtifactTooLarge above 64 MiB, and JournalUnreachable."""
        made = artifact_of(content, media_type=media_type, rows=rows)
        row = made.model_dump() | {"at": self._clock(), "content": content}
        with explained(self._dialect, self._engine.url):
            if not self._has(made.hash):
                with self._engine.begin() as connection:
                    connection.execute(self._dialect.insert_once(artifact, "hash").values(row))
        return made

    def get(self, content_hash: str) -> bytes:
        """The bytes; raises UnknownArtifact, ArtifactLost and JournalUnreachable."""
        wanted = select(artifact.c.content).where(artifact.c.hash == content_hash)
        with explained(self._dialect, self._engine.url), self._engine.connect() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
        if found is None:
            raise unknown(content_hash)
        return verified(bytes(found), content_hash)

    def _has(self, name: str) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(select(artifact.c.hash).where(artifact.c.hash == name)).first() is not None
