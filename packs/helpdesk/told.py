"""Told: what the tools of the namespaces `desk` and `accounts` give."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from packs.helpdesk.arguments import Kind, Priority


class Ticket(BaseModel):
    """What somebody wants of the help desk."""

    id: int
    subject: str
    text: str
    created: str


class Tickets(BaseModel):
    items: Annotated[list[Ticket], Field(max_length=100)]


class Sorted(BaseModel):
    """What a ticket is about, by rules alone."""

    kind: Kind
    priority: Priority


class Opened(BaseModel):
    ticket_id: int


class Triaged(BaseModel):
    ticket_id: int
    kind: Kind
    priority: Priority


class Article(BaseModel):
    """An article of the knowledge base, as it is found: the beginning of its text."""

    id: int
    title: str
    text: str


class Articles(BaseModel):
    items: Annotated[list[Article], Field(max_length=20)]


class Replied(BaseModel):
    ticket_id: int
    reply_id: int


class Escalated(BaseModel):
    """`new` is false where the ticket was escalated before."""

    ticket_id: int
    new: bool


class Reset(BaseModel):
    """A reset link that was sent to the account's own address."""

    ticket_id: int
    status: str


class Unlocked(BaseModel):
    account_id: int
