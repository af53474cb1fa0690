"""The pack's tables. Times are UTC in ISO 8601, so that they read and sort alike in both databases."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from executor.pack_store import effect_table, seed_table

metadata = MetaData()

lead = Table(
    "gtm_lead",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("vertical", String(20), nullable=False),
    Column("city", String(40), nullable=False),
    Column("address", String(200), nullable=False, default=""),
    Column("email", String(254), nullable=False),
    Column("phone", String(40), nullable=False, default=""),
    Column("website", String(300), nullable=False, default=""),
    Column("rating", Float, nullable=False, default=0.0),
    Column("reviews", Integer, nullable=False, default=0),
    Column("employees", Integer, nullable=False, default=0),
    Column("status", String(20), nullable=False, default="new"),
    Column("created", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    UniqueConstraint("name", "city", name="gtm_lead_name_city"),
    Index("gtm_lead_vertical_rating", "vertical", "rating"),
)

note = Table(
    "gtm_note",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("lead_id", Integer, ForeignKey("gtm_lead.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("created", String(32), nullable=False),
)

score = Table(
    "gtm_score",
    metadata,
    Column("lead_id", Integer, ForeignKey("gtm_lead.id"), primary_key=True, autoincrement=False),
    Column("score", Integer, nullable=False),
    Column("saved", String(32), nullable=False),
)

outbox = Table(
    "gtm_outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(200), nullable=False, unique=True),  # the idempotency key of the call that drafted it
    Column("lead_id", Integer, ForeignKey("gtm_lead.id"), nullable=False),
    Column("to", String(254), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("status", String(10), nullable=False),  # draft, then sent
    Column("created", String(32), nullable=False),
    Column("sent", String(32)),
)

effect = effect_table(metadata, "gtm")
seed = seed_table(metadata, "gtm")
