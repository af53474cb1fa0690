"""Crm: leads, what is known of them and how well they fit, as tools of the namespace `crm`.

Labels: names and addresses are our own records and trusted, which is why writing them is a sensitive argument: an untrusted
text is asked for before the records vouch for it. Notes and websites say what anybody wrote.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, Row, Select, func, insert, select

from executor.tool import ToolContext, ToolFailed, tool
from packs.gtm import tables
from packs.gtm.arguments import (
    Address,
    City,
    Count,
    Email,
    Id,
    LeadStatus,
    Limit,
    Name,
    NoteText,
    Phone,
    Rating,
    Score,
    Vertical,
    Website,
)
from packs.gtm.businesses import look_up
from packs.gtm.score import fit
from packs.gtm.store import StoreTools, insert_or, took_effect

NOTES_SHOWN = 50  # a lead shows its newest notes, at most so many


class Lead(BaseModel):
    """A business. Text that is not known is "", a number that is not known 0."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int
    name: str
    vertical: Vertical
    city: str
    address: str
    email: str
    phone: str
    website: str
    rating: float
    reviews: int
    employees: int
    status: LeadStatus


class LeadFile(Lead):
    """A lead with its saved score, if there is one, and its newest notes first."""

    score: int | None
    notes: Annotated[list[str], Field(max_length=NOTES_SHOWN)]


class Leads(BaseModel):
    items: Annotated[list[Lead], Field(max_length=100)]


class Firmographics(BaseModel):
    """What the directory knows of a lead; all but `id` and `employees` is empty for a business it does not list."""

    id: int
    employees: int
    services: Annotated[list[str], Field(max_length=20)]
    hours: str
    contact: str
    summary: str


class LeadScore(BaseModel):
    id: int
    name: str
    email: str
    score: Score
    reasons: Annotated[list[str], Field(max_length=3)]


class SavedScore(BaseModel):
    id: int
    score: int
    previous: int | None


class Note(BaseModel):
    id: int
    lead_id: int


