"""The pack `listings`: property listings from files with errors in them, imported in bulk into the configured database."""

from __future__ import annotations

from pathlib import Path

from executor.pack import Pack, PackHost, Specialist
from executor.toolset import Toolset
from packs.listings.importer import Importer

__all__ = ["pack"]


def pack(host: PackHost) -> Pack:
    """The pack, ready to be called; the database is not touched before a tool is."""
    importer = Importer(host)
    return Pack(
        name="listings",
        about="Property listings: import files of them in bulk, check them, find duplicates, report what was rejected.",
        tools=Toolset.declared("listings", importer),
        playbooks=Path(__file__).parent / "playbooks",
        specialist=Specialist(
            does="Imports files of property listings, reports what was rejected, and finds listings that were imported.",
            leaves="Leads, mails and appointments; listings that are to be read from websites.",
            takes={"file": "str", "source": "str"},
            files=("csv", "json"),
        ),
        evals=Path(__file__).parent / "evals.yaml",
        holds=importer.holds,
    )
