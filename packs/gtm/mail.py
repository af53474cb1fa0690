"""Mail: an outbox in the database, as tools of the namespace `mail`. Nothing ever leaves the machine."""

from __future__ import annotations

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
from packs.gtm.arguments import Body, Email, Id, Limit, MailStatus, Subject
from packs.gtm.letter import Draft, Mails, Sent
from packs.gtm.records import Records


class Outbox(RecordTools[Records]):
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
        return self.records.letters.draft(context, lead_id, to, subject, body)

    @tool(effect="irreversible", idempotent=True, labels={"": "trusted"}, not_found=True, probe=took_effect)
    def send(self, draft_id: Id, context: ToolContext) -> Sent | ToolFailed:
        """Mark a draft as sent and its new lead as contacted. The outbox is a table: nothing leaves the machine."""
        return self.records.letters.send(context, draft_id)

    @tool(
        effect="read",
        labels={"": "trusted", "items[].subject": "untrusted", "items[].body": "untrusted"},
        bounds={"items": "limit"},
    )
    def list_outbox(self, status: MailStatus | None = None, limit: Limit = 20) -> Mails:
        """The mails in the outbox, or those of a status, newest first."""
        return self.records.letters.newest(status, limit)
