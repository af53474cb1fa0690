"""Booking: slots, bookings, deposits and reminders, as tools of the namespace `booking`. No money leaves the machine."""

from __future__ import annotations

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
from packs.frontdesk.arguments import Cents, Id, Limit, Service, When
from packs.frontdesk.records import Records
from packs.frontdesk.told import Booked, Cancelled, Deposit, Reminded, Reminders, Slots


class Booking(RecordTools[Records]):
    """The tools of the namespace `booking`."""

    @tool(effect="read", labels={"": "trusted"}, bounds={"items": "limit"}, not_found=True)
    def free_slots(self, service: Service, when: When, limit: Limit = 10) -> Slots | ToolFailed:
        """Free slots for a service at such a time, the earliest first."""
        return self.records.bookings.free(service, when, limit)

    @tool(effect="write", idempotent=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect)
    def book_earliest(self, message_id: Id, service: Service, when: When, context: ToolContext) -> Booked | ToolFailed:
        """Book the earliest free slot for whom a message is from; a message books once."""
        return self.records.bookings.book(context, message_id, service, when)

    @tool(effect="write", idempotent=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect)
    def move_for_message(self, message_id: Id, when: When, context: ToolContext) -> Booked | ToolFailed:
        """Move the one booking of whom a message is from to the earliest free slot at such a time."""
        return self.records.bookings.move(context, message_id, when)

    @tool(effect="write", idempotent=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect)
    def cancel_for_message(self, message_id: Id, when: When, context: ToolContext) -> Cancelled | ToolFailed:
        """Cancel the one booking of whom a message is from, if it lies at the time that the message names."""
        return self.records.bookings.cancel(context, message_id, when)

    @tool(
        effect="irreversible", idempotent=True, sensitive=("booking_id", "cents"), labels={"": "trusted"}, not_found=True,
        probe=took_effect,
    )  # fmt: skip
    def settle_deposit(self, booking_id: Id, cents: Cents, context: ToolContext) -> Deposit | ToolFailed:
        """Note that a deposit was paid, to the cent."""
        return self.records.bookings.settle(context, booking_id, cents)

    @tool(effect="read", labels={"": "trusted"}, bounds={"items": "limit"})
    def due_reminders(self, limit: Limit = 50) -> Reminders:
        """Reminders whose time has come."""
        return self.records.front.due(limit)

    @tool(
        effect="irreversible", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True,
        probe=took_effect,
    )  # fmt: skip
    def remind(self, reminder_id: Id, context: ToolContext) -> Reminded | ToolFailed:
        """Remind a customer of a booking; once."""
        return self.records.front.remind(context, reminder_id)
