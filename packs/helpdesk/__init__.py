"""The pack `helpdesk`: tickets are sorted, answered from the knowledge base, passwords reset, the rest escalated."""

from __future__ import annotations

from pathlib import Path

from executor.pack import Pack, PackHost, Specialist
from executor.toolset import Toolset
from packs.helpdesk.accounts import Accounts
from packs.helpdesk.desk import Desk
from packs.helpdesk.records import Records

__all__ = ["pack"]


def pack(host: PackHost) -> Pack:
    """The pack, ready to be called; the database is not touched before a tool is."""
    records = Records(host)
    return Pack(
        name="helpdesk",
        about="Help desk: sort tickets, answer them from a knowledge base, reset passwords, escalate what a person has to see.",
        tools=Toolset.declared("desk", Desk(records)) | Toolset.declared("accounts", Accounts(records)),
        playbooks=Path(__file__).parent / "playbooks",
        specialist=Specialist(
            does="Works off support tickets: sorts them, answers them from a knowledge base, resets passwords, escalates.",
            leaves="Appointments; what comes in at night and is paged.",
            takes={"reports": '[{"subject": str, "text": str}]'},
            playbook="take_reports",
            gives="{tickets: [int], urgent: int}",
        ),
        evals=Path(__file__).parent / "evals.yaml",
        holds=lambda asked_for: records.store.holds(asked_for),
    )
