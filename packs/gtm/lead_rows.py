"""LeadRows: leads, their notes and their scores in the pack's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select

from executor.pack_store import PackStore, insert_or
from executor.tool import ToolContext, ToolFailed
from packs.gtm import tables
from packs.gtm.lead import NOTES_SHOWN, Lead, LeadFile, Leads, Note, SavedScore


class LeadRows:
    """What the tools of the namespace `crm` read and write; the context's key makes a repeated effect the same one."""

    def __init__(self, store: PackStore) -> None:
        self._store = store

    def find(self, vertical: str, city: str, min_rating: float, limit: int) -> Leads:
        """Leads of a vertical in a city, best rated first."""
        lead = tables.lead.c
        wanted = (
            select(tables.lead)
            .where(lead.vertical == vertical, func.lower(lead.city) == city.strip().lower(), lead.rating >= min_rating)
            .order_by(lead.rating.desc(), lead.reviews.desc(), lead.id)
        )
        return self._leads(wanted.limit(limit))

    def newest(self, status: str | None, limit: int) -> Leads:
        """All leads, or those of a status, newest first."""
        wanted = select(tables.lead).order_by(tables.lead.c.id.desc())
        if status is not None:
            wanted = wanted.where(tables.lead.c.status == status)
        return self._leads(wanted.limit(limit))

    def one(self, id: int) -> Lead | ToolFailed:
        """The lead of this number."""
        with self._store.reading() as connection:
            return find_lead(connection, id)

    def file(self, id: int) -> LeadFile | ToolFailed:
        """The lead with its saved score and its notes."""
        with self._store.reading() as connection:
            lead = find_lead(connection, id)
            if isinstance(lead, ToolFailed):
                return lead
            notes = select(tables.note.c.text).where(tables.note.c.lead_id == id).order_by(tables.note.c.id.desc())
            return LeadFile(
                **lead.model_dump(),
                score=_saved_score(connection, id),
                notes=list(connection.scalars(notes.limit(NOTES_SHOWN))),
            )

    def save_score(self, context: ToolContext, id: int, score: int) -> SavedScore | ToolFailed:
        """Save a lead's score; tells the one it replaces."""

        def work(connection: Connection) -> SavedScore | ToolFailed:
            lead = find_lead(connection, id, for_update=True)
            if isinstance(lead, ToolFailed):
                return lead
            previous = _saved_score(connection, id)
            values = {"score": score, "saved": self._store.stamp()}
            row = insert_or(connection, tables.score).values(lead_id=id, **values)
            connection.execute(row.on_conflict_do_update(index_elements=["lead_id"], set_=values))
            return SavedScore(id=id, score=score, previous=previous)

        return self._store.once(context, "crm.save_score", SavedScore, work)

    def upsert(
        self, context: ToolContext, name: str, vertical: str, city: str, email: str, given: dict[str, Any]
    ) -> Lead | ToolFailed:
        """Add a lead, or change the one of this name and city in what is given."""

        def work(connection: Connection) -> Lead:
            now = self._store.stamp()
            changed = {"vertical": vertical, "email": email, "updated": now, **given}
            row = insert_or(connection, tables.lead).values(name=name, city=city.strip(), created=now, **changed)
            return _lead(
                connection.execute(
                    row.on_conflict_do_update(index_elements=["name", "city"], set_=changed).returning(tables.lead)
                ).one()
            )

        return self._store.once(context, "crm.upsert_lead", Lead, work)

    def add_note(self, context: ToolContext, lead_id: int, text: str) -> Note | ToolFailed:
        """Add a note to a lead."""

        def work(connection: Connection) -> Note | ToolFailed:
            lead = find_lead(connection, lead_id)
            if isinstance(lead, ToolFailed):
                return lead
            row = insert(tables.note).values(lead_id=lead_id, text=text, created=self._store.stamp())
            return Note(id=connection.execute(row.returning(tables.note.c.id)).scalar_one(), lead_id=lead_id)

        return self._store.once(context, "crm.add_note", Note, work)

    def _leads(self, wanted: Select[Any]) -> Leads:
        with self._store.reading() as connection:
            return Leads(items=[_lead(row) for row in connection.execute(wanted)])


def find_lead(connection: Connection, id: int, *, for_update: bool = False) -> Lead | ToolFailed:
    """The lead of this number, or the failure that says there is none. `for_update` holds the row until the commit."""
    wanted = select(tables.lead).where(tables.lead.c.id == id)
    row = connection.execute(wanted.with_for_update() if for_update else wanted).first()
    return ToolFailed(f"There is no lead {id}.", "not_found") if row is None else _lead(row)


def _lead(row: Row[Any]) -> Lead:
    return Lead.model_validate(row)


def _saved_score(connection: Connection, id: int) -> int | None:
    return connection.execute(select(tables.score.c.score).where(tables.score.c.lead_id == id)).scalar_one_or_none()
