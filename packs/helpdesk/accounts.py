"""Accounts: what the help desk does to them, as tools of the namespace `accounts`."""

from __future__ import annotations

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
from packs.helpdesk.arguments import Id
from packs.helpdesk.records import Records
from packs.helpdesk.told import Reset, Unlocked


class Accounts(RecordTools[Records]):
    """The tools of the namespace `accounts`."""

    @tool(
        effect="write", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect
    )
    def reset_for_ticket(self, ticket_id: Id, context: ToolContext) -> Reset | ToolFailed:
        """Send a reset link to the account that a ticket was written from; fails where it is locked."""
        return self.records.rows.reset(context, ticket_id)

    @tool(
        effect="irreversible", idempotent=True, sensitive=("account_id",), labels={"": "trusted"}, not_found=True,
        probe=took_effect,
    )  # fmt: skip
    def unlock(self, account_id: Id, context: ToolContext) -> Unlocked | ToolFailed:
        """Unlock an account; for people to approve."""
        return self.records.rows.unlock(context, account_id)
