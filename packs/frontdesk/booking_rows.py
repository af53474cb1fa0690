"""BookingRows: slots, bookings and deposits in the pack's tables.

A slot has one booking that is not cancelled, which a partial unique index sees to: whoever comes second inserts nothing,
and takes the next slot that fits. So no lock is held and no order of messages matters.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, delete, exists, insert, select, update

from executor.pack_store import PackStore, insert_or
from executor.tool import ToolContext, ToolFailed
from packs.frontdesk import tables
from packs.frontdesk.arguments import When
from packs.frontdesk.phrases import fits
from packs.frontdesk.store import house_time, reminder_of
from packs.frontdesk.told import Booked, Cancelled, Deposit, Slot, Slots


class BookingRows:
    """What the pack's tools read and write; the context's key makes a repeated effect the same one."""

    def __init__(self, store: PackStore) -> None:
        self._store = store

    def free(self, service: str, when: When, limit: int) -> Slots | ToolFailed:
        """The free slots for a service that fit, the earliest first."""
        with self._store.reading() as connection:
            if (row := _service(connection, service)) is None:
                return ToolFailed(f"There is no service {service!r}.", "not_found")
            return Slots(items=self._free(connection, row, when)[:limit])

    def book(self, context: ToolContext, message: int, service: str, when: When) -> Booked | ToolFailed:
        """The message's booking: the earliest slot that fits, unless the message has one."""

        def work(connection: Connection) -> Booked | ToolFailed:
            customer = _customer(connection, message)
            if isinstance(customer, ToolFailed):
                return customer
            if (row := _service(connection, service)) is None:
                return ToolFailed(f"There is no service {service!r}.", "not_found")
            return self._take(connection, message, customer, row, when)

        return self._store.once(context, "booking.book_earliest", Booked, work)

    def move(self, context: ToolContext, message: int, when: When) -> Booked | ToolFailed:
        """The sender's booking at another time; where no slot fits, the old one stays."""

        def work(connection: Connection) -> Booked | ToolFailed:
            if (known := _of_message(connection, message)) is not None:
                return _booked(known, message, new=False)
            old = self._only(connection, message, When())
            if isinstance(old, ToolFailed):
                return old
            row = connection.execute(select(tables.service).where(tables.service.c.id == old.service_id)).one()
            taken = self._take(connection, message, old.customer_id, row, when)
            if isinstance(taken, ToolFailed) or not taken.new:
                return taken
            _end(connection, old.id)
            if old.cents is None:
                return taken
            deposit = tables.deposit.c  # what was asked, or paid, for the old one is that of the new one
            connection.execute(delete(tables.deposit).where(deposit.booking_id == taken.booking_id))
            along = update(tables.deposit).where(deposit.booking_id == old.id).values(booking_id=taken.booking_id)
            connection.execute(along)
            return taken.model_copy(update={"deposit_cents": old.cents})

        return self._store.once(context, "booking.move_for_message", Booked, work)

    def cancel(self, context: ToolContext, message: int, when: When) -> Cancelled | ToolFailed:
        """Cancel the one booking that the sender has, if it is the one that the message speaks of."""

        def work(connection: Connection) -> Cancelled | ToolFailed:
            old = self._only(connection, message, when)
            if isinstance(old, ToolFailed):
                return old
            _end(connection, old.id)
            this = tables.deposit.c.booking_id == old.id
            drop = update(tables.deposit).where(this, tables.deposit.c.status == "due").values(status="dropped")
            connection.execute(drop)
            status = connection.scalar(select(tables.deposit.c.status).where(this)) or "none"
            _done(connection, message)
            return Cancelled(message_id=message, booking_id=old.id, service=old.name, start=old.start, deposit=status)

        return self._store.once(context, "booking.cancel_for_message", Cancelled, work)

    def settle(self, context: ToolContext, booking: int, cents: int) -> Deposit | ToolFailed:
        """Note that a deposit was paid, to the cent."""

        def work(connection: Connection) -> Deposit | ToolFailed:
            deposit = tables.deposit.c
            known = connection.execute(select(tables.deposit).where(deposit.booking_id == booking)).one_or_none()
            if known is None or known.status == "dropped":
                return ToolFailed(f"No deposit is due for the booking {booking}.", "not_found")
            if known.cents != cents:
                return ToolFailed(f"The deposit of the booking {booking} is {known.cents} cents, not {cents}.", "refused")
            pay = update(tables.deposit).where(deposit.id == known.id, deposit.status == "due").values(status="paid")
            return Deposit(booking_id=booking, cents=cents, new=connection.execute(pay).rowcount == 1)

        return self._store.once(context, "booking.settle_deposit", Deposit, work)

    def _free(self, connection: Connection, service: Row[Any], when: When) -> list[Slot]:
        slot, offer, booking, provider = tables.slot.c, tables.offer.c, tables.booking.c, tables.provider.c
        taken = exists().where(booking.slot_id == slot.id, booking.status == "booked")
        rows = connection.execute(
            select(slot.id, slot.start, provider.name.label("provider"))
            .join_from(tables.slot, tables.offer, (offer.provider_id == slot.provider_id) & (offer.service_id == service.id))
            .join(tables.provider, provider.id == slot.provider_id)
            .where(slot.start > house_time(connection, self._store.stamp()), slot.minutes >= service.minutes, ~taken)
            .order_by(slot.start, slot.id)
        )
        return [Slot.model_validate(dict(row._mapping)) for row in rows if fits(when, row.start)]

    def _take(self, connection: Connection, message: int, customer: int, service: Row[Any], when: When) -> Booked | ToolFailed:
        if (known := _of_message(connection, message)) is not None:
            return _booked(known, message, new=False)
        row = {"service_id": service.id, "customer_id": customer, "message_id": message, "status": "booked"}
        for slot in self._free(connection, service, when):
            mine = insert_or(connection, tables.booking).values(**row, slot_id=slot.id, made=self._store.stamp())
            made = connection.scalar(mine.on_conflict_do_nothing().returning(tables.booking.c.id))
            if made is not None:
                if service.deposit_cents:
                    due = {"booking_id": made, "cents": service.deposit_cents, "status": "due", "asked": self._store.stamp()}
                    connection.execute(insert(tables.deposit).values(due))
                connection.execute(insert(tables.reminder).values(booking_id=made, due=reminder_of(slot.start)))
                _done(connection, message)
                return _booked(connection.execute(_bookings().where(tables.booking.c.id == made)).one(), message, new=True)
            if (known := _of_message(connection, message)) is not None:  # somebody else handled it meanwhile
                return _booked(known, message, new=False)
        return ToolFailed(f"No free slot for {service.name} fits what the message {message} asks for.", "refused")

    def _only(self, connection: Connection, message: int, when: When) -> Row[Any] | ToolFailed:
        """The one booking to come of whom the message is from; fails where there is none, or more, or it is another."""
        customer = _customer(connection, message)
        if isinstance(customer, ToolFailed):
            return customer
        now = house_time(connection, self._store.stamp())
        booking = tables.booking.c
        mine = _bookings().where(booking.customer_id == customer, booking.status == "booked", tables.slot.c.start > now)
        if connection.dialect.name == "postgresql":
            mine = mine.with_for_update(of=tables.booking)
        rows = connection.execute(mine).all()
        if len(rows) != 1:
            return ToolFailed(f"The sender of the message {message} has {len(rows)} bookings to come, not one.", "refused")
        if not fits(when, rows[0].start):
            return ToolFailed(f"The message {message} speaks of another time than that of the sender's booking.", "refused")
        return rows[0]


