"""Store: the pack's tables in the configured database, with an invented practice whose two weeks begin on a Monday to come."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, insert, select

from executor.pack_store import PackStore, count_on, first_time
from packs.frontdesk import tables

SAMPLE = "practice"  # the marker of the sample data
_DATA = Path(__file__).parent / "data" / "practice.json"
_MINUTES = 60  # of a sample's slot


def opened(engine: Engine) -> PackStore:
    """The pack's part of the database; nothing is touched before its first use."""
    return PackStore(engine, tables.effect, prepare=_seed)


def house_time(connection: Connection, moment: str) -> str:
    """A moment as the house's clock shows it: 2026-12-01T16:00."""
    zone = connection.scalar(select(tables.house.c.zone).order_by(tables.house.c.id).limit(1)) or "UTC"
    return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")


def reminder_of(start: str) -> str:
    """When somebody is reminded of what begins then: a day before."""
    return (datetime.fromisoformat(start) - timedelta(days=1)).isoformat(timespec="minutes")


def _seed(connection: Connection, now: str) -> None:
    if not first_time(connection, tables.seed, SAMPLE, now):
        return
    practice = json.loads(_DATA.read_text(encoding="utf-8"))
    connection.execute(insert(tables.house), practice["houses"])
    today = datetime.fromisoformat(house_time(connection, now)[:10])
    monday = today + timedelta(days=8 if today.weekday() == 6 else 7 - today.weekday())  # on no Sunday anything is due
    for table, name in (
        (tables.service, "services"), (tables.provider, "providers"), (tables.offer, "offers"), (tables.customer, "customers"),
        (tables.fact, "facts"),
    ):  # fmt: skip
        connection.execute(insert(table), practice[name])
    connection.execute(insert(tables.slot), [_slot(monday, s) for s in _slots(practice)])
    connection.execute(insert(tables.message), [{**m, "status": "open", "received": now} for m in practice["messages"]])
    count_on(connection, tables.customer, tables.message, tables.service, tables.provider, tables.fact)
    slot = tables.slot.c
    for known in practice["bookings"]:
        start = _start(monday, known["day"], known["at"])
        id = connection.scalar(select(slot.id).where(slot.provider_id == known["provider_id"], slot.start == start))
        row = {"slot_id": id, "service_id": known["service_id"], "customer_id": known["customer_id"]}
        made = insert(tables.booking).values(**row, status="booked", made=now).returning(tables.booking.c.id)
        booking = connection.execute(made).scalar_one()
        connection.execute(insert(tables.reminder).values(booking_id=booking, due=reminder_of(start)))


def _slots(practice: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"provider_id": hours["provider_id"], "day": day, "at": at}
        for day in practice["days"] for hours in practice["hours"] for at in hours["at"]
    ]  # fmt: skip


def _slot(monday: datetime, slot: dict[str, Any]) -> dict[str, Any]:
    return {"provider_id": slot["provider_id"], "start": _start(monday, slot["day"], slot["at"]), "minutes": _MINUTES}


def _start(monday: datetime, day: int, at: str) -> str:
    return f"{(monday + timedelta(days=day)).date().isoformat()}T{at}"
