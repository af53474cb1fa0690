"""The pack's tables. Times are UTC in ISO 8601, so that they read and sort alike in both databases."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from executor.pack_store import effect_table, seed_table

metadata = MetaData()

message = Table(
    "afterhours_message",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(20), nullable=False),
    Column("caller", String(120), nullable=False),
    Column("text", Text, nullable=False),
    Column("received", String(32), nullable=False),
)

cursor = Table(  # how far the inbox has been gone through
    "afterhours_cursor",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("through", Integer, nullable=False),
)

person = Table(
    "afterhours_person",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(80), nullable=False),
    Column("phone", String(40), nullable=False),
    Column("tier", Integer, nullable=False),  # who is paged first has the lowest
    Column("on_duty", Boolean, nullable=False),
    Column("picks_up", Boolean, nullable=False),  # of the sample's people: takes a page as soon as it is there
)

incident = Table(
    "afterhours_incident",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("message_id", Integer, ForeignKey("afterhours_message.id"), nullable=False, unique=True),
    Column("urgency", String(10), nullable=False),
    Column("summary", String(300), nullable=False),
    Column("opened", String(32), nullable=False),
    Column("taken_by", Integer, ForeignKey("afterhours_person.id")),
    Column("taken", String(32)),
)

page = Table(
    "afterhours_page",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", Integer, ForeignKey("afterhours_incident.id"), nullable=False),
    Column("person_id", Integer, ForeignKey("afterhours_person.id"), nullable=False),
    Column("sent", String(32), nullable=False),
    UniqueConstraint("incident_id", "person_id", name="afterhours_page_once"),  # nobody is paged twice for one thing
)
Index("afterhours_page_person", page.c.person_id)

report = Table(
    "afterhours_report",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("written", String(32), nullable=False),
)

effect = effect_table(metadata, "afterhours")
seed = seed_table(metadata, "afterhours")
