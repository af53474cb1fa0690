"""Stores: where a house keeps its artifacts: in its database, or below the URL that the settings name."""

from __future__ import annotations

from sqlalchemy import Engine

from executor.artifacts import ArtifactStore, ReadThrough
from executor.journal.artifacts import SqlArtifacts
from executor.objects import ObjectArtifacts
from planrail.settings import Settings


def artifacts_of(settings: Settings, database: Engine) -> ArtifactStore:
    """The artifact store; older artifacts of a database are still read there. Raises ArtifactsUnreachable."""
    in_database = SqlArtifacts(database)
    if not settings.artifacts_url:
        return in_database
    objects = ObjectArtifacts(settings.artifacts_url, away_s=settings.database_away_s)
    return ReadThrough(objects, in_database)
