"""SqlArtifacts: the artifact store in the journal's database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, select, update

from executor.artifacts import Artifact, artifact_of, unknown, verified
from executor.journal.dialect import explained
from executor.journal.dialects import dialect_of
from executor.journal.tables import artifact_table as artifact

_PAGE = 500


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
            while not (self._touch(made.hash) or self._insert(row)):
                pass  # it came, or went, in between
        return made

    def get(self, content_hash: str) -> bytes:
        """The bytes; raises UnknownArtifact, ArtifactLost and JournalUnreachable."""
        wanted = select(artifact.c.content).where(artifact.c.hash == content_hash)
        with explained(self._dialect, self._engine.url), self._engine.connect() as connection:
            found = connection.execute(wanted).scalar_one_or_none()
        if found is None:
            raise unknown(content_hash)
        return verified(bytes(found), content_hash)

    def names(self) -> Iterator[str]:
        """The hashes of all that there are, page by page."""
        last = ""
        while True:
            wanted = select(artifact.c.hash).where(artifact.c.hash > last).order_by(artifact.c.hash).limit(_PAGE)
            with explained(self._dialect, self._engine.url), self._engine.connect() as connection:
                page = connection.execute(wanted).scalars().all()
            if not page:
                return
            yield from page
            last = page[-1]

    def put_at(self, content_hash: str) -> datetime | None:
        wanted = select(artifact.c.at).where(artifact.c.hash == content_hash)
        with explained(self._dialect, self._engine.url), self._engine.connect() as connection:
            found: datetime | None = connection.execute(wanted).scalar_one_or_none()
            return found

    def forget(self, content_hash: str, put_at: datetime) -> bool:
        gone = delete(artifact).where(artifact.c.hash == content_hash, artifact.c.at <= put_at)
        with explained(self._dialect, self._engine.url), self._engine.begin() as connection:
            connection.execute(gone)
        return self.put_at(content_hash) is None

    def _touch(self, name: str) -> bool:
        """Note that it is put in again, so that nobody removes it now; whether it is there."""
        with self._engine.begin() as connection:
            found = connection.execute(select(artifact.c.hash).where(artifact.c.hash == name)).first()
            if found is None:
                return False
        with self._engine.begin() as connection:
            return connection.execute(update(artifact).where(artifact.c.hash == name).values(at=self._clock())).rowcount > 0

    def _insert(self, row: Mapping[str, object]) -> bool:
        new = self._dialect.insert_once(artifact, "hash").values(row).returning(artifact.c.hash)
        with self._engine.begin() as connection:
            return connection.execute(new).first() is not None
