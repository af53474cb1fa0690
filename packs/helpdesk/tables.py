"""The pack's tables. Times are UTC in ISO 8601, so that they read and sort alike in both databases."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

from executor.pack_store import effect_table, seed_table

metadata = MetaData()

account = Table(
    "helpdesk_account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(120), nullable=False),
    Column("email", String(254), nullable=False, unique=True),
    Column("locked", Boolean, nullable=False),
    Column("resets", Integer, nullable=False),  # reset links that were sent
)

ticket = Table(
    "helpdesk_ticket",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("account_id", Integer, ForeignKey("helpdesk_account.id")),  # of whoever was signed in when it was written
    Column("subject", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("status", String(12), nullable=False),  # open, then answered or escalated
    Column("kind", String(12)),
    Column("priority", String(8)),
    Column("created", String(32), nullable=False),
)
Index("helpdesk_ticket_status", ticket.c.status, ticket.c.id)

article = Table(  # the knowledge base; its full-text index is the database's own: see `articles.py`
    "helpdesk_article",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("title", String(200), nullable=False),
    Column("text", Text, nullable=False),
)

reply = Table(
    "helpdesk_reply",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("helpdesk_ticket.id"), nullable=False, index=True),
    Column("article_id", Integer, ForeignKey("helpdesk_article.id")),
    Column("text", Text, nullable=False),
    Column("sent", String(32), nullable=False),
)

escalation = Table(
    "helpdesk_escalation",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ticket_id", Integer, ForeignKey("helpdesk_ticket.id"), nullable=False, unique=True),
    Column("reason", String(300), nullable=False),
    Column("opened", String(32), nullable=False),
)

effect = effect_table(metadata, "helpdesk")
seed = seed_table(metadata, "helpdesk")
