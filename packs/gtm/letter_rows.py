"""LetterRows: the outbox in the pack's tables."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from executor.pack_store import PackStore
from executor.tool import ToolContext, ToolFailed
from packs.gtm import tables
from packs.gtm.lead_rows import find_lead
from packs.gtm.letter import Draft, Mail, Mails, Sent


class LetterRows:
    """What the tools of the namespace `mail` read and write; the context's key makes a repeated effect the same one."""

    def __init__(self, store: PackStore) -> None:
        self._store = store

    def draft(self, context: ToolContext, lead_id: int, to: str, subject: str, body: str) -> Draft | ToolFailed:
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
                created=self._store.stamp(),
            )
            return Draft(id=connection.execute(row.returning(tables.outbox.c.id)).scalar_one(), status="draft")

        return self._store.once(context, "mail.draft", Draft, work)

    def send(self, context: ToolContext, draft_id: int) -> Sent | ToolFailed:
        """Mark a draft as sent and its new lead as contacted."""

        def work(connection: Connection) -> Sent | ToolFailed:
            now = self._store.stamp()
            mail = tables.outbox.c
            a_draft = update(tables.outbox).where(mail.id == draft_id, mail.status == "draft")
            sent = connection.execute(a_draft.values(status="sent", sent=now).returning(mail.to, mail.lead_id)).first()
            if sent is None:
                return _not_sendable(connection, draft_id)
            a_new_lead = update(tables.lead).where(tables.lead.c.id == sent.lead_id, tables.lead.c.status == "new")
            connection.execute(a_new_lead.values(status="contacted", updated=now))
            return Sent(id=draft_id, status="sent", to=sent.to)

        return self._store.once(context, "mail.send", Sent, work)

    def newest(self, status: str | None, limit: int) -> Mails:
        """The mails in the outbox, or those of a status, newest first."""
        wanted = select(tables.outbox).order_by(tables.outbox.c.id.desc()).limit(limit)
        if status is not None:
            wanted = wanted.where(tables.outbox.c.status == status)
        with self._store.reading() as connection:
            return Mails(items=[Mail.model_validate(row) for row in connection.execute(wanted)])


def _not_sendable(connection: Connection, draft_id: int) -> ToolFailed:
    sent = connection.execute(select(tables.outbox.c.sent).where(tables.outbox.c.id == draft_id)).first()
    if sent is None:
        return ToolFailed(f"There is no draft {draft_id}.", "not_found")
    return ToolFailed(f"Mail {draft_id} was sent already, {sent.sent}.", "refused")
