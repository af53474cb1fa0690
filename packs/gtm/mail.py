"""Mail: an outbox in the database, as tools of the namespace `mail`. Nothing ever leaves the machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, insert, select, update

from executor.tool import ToolContext, ToolFailed, tool
from packs.gtm import tables
from packs.gtm.arguments import Body, Email, Id, Limit, MailStatus, Subject
from packs.gtm.crm import find_lead
from packs.gtm.store import StoreTools, took_effect


class Draft(BaseModel):
    id: int
    status: MailStatus


class Sent(BaseModel):
    id: int
    status: MailStatus
    to: str


class Mail(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int
    lead_id: int
    to: str
    subject: str
    body: str
    status: MailStatus
    created: str
    sent: str | None


class Mails(BaseModel):
    items: Annotated[list[Mail], Field(max_length=100)]


class Outbox(StoreTools):
    """The tools of the namespace `mail`."""

    @tool(
        effect="write",
        idempotent=True,
        commutes=True,
        sensitive=("to",),
        labels={"": "trusted"},
        not_found=True,
        probe=took_effect,
    )
    def draft(self, lead_id: Id, to: Email, subject: Subject, body: Body, context: ToolContext) -> Draft | ToolFailed:
        """Put the draft of a mail to a lead into the outbox."""

        def work(connection: Connection) -> Draft | ToolFailed:
            lead = find_lead(connection, lead_id)
            if isinstance(lead, ToolFailed):
                return lead
            row = insert(tables.outbox).values(
                key=context.key,
                lead_id=lead_id,
                to=to,
                subject=" ".join(subject.split()),  # a line break in a subject would start another header
                body=body,
                status="draft",
                created=self.store.stamp(),
            )
            return Draft(id=connection.execute(row.returning(tables.outbox.c.id)).scalar_one(), status="draft")

        return self.store.once(context, "mail.draft", Draft, work)

    @tool(effect="irreversible", idempotent=True, labels={"": "trusted"}, not_found=True, probe=took_effect)
    def send(self, draft_id: Id, context: ToolContext) -> Sent | ToolFailed:
        """Mark a draft as sent and its new lead as contacted. The outbox is a table: nothing leaves the machine."""

        def work(connection: Connection) -> Sent | ToolFailed:
            now = self.store.stamp()
            mail = tables.outbox.c
            a_draft = update(tables.outbox).where(mail.id == draft_id, mail.status == "draft")
            sent = connection.execute(a_draft.values(status="sent", sent=now).returning(mail.to, mail.lead_id)).first()
            if sent is None:
                return _not_sendable(connection, draft_id)
            a_new_lead = update(tables.lead).where(tables.lead.c.id == sent.lead_id, tables.lead.c.status == "new")
            connection.execute(a_new_lead.values(status="contacted", updated=now))
            return Sent(id=draft_id, status="sent", to=sent.to)

        return self.store.once(context, "mail.send", Sent, work)

    @tool(
        effect="read",
        labels={"": "trusted", "items[].subject": "untrusted", "items[].body": "untrusted"},
        bounds={"items": "limit"},
    )
    def list_outbox(self, status: MailStatus | None = None, limit: Limit = 20) -> Mails:
        """The mails in the outbox, or those of a status, newest first."""
        wanted = select(tables.outbox).order_by(tables.outbox.c.id.desc()).limit(limit)
        if status is not None:
            wanted = wanted.where(tables.outbox.c.status == status)
        with self.store.reading() as connection:
            return Mails(items=[Mail.model_validate(row) for row in connection.execute(wanted)])


def _not_sendable(connection: Connection, draft_id: int) -> ToolFailed:
    sent = connection.execute(select(tables.outbox.c.sent).where(tables.outbox.c.id == draft_id)).first()
    if sent is None:
        return ToolFailed(f"There is no draft {draft_id}.", "not_found")
    return ToolFailed(f"Mail {draft_id} was sent already, {sent.sent}.", "refused")
