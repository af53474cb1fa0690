"""The pack `frontdesk`: what a clinic's or salon's customers say becomes bookings, moves, answers, or a person's."""

from __future__ import annotations

from pathlib import Path

from executor.pack import Pack, PackHost, Specialist
from executor.toolset import Toolset
from packs.frontdesk.booking import Booking
from packs.frontdesk.front import Front
from packs.frontdesk.records import Records

__all__ = ["pack"]


def pack(host: PackHost) -> Pack:
    """The pack, ready to be called; the database is not touched before a tool is."""
    records = Records(host)
    return Pack(
        name="frontdesk",
        about="Front desk of a clinic or salon: book, move and cancel appointments, deposits, reminders, bills; escalate.",
        tools=Toolset.declared("frontdesk", Front(records)) | Toolset.declared("booking", Booking(records)),
        playbooks=Path(__file__).parent / "playbooks",
        specialist=Specialist(
            does="Answers the messages to a clinic's or salon's front desk: bookings, deposits, reminders, bills, emergencies.",
            leaves="Support tickets and passwords; what comes in at night and is paged.",
            takes={"limit": "int"},
        ),
        evals=Path(__file__).parent / "evals.yaml",
        holds=lambda asked_for: records.store.holds(asked_for),
    )
