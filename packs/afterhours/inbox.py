"""Inbox: what came in after hours, as tools of the namespace `inbox`."""

from __future__ import annotations

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
from packs.afterhours.arguments import Limit, Through, Words
from packs.afterhours.records import Records
from packs.afterhours.rules import judged
from packs.afterhours.told import Judged, Messages
from packs.afterhours.told import Through as GoneThrough


class Inbox(RecordTools[Records]):
    """The tools of the namespace `inbox`."""

    @tool(
        effect="read",
        labels={"": "trusted", "items[].caller": "untrusted", "items[].text": "untrusted"},
        bounds={"items": "limit"},
    )
    def new_messages(self, limit: Limit = 50) -> Messages:
        """What came in since the inbox was last gone through, oldest first."""
        return self.records.night.new(limit)

    @tool(effect="read")
    def judge_by_rules(self, text: Words) -> Judged:
        """How urgent a message is by its words alone: now, morning or none."""
        return judged(text)

    @tool(effect="write", idempotent=True, labels={"": "trusted"}, probe=took_effect)
    def advance(self, through: Through, context: ToolContext) -> GoneThrough | ToolFailed:
        """Note that the inbox has been gone through to the message with that number."""
        return self.records.night.advance(context, through)
