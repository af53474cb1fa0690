"""The pack's tables. Slots and reminders are of the house's own clock (2026-12-01T16:00), all other times UTC in ISO 8601."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)  # fmt: skip

from executor.pack_store import effect_table, seed_table

metadata = MetaData()

house = Table(
    "frontdesk_house",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("zone", String(40), nullable=False),  # of its clock, as in America/Chicago
)

service = Table(
    "frontdesk_service",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    Column("words", String(300), nullable=False),  # what people call it, with commas between
    Column("minutes", Integer, nullable=False),
    Column("deposit_cents", Integer, nullable=False),
)

provider = Table(
    "frontdesk_provider",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False),
)

offer = Table(  # who does what
    "frontdesk_offer",
    metadata,
    Column("provider_id", Integer, ForeignKey("frontdesk_provider.id"), primary_key=True),
    Column("service_id", Integer, ForeignKey("frontdesk_service.id"), primary_key=True),
)

slot = Table(
    "frontdesk_slot",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("provider_id", Integer, ForeignKey("frontdesk_provider.id"), nullable=False),
    Column("start", String(16), nullable=False),
    Column("minutes", Integer, nullable=False),
    UniqueConstraint("provider_id", "start", name="frontdesk_slot_once"),
)
Index("frontdesk_slot_start", slot.c.start)

customer = Table(
    "frontdesk_customer",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("phone", String(40), nullable=False, unique=True),
    Column("open_cents", Integer, nullable=False),  # what is billed and not paid
)

message = Table(
    "frontdesk_message",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("channel", String(12), nullable=False),
    Column("phone", String(40)),  # of whom it comes from, by the line; what the text claims is no matter
    Column("text", Text, nullable=False),
    Column("status", String(12), nullable=False),  # open, then done or escalated
    Column("received", String(32), nullable=False),
)
Index("frontdesk_message_status", message.c.status, message.c.id)

booking = Table(
    "frontdesk_booking",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("slot_id", Integer, ForeignKey("frontdesk_slot.id"), nullable=False),
    Column("service_id", Integer, ForeignKey("frontdesk_service.id"), nullable=False),
    Column("customer_id", Integer, ForeignKey("frontdesk_customer.id"), nullable=False, index=True),
    Column("message_id", Integer, ForeignKey("frontdesk_message.id"), unique=True),  # a message books once
    Column("status", String(10), CheckConstraint("status in ('booked', 'cancelled')"), nullable=False),
    Column("made", String(32), nullable=False),
)
_BOOKED = text("status = 'booked'")
Index("frontdesk_booking_once", booking.c.slot_id, unique=True, sqlite_where=_BOOKED, postgresql_where=_BOOKED)

deposit = Table(
    "frontdesk_deposit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("booking_id", Integer, ForeignKey("frontdesk_booking.id"), nullable=False, unique=True),
    Column("cents", Integer, CheckConstraint("cents > 0"), nullable=False),
    Column("status", String(8), CheckConstraint("status in ('due', 'paid', 'dropped')"), nullable=False),
    Column("asked", String(32), nullable=False),
)

reminder = Table(
    "frontdesk_reminder",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("booking_id", Integer, ForeignKey("frontdesk_booking.id"), nullable=False, unique=True),
    Column("due", String(16), nullable=False),
    Column("sent", String(32)),
)

fact = Table(  # what questions are answered with
    "frontdesk_fact",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("words", String(300), nullable=False),  # of the questions, with commas between
    Column("text", Text, nullable=False),
)

reply = Table(
    "frontdesk_reply",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("frontdesk_message.id"), nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("sent", String(32), nullable=False),
)

escalation = Table(
    "frontdesk_escalation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("frontdesk_message.id"), nullable=False, unique=True),
    Column("urgent", Boolean, nullable=False),
    Column("reason", String(300), nullable=False),
    Column("opened", String(32), nullable=False),
)

effect = effect_table(metadata, "frontdesk")
seed = seed_table(metadata, "frontdesk")
