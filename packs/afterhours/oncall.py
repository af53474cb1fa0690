"""OnCall: incidents, who is paged for them, and the report, as tools of the namespace `oncall`. Nothing leaves the machine."""

from __future__ import annotations

from executor.record_tools import RecordTools, took_effect
from executor.tool import ToolContext, ToolFailed, tool
from packs.afterhours.arguments import Id, Ids, Report, Summary, Urgency
from packs.afterhours.records import Records
from packs.afterhours.told import Incident, Paged, Rota, Waiting, Written


class OnCall(RecordTools[Records]):
    """The tools of the namespace `oncall`."""

    @tool(effect="read", labels={"": "trusted"})
    def rota(self) -> Rota:
        """Who is on duty, in the order in which they are paged."""
        return self.records.night.rota()

    @tool(
        effect="write", idempotent=True, commutes=True, sensitive=(), labels={"": "trusted"}, not_found=True, probe=took_effect
    )
    def open_incident(self, message_id: Id, urgency: Urgency, summary: Summary, context: ToolContext) -> Incident | ToolFailed:
        """Open an incident for a message; the same one for the same message."""
        return self.records.night.open(context, message_id, urgency, summary)

    @tool(
        effect="irreversible", idempotent=True, sensitive=("person",), labels={"": "trusted"}, not_found=True, probe=took_effect
    )
    def page(self, person: Id, incidents: Ids, context: ToolContext) -> Paged | ToolFailed:
        """Page somebody on call for incidents; for each of them once. The pager is a table: nothing leaves the machine."""
        return self.records.night.page(context, person, incidents)

    @tool(effect="read", labels={"": "trusted"}, bounds={})
    def waiting(self, incidents: Ids) -> Waiting:
        """Which of the incidents nobody has taken yet, and who took the others."""
        return self.records.night.waiting(incidents)

    @tool(effect="write", idempotent=True, sensitive=("person",), labels={"": "trusted"}, not_found=True, probe=took_effect)
    def take(self, incidents: Ids, person: Id, context: ToolContext) -> Waiting | ToolFailed:
        """Note that somebody looks after incidents."""
        return self.records.night.take(context, incidents, person)

    @tool(effect="write", idempotent=True, sensitive=(), labels={"": "trusted"}, probe=took_effect)
    def write_report(self, text: Report, context: ToolContext) -> Written | ToolFailed:
        """Keep the morning report."""
        return self.records.night.report(context, text)
