"""DeskRows: tickets, replies, escalations and accounts in the pack's tables."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Update, insert, select, update

from executor.pack_store import PackStore, insert_or
from executor.tool import ToolContext, ToolFailed
from packs.helpdesk import tables
from packs.helpdesk.arguments import Kind, Priority
from packs.helpdesk.articles import found
from packs.helpdesk.told import Articles, Escalated, Opened, Replied, Reset, Ticket, Tickets, Triaged, Unlocked


class DeskRows:
    """What the pack's tools read and write; the context's key makes a repeated effect the same one."""

    def __init__(self, store: PackStore) -> None:
        self._store = store

    def open_tickets(self, limit: int) -> Tickets:
        """Tickets that nobody has looked after, oldest first."""
        ticket = tables.ticket.c
        wanted = select(ticket.id, ticket.subject, ticket.text, ticket.created).where(ticket.status == "open")
        with self._store.reading() as connection:
            rows = connection.execute(wanted.order_by(ticket.id).limit(limit)).all()
        return Tickets(items=[Ticket.model_validate(dict(row._mapping)) for row in rows])

    def search(self, query: str, limit: int) -> Articles:
        """Articles of the knowledge base, the best first."""
        with self._store.reading() as connection:
            return Articles(items=found(connection, query, limit))

    def open(self, context: ToolContext, subject: str, text: str) -> Opened | ToolFailed:
        """Open a ticket; once for the context's key."""

        def work(connection: Connection) -> Opened:
            row = {"subject": subject, "text": text, "status": "open", "created": self._store.stamp()}
            return Opened(
                ticket_id=connection.execute(insert(tables.ticket).values(row).returning(tables.ticket.c.id)).scalar_one()
            )

        return self._store.once(context, "desk.open_ticket", Opened, work)

    def triage(self, context: ToolContext, id: int, kind: Kind, priority: Priority) -> Triaged | ToolFailed:
        """Note what a ticket is about."""

        def work(connection: Connection) -> Triaged | ToolFailed:
            if isinstance(failed := _ticket(connection, id), ToolFailed):
                return failed
            connection.execute(_this(id).values(kind=kind, priority=priority))
            return Triaged(ticket_id=id, kind=kind, priority=priority)

        return self._store.once(context, "desk.triage", Triaged, work)

    def reply(self, context: ToolContext, id: int, article: int) -> Replied | ToolFailed:
        """Answer a ticket with an article."""

        def work(connection: Connection) -> Replied | ToolFailed:
            if isinstance(failed := _ticket(connection, id), ToolFailed):
                return failed
            known = connection.execute(select(tables.article).where(tables.article.c.id == article)).one_or_none()
            if known is None:
                return ToolFailed(f"There is no article {article}.", "not_found")
            row = {
                "ticket_id": id,
                "article_id": article,
                "text": f"{known.title}\n\n{known.text}",
                "sent": self._store.stamp(),
            }
            made = connection.execute(insert(tables.reply).values(row).returning(tables.reply.c.id)).scalar_one()
            connection.execute(_this(id).values(status="answered"))
            return Replied(ticket_id=id, reply_id=made)

        return self._store.once(context, "desk.reply", Replied, work)

    def escalate(self, context: ToolContext, id: int, reason: str) -> Escalated | ToolFailed:
        """Give a ticket to a person; once."""

        def work(connection: Connection) -> Escalated | ToolFailed:
            if isinstance(failed := _ticket(connection, id), ToolFailed):
                return failed
            row = {"ticket_id": id, "reason": reason, "opened": self._store.stamp()}
            mine = insert_or(connection, tables.escalation).values(row).on_conflict_do_nothing()
            new = connection.execute(mine.returning(tables.escalation.c.id)).first() is not None
            connection.execute(_this(id).values(status="escalated"))
            return Escalated(ticket_id=id, new=new)

        return self._store.once(context, "desk.escalate", Escalated, work)

    def reset(self, context: ToolContext, id: int) -> Reset | ToolFailed:
        """Send a reset link to the account that the ticket was written from, wherever the ticket says to send it."""

        def work(connection: Connection) -> Reset | ToolFailed:
            ticket = _ticket(connection, id)
            if isinstance(ticket, ToolFailed):
                return ticket
            account = tables.account.c
            owner = connection.execute(select(tables.account).where(account.id == ticket.account_id)).one_or_none()
            if owner is None:
                return ToolFailed(f"The ticket {id} was written by nobody who was signed in.", "refused")
            if owner.locked:
                return ToolFailed(f"The account of the ticket {id} is locked: a person has to look at it.", "refused")
            connection.execute(update(tables.account).where(account.id == owner.id).values(resets=account.resets + 1))
            connection.execute(_this(id).values(status="answered"))
            return Reset(ticket_id=id, status="sent")

        return self._store.once(context, "accounts.reset_for_ticket", Reset, work)

    def unlock(self, context: ToolContext, account: int) -> Unlocked | ToolFailed:
        """Unlock an account."""

        def work(connection: Connection) -> Unlocked | ToolFailed:
            it = update(tables.account).where(tables.account.c.id == account).values(locked=False)
            if connection.execute(it).rowcount == 0:
                return ToolFailed(f"There is no account {account}.", "not_found")
            return Unlocked(account_id=account)

        return self._store.once(context, "accounts.unlock", Unlocked, work)


def _this(id: int) -> Update:
    return update(tables.ticket).where(tables.ticket.c.id == id)


def _ticket(connection: Connection, id: int) -> Row[Any] | ToolFailed:
    known = connection.execute(select(tables.ticket).where(tables.ticket.c.id == id)).one_or_none()
    return ToolFailed(f"There is no ticket {id}.", "not_found") if known is None else known
