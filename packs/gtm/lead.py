"""Lead: a business that might buy, and what the tools of the namespace `crm` say of one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from packs.gtm.arguments import LeadStatus, Score, Vertical

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
