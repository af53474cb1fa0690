"""Planner: the strong model writes a script, and repairs it when the checker refuses it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from planner.catalog import Catalog
from planner.diagnostic import Diagnostic
from planner.errors import CompileError
from planner.llm.json_reply import ModelReplyInvalid, parse_json_reply
from planner.llm.port import Heard, Message, complete
from planner.models import Role
from planner.plan import Plan
from planner.prompt import plan_messages
from planner.replan import Broken, replan_messages
from planner.script import script_of
from planner.toolspec import JsonSchema
from planner.usage import Usage

_FENCE = re.compile(r"```[^\n`]*\n(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Draft:
    """A script as the model wrote it, not looked at yet; `unreadable` says why there is none."""

    script: str
    usage: Usage
    unreadable: str = ""


class Planner:
    """Asks one model for plans. With `as_json` it answers in the schema of Plan instead of script."""

    def __init__(self, role: Role, *, as_json: bool = False) -> None:
        self.role = role
        self._as_json = as_json

    def messages(
        self,
        goal: str,
        catalog: Catalog,
        tried: Sequence[tuple[str, Sequence[Diagnostic]]] = (),
        looked_up: str = "",
        about: str = "",
    ) -> tuple[Message, ...]:
        """What the model will be sent: for the ceilings to be asked in front."""
        return plan_messages(goal, catalog, tried, looked_up, about, as_json=self._as_json)

    def replan_messages(self, broken: Broken, tried: Sequence[tuple[str, Sequence[Diagnostic]]] = ()) -> tuple[Message, ...]:
        """What the model will be sent for the lines that mend a plan."""
        return replan_messages(broken, tried, as_json=self._as_json)

    async def write(self, messages: tuple[Message, ...], heard: Heard | None = None) -> Draft:
        """Ask once; raises ModelError with what was billed. `heard` is given the pieces of a script as they come."""
        schema: JsonSchema | None = Plan.model_json_schema() if self._as_json else None
        reply = await complete(self.role.model, self.role.request(messages, schema), None if self._as_json else heard)
        if reply.finish == "length":
            most = self.role.terms.max_output_tokens
            return Draft(
                script_text(reply.text), reply.usage, f"The answer was cut off at {most} tokens: write a shorter plan."
            )
        if not self._as_json:
            return Draft(script_text(reply.text), reply.usage)
        try:
            plan = Plan.model_validate(parse_json_reply(reply.text, Plan.model_json_schema()))
            return Draft(script_of(plan), reply.usage)
        except ModelReplyInvalid as error:
            return Draft(reply.text, reply.usage, error.message)
        except (ValueError, CompileError) as error:
            return Draft(reply.text, reply.usage, str(error)[:1_000])


def script_text(reply: str) -> str:
    """The script in a reply: what stands in its first code fence, if it has one, else the whole."""
    fenced = _FENCE.search(reply)
    return (fenced[1] if fenced else reply).strip("\n") + "\n"