class Crm(StoreTools):
    """The tools of the namespace `crm`."""

    @tool(effect="read", labels={"": "trusted"}, bounds={"items": "limit"})
    def find_leads(self, vertical: Vertical, city: City, min_rating: Rating = 0, limit: Limit = 20) -> Leads:
        """Leads of a vertical in a city, best rated first."""
        lead = tables.lead.c
        wanted = (
            select(tables.lead)
            .where(lead.vertical == vertical, func.lower(lead.city) == city.strip().lower(), lead.rating >= min_rating)
            .order_by(lead.rating.desc(), lead.reviews.desc(), lead.id)
        )
        return self._leads(wanted.limit(limit))

    @tool(effect="read", labels={"": "trusted"}, bounds={"items": "limit"})
    def list_leads(self, status: LeadStatus | None = None, limit: Limit = 20) -> Leads:
        """All leads, or those of a status, newest first."""
        wanted = select(tables.lead).order_by(tables.lead.c.id.desc())
        if status is not None:
            wanted = wanted.where(tables.lead.c.status == status)
        return self._leads(wanted.limit(limit))

    @tool(effect="read", labels={"": "trusted", "notes": "untrusted"}, not_found=True)
    def get_lead(self, id: Id) -> LeadFile | ToolFailed:
        """One lead with its saved score and its notes."""
        with self.store.reading() as connection:
            lead = find_lead(connection, id)
            if isinstance(lead, ToolFailed):
                return lead
            notes = select(tables.note.c.text).where(tables.note.c.lead_id == id).order_by(tables.note.c.id.desc())
            return LeadFile(
                **lead.model_dump(),
                score=_saved_score(connection, id),
                notes=list(connection.scalars(notes.limit(NOTES_SHOWN))),
            )

    @tool(effect="read", labels={"": "trusted", "summary": "untrusted"}, not_found=True)
    def enrich_lead(self, id: Id) -> Firmographics | ToolFailed:
        """A lead's services, opening hours, decision maker and a summary of its website; "" where unknown."""
        with self.store.reading() as connection:
            lead = find_lead(connection, id)
        if isinstance(lead, ToolFailed):
            return lead
        known = look_up(lead.name, lead.city)
        if known is None:
            return Firmographics(id=id, employees=lead.employees, services=[], hours="", contact="", summary="")
        return Firmographics(
            id=id,
            employees=lead.employees or known.employees,
            services=known.services,
            hours=known.hours,
            contact=known.contact,
            summary=known.summary,
        )

    @tool(effect="read", labels={"": "trusted"}, not_found=True)
    def score_lead(self, id: Id) -> LeadScore | ToolFailed:
        """How well a lead fits, 0 to 100, by its rating, reviews and size. Saves nothing."""
        with self.store.reading() as connection:
            lead = find_lead(connection, id)
        if isinstance(lead, ToolFailed):
            return lead
        score, reasons = fit(rating=lead.rating, reviews=lead.reviews, employees=lead.employees)
        return LeadScore(id=id, name=lead.name, email=lead.email, score=score, reasons=reasons)

    @tool(effect="write", idempotent=True, labels={"": "trusted"}, not_found=True, probe=took_effect)
    def save_score(self, id: Id, score: Score, context: ToolContext) -> SavedScore | ToolFailed:
        """Save a lead's score; tells the one it replaces."""

        def work(connection: Connection) -> SavedScore | ToolFailed:
            lead = find_lead(connection, id, for_update=True)
            if isinstance(lead, ToolFailed):
                return lead
            previous = _saved_score(connection, id)
            values = {"score": score, "saved": self.store.stamp()}
            row = insert_or(connection, tables.score).values(lead_id=id, **values)
            connection.execute(row.on_conflict_do_update(index_elements=["lead_id"], set_=values))
            return SavedScore(id=id, score=score, previous=previous)

        return self.store.once(context, "crm.save_score", SavedScore, work)

    @tool(
        effect="write",
        idempotent=True,
        sensitive=("name", "city", "email", "address", "phone", "website"),
        labels={"": "trusted"},
        probe=took_effect,
    )
    def upsert_lead(
        self,
        name: Name,
        vertical: Vertical,
        city: City,
        email: Email,
        context: ToolContext,
        address: Address | None = None,
        phone: Phone | None = None,
        website: Website | None = None,
        rating: Rating | None = None,
        reviews: Count | None = None,
        employees: Count | None = None,
        status: LeadStatus | None = None,
    ) -> Lead | ToolFailed:
        """Add a lead, or change the one of this name and city; what is left out stays as it is."""
        optional = {
            "address": address, "phone": phone, "website": website, "rating": rating,
            "reviews": reviews, "employees": employees, "status": status,
        }  # fmt: skip
        given: dict[str, Any] = {k: v for k, v in optional.items() if v is not None}

        def work(connection: Connection) -> Lead:
            now = self.store.stamp()
            changed = {"vertical": vertical, "email": email, "updated": now, **given}
            row = insert_or(connection, tables.lead).values(name=name, city=city.strip(), created=now, **changed)
            return _lead(
                connection.execute(
                    row.on_conflict_do_update(index_elements=["name", "city"], set_=changed).returning(tables.lead)
                ).one()
            )

        return self.store.once(context, "crm.upsert_lead", Lead, work)

    @tool(effect="write", idempotent=True, commutes=True, labels={"": "trusted"}, not_found=True, probe=took_effect)
    def add_note(self, lead_id: Id, text: NoteText, context: ToolContext) -> Note | ToolFailed:
        """Add a note to a lead."""

        def work(connection: Connection) -> Note | ToolFailed:
            lead = find_lead(connection, lead_id)
            if isinstance(lead, ToolFailed):
                return lead
            row = insert(tables.note).values(lead_id=lead_id, text=text, created=self.store.stamp())
            return Note(id=connection.execute(row.returning(tables.note.c.id)).scalar_one(), lead_id=lead_id)

        return self.store.once(context, "crm.add_note", Note, work)

    def _leads(self, wanted: Select[Any]) -> Leads:
        with self.store.reading() as connection:
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
