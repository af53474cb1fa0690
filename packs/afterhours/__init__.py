"""The pack `afterhours`: what came in overnight is read, judged, paged by the rota and reported, in the configured database."""

from __future__ import annotations

from pathlib import Path

from executor.pack import Pack, PackHost, Specialist
from executor.toolset import Toolset
from packs.afterhours.inbox import Inbox
from packs.afterhours.oncall import OnCall
from packs.afterhours.records import Records

__all__ = ["pack"]


def pack(host: PackHost) -> Pack:
    """The pack, ready to be called; the database is not touched before a tool is."""
    records = Records(host)
    return Pack(
        name="afterhours",
        about="After hours: read what came in, judge its urgency, page whoever is on call, write the morning report.",
        tools=Toolset.declared("inbox", Inbox(records)) | Toolset.declared("oncall", OnCall(records)),
        playbooks=Path(__file__).parent / "playbooks",
        specialist=Specialist(
            does="Goes through what came in while nobody was there, pages whoever is on call, writes the morning report.",
            leaves="Tickets by day and passwords; bookings.",
            takes={"limit": "int"},
        ),
        evals=Path(__file__).parent / "evals.yaml",
        holds=lambda asked_for: records.store.holds(asked_for),
    )
