"""Told: what the tools of the namespaces `inbox` and `oncall` give."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from packs.afterhours.arguments import Urgency


class Message(BaseModel):
    """What somebody wrote or said after hours."""

    id: int
    source: str
    caller: str
    text: str
    received: str


class Messages(BaseModel):
    """What came in since the last time, oldest first; `through` is the number to go on after, `more` what is left."""

    items: Annotated[list[Message], Field(max_length=100)]
    through: int
    more: int


class Judged(BaseModel):
    """How urgent a message is by rules alone, and in what words."""

    urgency: Urgency
    summary: str


class Through(BaseModel):
    """How far the inbox has been gone through."""

    through: int


class Person(BaseModel):
    """Somebody on call."""

    id: int
    name: str


class Rota(BaseModel):
    """Who is on duty, in the order in which they are paged."""

    people: Annotated[list[Person], Field(max_length=5)]


class Incident(BaseModel):
    """Something that somebody has to look after; `new` is false where the message had one before."""

    id: int
    urgency: Urgency
    new: bool


class Paged(BaseModel):
    """Who was paged for what; `again` are incidents that the person had been paged for before."""

    person: str
    incidents: list[int]
    again: list[int]


class Waiting(BaseModel):
    """The incidents that nobody has taken yet, and who took the others."""

    incidents: Annotated[list[int], Field(max_length=100)]
    taken_by: list[str]


class Written(BaseModel):
    """A report that is kept."""

    id: int
