"""Desk: tickets and the knowledge base, as tools of the namespace `desk`."""

from __future__ import annotations

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
from packs.helpdesk.arguments import Hits, Id, Kind, Limit, Priority, Reason, Subject, Words
from packs.helpdesk.records import Records
from packs.helpdesk.rules import sorted_by_rules
from packs.helpdesk.told import Articles, Escalated, Opened, Replied, Sorted, Tickets, Triaged


class Desk(RecordTools[Records]):
    """The tools of the namespace `desk`."""

    @tool(
        effect="read",
        labels={"": "trusted", "items[].subject": "untrusted", "items[].text": "untrusted"},
        bounds={"items": "limit"},
    )
    def open_tickets(self, limit: Limit = 20) -> Tickets:
        """Tickets that nobody has looked after yet, oldest first."""
        return self.records.rows.open_tickets(limit)

    @tool(effect="read")
    def sort_by_rules(self, text: Words) -> Sorted:
        """What a ticket is about by its words alone: password, billing, fault or other; and how urgent."""
        return sorted_by_rules(text)

    @tool(effect="read", labels={"": "trusted"}, bounds={"items": "limit"})
    def search_articles(self, query: Words, limit: Hits = 3) -> Articles:
        """Articles of the knowledge base that have words of the query, the best first."""
        return self.records.rows.search(query, limit)

    @tool(effect="write", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, probe=took_effect)
    def open_ticket(self, subject: Subject, text: Words, context: ToolContext) -> Opened | ToolFailed:
        """Open a ticket for what somebody wrote elsewhere; it is nobody's who was signed in."""
        return self.records.rows.open(context, subject, text)

    @tool(
        effect="write", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect
    )
    def triage(self, ticket_id: Id, kind: Kind, priority: Priority, context: ToolContext) -> Triaged | ToolFailed:
        """Note what a ticket is about and how urgent it is."""
        return self.records.rows.triage(context, ticket_id, kind, priority)

    @tool(
        effect="irreversible", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True,
        probe=took_effect,
    )  # fmt: skip
    def reply(self, ticket_id: Id, article_id: Id, context: ToolContext) -> Replied | ToolFailed:
        """Answer a ticket with an article of the knowledge base."""
        return self.records.rows.reply(context, ticket_id, article_id)

    @tool(
        effect="write", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect
    )
    def escalate(self, ticket_id: Id, reason: Reason, context: ToolContext) -> Escalated | ToolFailed:
        """Give a ticket to a person."""
        return self.records.rows.escalate(context, ticket_id, reason)
