"""FrontRows: messages, replies, escalations and reminders in the pack's tables."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Update, func, select, update

from executor.pack_store import PackStore, insert_or
from executor.tool import ToolContext, ToolFailed
from packs.frontdesk import tables
from packs.frontdesk.phrases import plain
from packs.frontdesk.rules import has_any, read_by_rules
from packs.frontdesk.store import house_time
from packs.frontdesk.told import Escalated, Message, Messages, Read, Reminded, Reminder, Reminders, Replied


class FrontRows:
    """What the pack's tools read and write; the context's key makes a repeated effect the same one."""

    def __init__(self, store: PackStore) -> None:
        self._store = store

    def new(self, limit: int) -> Messages:
        """Messages that nobody has looked after, oldest first."""
        message = tables.message.c
        wanted = select(message.id, message.channel, message.text, message.received).where(message.status == "open")
        with self._store.reading() as connection:
            rows = connection.execute(wanted.order_by(message.id).limit(limit)).all()
        return Messages(items=[Message.model_validate(dict(row._mapping)) for row in rows])

    def read(self, message: int) -> Read | ToolFailed:
        """What a message wants, by rules, of the day on which it came in."""
        with self._store.reading() as connection:
            known = _message(connection, message)
            if isinstance(known, ToolFailed):
                return known
            services = connection.execute(select(tables.service.c.name, tables.service.c.words)).all()
            said = date.fromisoformat(house_time(connection, known.received)[:10])
        return read_by_rules(known.text, said, [(s.name, s.words) for s in services])

    def reply(self, context: ToolContext, message: int, text: str) -> Replied | ToolFailed:
        """Answer whom a message is from; once."""

        def work(connection: Connection) -> Replied | ToolFailed:
            known = _message(connection, message)
            return known if isinstance(known, ToolFailed) else self._reply(connection, message, text)

        return self._store.once(context, "frontdesk.reply", Replied, work)

    def answer(self, context: ToolContext, message: int) -> Replied | ToolFailed:
        """Answer a question with the one fact that has its words."""

        def work(connection: Connection) -> Replied | ToolFailed:
            known = _message(connection, message)
            if isinstance(known, ToolFailed):
                return known
            facts = [f.text for f in connection.execute(select(tables.fact)) if has_any(plain(known.text), f.words)]
            if len(facts) != 1:
                return ToolFailed(f"{len(facts)} facts answer the message {message}, not one.", "refused")
            return self._reply(connection, message, facts[0])

        return self._store.once(context, "frontdesk.answer_question", Replied, work)

    def bill(self, context: ToolContext, message: int) -> Replied | ToolFailed:
        """Tell whom a message is from what they have to pay, and nobody else's."""

        def work(connection: Connection) -> Replied | ToolFailed:
            known = _message(connection, message)
            if isinstance(known, ToolFailed):
                return known
            customer, booking, deposit = tables.customer.c, tables.booking.c, tables.deposit.c
            who = connection.execute(select(tables.customer).where(customer.phone == known.phone)).one_or_none()
            if who is None:
                return ToolFailed(f"The message {message} is from nobody who has a bill.", "refused")
            of_theirs = (booking.id == deposit.booking_id) & (booking.customer_id == who.id)
            due = select(func.sum(deposit.cents)).join_from(tables.deposit, tables.booking, of_theirs)
            deposits = connection.scalar(due.where(deposit.status == "due")) or 0
            return self._reply(connection, message, f"Open: ${_dollars(who.open_cents)}. Deposits: ${_dollars(deposits)}.")

        return self._store.once(context, "frontdesk.tell_bill", Replied, work)

    def escalate(self, context: ToolContext, message: int, urgent: bool, reason: str) -> Escalated | ToolFailed:
        """Give a message to a person; once."""

        def work(connection: Connection) -> Escalated | ToolFailed:
            known = _message(connection, message)
            if isinstance(known, ToolFailed):
                return known
            row = {"message_id": message, "urgent": urgent, "reason": reason, "opened": self._store.stamp()}
            mine = insert_or(connection, tables.escalation).values(row).on_conflict_do_nothing()
            new = connection.execute(mine.returning(tables.escalation.c.id)).first() is not None
            connection.execute(_this(message, "escalated"))
            return Escalated(message_id=message, new=new)

        return self._store.once(context, "frontdesk.escalate", Escalated, work)

    def due(self, limit: int) -> Reminders:
        """Reminders whose time has come, of bookings that still stand and lie ahead."""
        reminder, booking, slot = tables.reminder.c, tables.booking.c, tables.slot.c
        with self._store.reading() as connection:
            now = house_time(connection, self._store.stamp())
            rows = connection.execute(
                select(reminder.id, reminder.booking_id, slot.start, reminder.due)
                .join_from(tables.reminder, tables.booking, booking.id == reminder.booking_id)
                .join(tables.slot, slot.id == booking.slot_id)
                .where(reminder.due <= now, reminder.sent.is_(None), booking.status == "booked", slot.start > now)
                .order_by(reminder.due, reminder.id)
                .limit(limit)
            ).all()
        return Reminders(items=[Reminder.model_validate(dict(row._mapping)) for row in rows])

    def remind(self, context: ToolContext, reminder: int) -> Reminded | ToolFailed:
        """Note that a customer was reminded; once."""

        def work(connection: Connection) -> Reminded | ToolFailed:
            this = tables.reminder.c.id == reminder
            if connection.scalar(select(tables.reminder.c.id).where(this)) is None:
                return ToolFailed(f"There is no reminder {reminder}.", "not_found")
            mark = update(tables.reminder).where(this, tables.reminder.c.sent.is_(None)).values(sent=self._store.stamp())
            return Reminded(id=reminder, new=connection.execute(mark).rowcount == 1)

        return self._store.once(context, "booking.remind", Reminded, work)

    def _reply(self, connection: Connection, message: int, text: str) -> Replied:
        row = {"message_id": message, "text": text, "sent": self._store.stamp()}
        mine = insert_or(connection, tables.reply).values(row).on_conflict_do_nothing()
        new = connection.execute(mine.returning(tables.reply.c.id)).first() is not None
        connection.execute(_this(message, "done"))
        return Replied(message_id=message, new=new)


def _message(connection: Connection, message: int) -> Row[Any] | ToolFailed:
    known = connection.execute(select(tables.message).where(tables.message.c.id == message)).one_or_none()
    return ToolFailed(f"There is no message {message}.", "not_found") if known is None else known


def _this(message: int, status: str) -> Update:
    return update(tables.message).where(tables.message.c.id == message).values(status=status)


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
