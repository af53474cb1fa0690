"""Told: what the tools of the namespaces `frontdesk` and `booking` give. Starts are of the house's own clock."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from packs.frontdesk.arguments import Intent, When


class Message(BaseModel):
    """What somebody said or typed to the front desk; `id` is what tools take."""

    id: int
    channel: str
    text: str
    received: str


class Messages(BaseModel):
    items: Annotated[list[Message], Field(max_length=100)]


class Read(BaseModel):
    """What a message wants by rules alone; `clear` is false where a day or time in it was not understood."""

    intent: Intent
    service: str
    when: When
    clear: bool


class Slot(BaseModel):
    """A free slot."""

    id: int
    start: str
    provider: str


class Slots(BaseModel):
    items: Annotated[list[Slot], Field(max_length=100)]


class Booked(BaseModel):
    """A booking; `new` is false where the message had one before."""

    message_id: int
    booking_id: int
    service: str
    start: str
    provider: str
    deposit_cents: int
    new: bool


class Cancelled(BaseModel):
    """A booking that was cancelled; its slot is free again. `deposit` is none, dropped, or paid, which a person looks at."""

    message_id: int
    booking_id: int
    service: str
    start: str
    deposit: str


class Deposit(BaseModel):
    """A deposit that was paid; `new` is false where it had been before."""

    booking_id: int
    cents: int
    new: bool


class Reminder(BaseModel):
    """A customer who is to be reminded of a booking."""

    id: int
    booking_id: int
    start: str
    due: str


class Reminders(BaseModel):
    items: Annotated[list[Reminder], Field(max_length=100)]


class Reminded(BaseModel):
    """`new` is false where the customer was reminded before."""

    id: int
    new: bool


class Replied(BaseModel):
    """`new` is false where the message was answered before."""

    message_id: int
    new: bool


class Escalated(BaseModel):
    """`new` is false where the message was given to a person before."""

    message_id: int
    new: bool
