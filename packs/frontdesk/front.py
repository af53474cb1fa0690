"""Front: the messages of the front desk, as tools of the namespace `frontdesk`. Nothing leaves the machine."""

from __future__ import annotations

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
from packs.frontdesk.arguments import Id, Limit, Reason, Reply
from packs.frontdesk.records import Records
from packs.frontdesk.told import Escalated, Messages, Read, Replied


class Front(RecordTools[Records]):
    """The tools of the namespace `frontdesk`."""

    @tool(effect="read", labels={"": "trusted", "items[].text": "untrusted"}, bounds={"items": "limit"})
    def new_messages(self, limit: Limit = 50) -> Messages:
        """Messages to the front desk that nobody has looked after yet, oldest first."""
        return self.records.front.new(limit)

    @tool(effect="read", labels={"": "untrusted"}, not_found=True)
    def read_by_rules(self, message_id: Id) -> Read | ToolFailed:
        """What a message wants by its words alone, the service and the time; `clear`: all of the time was understood."""
        return self.records.front.read(message_id)

    @tool(
        effect="irreversible", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True,
        probe=took_effect,
    )  # fmt: skip
    def reply(self, message_id: Id, text: Reply, context: ToolContext) -> Replied | ToolFailed:
        """Answer whom a message is from; once."""
        return self.records.front.reply(context, message_id, text)

    @tool(
        effect="irreversible", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True,
        probe=took_effect,
    )  # fmt: skip
    def answer_question(self, message_id: Id, context: ToolContext) -> Replied | ToolFailed:
        """Answer a question with the house's own fact on it; fails where there is none, or more than one."""
        return self.records.front.answer(context, message_id)

    @tool(
        effect="irreversible", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True,
        probe=took_effect,
    )  # fmt: skip
    def tell_bill(self, message_id: Id, context: ToolContext) -> Replied | ToolFailed:
        """Tell whom a message is from what they have to pay."""
        return self.records.front.bill(context, message_id)

    @tool(
        effect="write", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect
    )
    def escalate(self, message_id: Id, urgent: bool, reason: Reason, context: ToolContext) -> Escalated | ToolFailed:
        """Give a message to a person, at once if it is urgent."""
        return self.records.front.escalate(context, message_id, urgent, reason)
