"""Crm: leads, what is known of them and how well they fit, as tools of the namespace `crm`.

Labels: names and addresses are our own records and trusted, which is why writing them is a sensitive argument: an untrusted
text is asked for before the records vouch for it. Notes and websites say what anybody wrote.
"""

from __future__ import annotations

from typing import Any

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
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
from packs.gtm.lead import Firmographics, Lead, LeadFile, Leads, LeadScore, Note, SavedScore
from packs.gtm.records import Records
from packs.gtm.score import fit


class Crm(RecordTools[Records]):
    """The tools of the namespace `crm`."""

    @tool(effect="read", labels={"": "trusted"}, bounds={"items": "limit"})
    def find_leads(self, vertical: Vertical, city: City, min_rating: Rating = 0, limit: Limit = 20) -> Leads:
        """Leads of a vertical in a city, best rated first."""
        return self.records.leads.find(vertical, city, min_rating, limit)

    @tool(effect="read", labels={"": "trusted"}, bounds={"items": "limit"})
    def list_leads(self, status: LeadStatus | None = None, limit: Limit = 20) -> Leads:
        """All leads, or those of a status, newest first."""
        return self.records.leads.newest(status, limit)

    @tool(effect="read", labels={"": "trusted", "notes": "untrusted"}, not_found=True)
    def get_lead(self, id: Id) -> LeadFile | ToolFailed:
        """One lead with its saved score and its notes."""
        return self.records.leads.file(id)

    @tool(effect="read", labels={"": "trusted", "summary": "untrusted"}, not_found=True)
    def enrich_lead(self, id: Id) -> Firmographics | ToolFailed:
        """A lead's services, opening hours, decision maker and a summary of its website; "" where unknown."""
        lead = self.records.leads.one(id)
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
        lead = self.records.leads.one(id)
        if isinstance(lead, ToolFailed):
            return lead
        score, reasons = fit(rating=lead.rating, reviews=lead.reviews, employees=lead.employees)
        return LeadScore(id=id, name=lead.name, email=lead.email, score=score, reasons=reasons)

    @tool(effect="write", idempotent=True, labels={"": "trusted"}, not_found=True, probe=took_effect)
    def save_score(self, id: Id, score: Score, context: ToolContext) -> SavedScore | ToolFailed:
        """Save a lead's score; tells the one it replaces."""
        return self.records.leads.save_score(context, id, score)

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
        return self.records.leads.upsert(context, name, vertical, city, email, given)

    @tool(effect="write", idempotent=True, commutes=True, labels={"": "trusted"}, not_found=True, probe=took_effect)
    def add_note(self, lead_id: Id, text: NoteText, context: ToolContext) -> Note | ToolFailed:
        """Add a note to a lead."""
        return self.records.leads.add_note(context, lead_id, text)