def _service(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(tables.service).where(tables.service.c.name == name)).one_or_none()


def _customer(connection: Connection, message: int) -> int | ToolFailed:
    """Whom the message is from, by its line; a number that is new becomes a customer."""
    known = connection.execute(select(tables.message.c.phone).where(tables.message.c.id == message)).one_or_none()
    if known is None:
        return ToolFailed(f"There is no message {message}.", "not_found")
    if known.phone is None:
        return ToolFailed(f"Nobody knows whom the message {message} is from.", "refused")
    new = insert_or(connection, tables.customer).values(phone=known.phone, open_cents=0)
    connection.execute(new.on_conflict_do_nothing(index_elements=["phone"]))
    id: int = connection.execute(select(tables.customer.c.id).where(tables.customer.c.phone == known.phone)).scalar_one()
    return id


def _bookings() -> Select[Any]:
    booking, slot = tables.booking.c, tables.slot.c
    return (
        select(
            booking.id, booking.customer_id, booking.service_id, tables.service.c.name, slot.start,
            tables.provider.c.name.label("provider"), tables.deposit.c.cents,
        )
        .join_from(tables.booking, tables.slot, booking.slot_id == slot.id)
        .join(tables.service, tables.service.c.id == booking.service_id)
        .join(tables.provider, tables.provider.c.id == slot.provider_id)
        .outerjoin(tables.deposit, tables.deposit.c.booking_id == booking.id)
    )  # fmt: skip


def _of_message(connection: Connection, message: int) -> Row[Any] | None:
    return connection.execute(_bookings().where(tables.booking.c.message_id == message)).one_or_none()


def _booked(row: Row[Any], message: int, *, new: bool) -> Booked:
    return Booked(
        message_id=message, booking_id=row.id, service=row.name, start=row.start, provider=row.provider,
        deposit_cents=row.cents or 0, new=new,
    )  # fmt: skip


def _end(connection: Connection, booking: int) -> None:
    connection.execute(update(tables.booking).where(tables.booking.c.id == booking).values(status="cancelled"))
    connection.execute(delete(tables.reminder).where(tables.reminder.c.booking_id == booking))


def _done(connection: Connection, message: int) -> None:
    connection.execute(update(tables.message).where(tables.message.c.id == message).values(status="done"))
