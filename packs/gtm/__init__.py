"""The pack `gtm`: lead generation over a CRM and an outbox in the configured database, with sample businesses."""

from __future__ import annotations

from pathlib import Path

from executor.pack import Pack, PackHost, Specialist
from executor.toolset import Toolset
from packs.gtm.crm import Crm
from packs.gtm.mail import Outbox
from packs.gtm.records import Records

__all__ = ["pack"]


def pack(host: PackHost) -> Pack:
    """The pack, ready to be called; the database is not touched before a tool is."""
    records = Records(host)
    return Pack(
        name="gtm",
        about="Lead generation: find, score and enrich business leads in a CRM and draft introductions to them.",
        tools=Toolset.declared("crm", Crm(records)) | Toolset.declared("mail", Outbox(records)),
        playbooks=Path(__file__).parent / "playbooks",
        specialist=Specialist(
            does="Finds, scores and enriches business leads by trade and city, and drafts introductions to them.",
            leaves="People who write by themselves: customers, guests, tickets; property listings.",
            takes={"vertical": "str", "city": "str", "limit": "int"},
        ),
        evals=Path(__file__).parent / "evals.yaml",
        holds=lambda asked_for: records.store.holds(asked_for),
    )
