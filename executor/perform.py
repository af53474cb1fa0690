"""Perform: carry out one call, with its retries, to an event that says how it ended. Nothing here decides what runs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from executor.artifacts import Artifacts
from executor.ask import Prompt, ask_prompt, choose_prompt
from executor.call import call_tool
from executor.events import CallFailed, CallFinished
from executor.ledger import Need, model_need
from executor.moves import Start, instead
from executor.tool import Tool, ToolContext, ToolDone, ToolFailed
from executor.toolset import Toolset
from planner.errors import ModelError
from planner.flow import model_labels, result_labels
from planner.labels import Label, Labels, Origin
from planner.llm.json_reply import ModelReplyInvalid
from planner.llm.port import complete
from planner.models import Models, Role
from planner.program import Step
from planner.toolspec import Json
from planner.usage import NO_USAGE, Usage
from planner.worst import pages_of

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 30.0
Ended = CallFinished | CallFailed
Secrets = Callable[[str], str | None]


class Attempts(Protocol):
    """Leave to go on with a call: each further attempt asks the ceilings and is journaled."""

    def more(self, need: Need) -> bool:
        """Whether the call may take this on top of what it has reserved."""
        ...

    def failed(self, reason: str, usage: Usage, *, tool_call: bool) -> None:
        """An attempt failed and another one is made."""
        ...


@dataclass(frozen=True)
class Performer:
    """Carries out the calls of one run."""

    run: str
    toolset: Toolset
    models: Models
    artifacts: Artifacts
    secrets: Secrets
    workspace: Path | None = None

    def need(self, start: Start) -> Need:
        """The most that a call's first attempt takes: what the ceilings are asked for before it starts."""
        step = start.step
        if step.kind in ("tool", "attempt", "pages"):
            return Need(calls=1, usd=self.toolset[step.tool].spec.usd)
        role = self.models.of(step)
        return Need() if role is None else model_need(role.most(self._prompt(start).messages))

    async def perform(self, start: Start, key: str, attempts: Attempts) -> Ended:
        """Make the call; its failure, after its retries, becomes the script's `otherwise` if there is one.

        The default of an `attempt` is for what is not found alone: its other failures stay failures.
        """
        begun = time.monotonic()
        ended = await self._perform(start, key, attempts)
        if isinstance(ended, CallFailed) and start.otherwise is not None and start.step.kind != "attempt":
            instead_of = instead(start.step.id, start.item, start.otherwise, f"{ended.kind}: {ended.message}")
            ended = instead_of.model_copy(update={"usage": ended.usage})
        return ended.model_copy(update={"seconds": round(time.monotonic() - begun, 4)})

    async def _perform(self, start: Start, key: str, attempts: Attempts) -> Ended:
        match start.step.kind:
            case "tool":
                return await self._tool(start, key, attempts)
            case "attempt":
                return await self._attempt(start, key, attempts)
            case "pages":
                return await self._pages(start, key, attempts)
            case _:
                return await self._model(start, attempts)

    # -- tools

    async def _tool(self, start: Start, key: str, attempts: Attempts) -> Ended:
        tool = self.toolset[start.step.tool]
        result = await self._called(start, tool, start.bound.arguments, key, attempts)
        if isinstance(result, ToolFailed):
            return _failed(start, result.kind, result.message, usage=Usage(usd=tool.spec.usd))
        labels = result_labels(tool.spec, start.bound.label)
        return _finished(start, result.value, labels, usage=Usage(usd=tool.spec.usd))

    async def _attempt(self, start: Start, key: str, attempts: Attempts) -> Ended:
        tool = self.toolset[start.step.tool]
        result = await self._called(start, tool, start.bound.arguments, key, attempts)
        usage = Usage(usd=tool.spec.usd)
        if isinstance(result, ToolDone):
            return _finished(start, result.value, result_labels(tool.spec, start.bound.label), usage=usage)
        if result.kind == "not_found" and start.otherwise is not None:
            ended = instead(start.step.id, start.item, start.otherwise, result.message)
            found = {"how": "default"} if isinstance(ended, CallFinished) else {}
            return ended.model_copy(update={"usage": usage, **found})
        return _failed(start, result.kind, result.message, usage=usage)

    async def _pages(self, start: Start, key: str, attempts: Attempts) -> Ended:
        step, tool = start.step, self.toolset[start.step.tool]
        labels = result_labels(tool.spec, start.bound.label)
        arguments, items, limit = dict(start.bound.arguments), list[Json](), step.options.limit
        for page in range(1, pages_of(step) + 1):
            usage = Usage(usd=tool.spec.usd * page)
            result = await self._called(start, tool, arguments, f"{key}.{page}", attempts)
            if isinstance(result, ToolFailed):
                return _failed(start, result.kind, result.message, usage=usage)
            found, cursor = _page(result.value, step)
            if found is None:
                return _failed(start, "shape", f"{step.tool} gave no list `{step.options.items}`.", usage=usage)
            items.extend(found)
            if not cursor or (limit is not None and len(items) >= limit):
                listed = Labels(each=labels.child(step.options.items).child(0), shape=labels.whole())
                ended = _finished(start, items[:limit], listed, usage=usage)
                return ended.model_copy(update={"further_calls": page - 1})
            arguments[step.options.cursor] = cursor
            if not attempts.more(Need(calls=1, usd=tool.spec.usd)):
                return _failed(start, "ceiling", "A ceiling forbids the next page.", usage=usage)
        return _failed(
            start, "fan_out", f"{step.tool} has more than {pages_of(step)} pages: narrow it, or give limit=.", usage=usage
        )

    async def _called(
        self, start: Start, tool: Tool, arguments: Mapping[str, Json], key: str, attempts: Attempts
    ) -> ToolDone | ToolFailed:
        """One call with the retries that its transient failures allow."""
        options = start.step.options
        retries = tool.spec.retries if options.retry is None else options.retry
        secret = {name: self.secrets(of) for name, of in start.bound.secrets.items()}
        missing = [start.bound.secrets[name] for name, value in secret.items() if value is None]
        if missing:
            return ToolFailed(f"The secret `{missing[0]}` is not set.", "refused")
        context = ToolContext(key=key, run=self.run, artifacts=self.artifacts, workspace=self.workspace)
        for attempt in range(retries + 1):
            result = await call_tool(tool, {**arguments, **secret}, context, timeout_s=options.timeout_s)
            worth = isinstance(result, ToolFailed) and (result.kind == "transient" or _harmless(result, tool))
            if not worth or isinstance(result, ToolDone) or attempt == retries:
                return result
            if not attempts.more(Need(calls=1, usd=tool.spec.usd)):
                return result
            attempts.failed(result.message, Usage(usd=tool.spec.usd), tool_call=True)
            await asyncio.sleep(_wait(attempt, result.retry_after_s))
        raise AssertionError("the last attempt returns")

    # -- models

    def _prompt(self, start: Start) -> Prompt:
        inputs = dict(start.bound.arguments)
        if start.step.kind == "choose":
            question, items = str(inputs.pop("question")), inputs.pop("items")
            return choose_prompt(question, list(items), inputs, or_none=start.step.returns is not None)
        return ask_prompt(str(inputs.pop("instruction")), inputs, start.step.returns)

    async def _model(self, start: Start, attempts: Attempts) -> Ended:
        step = start.step
        if step.kind == "choose" and not isinstance(start.bound.arguments["items"], list):
            return _failed(start, "expression", "choose wants a list of items.")
        if step.kind == "choose" and not start.bound.arguments["items"]:
            return self._no_choice(start)
        role = self.models.of(step)
        if role is None:
            message = "No model is configured. Set OPENAI_API_KEY or PLANRAIL_EXECUTOR_MODEL, or give the step an otherwise=."
            return _failed(start, "no_model", message)
        prompt = self._prompt(start)
        most = role.most(prompt.messages)
        if most.input_tokens > role.terms.max_input_tokens:
            message = (
                f"Its inputs take {most.input_tokens:,} tokens; {role.terms.max_input_tokens:,} are allowed: give it less."
            )
            return _failed(start, "too_long", message)
        return await self._asked(start, role, prompt, attempts)

    def _no_choice(self, start: Start) -> Ended:
        if start.step.returns is None:
            return _failed(start, "expression", "There is nothing to choose from.")
        return _finished(start, None, model_labels(start.step.id, start.bound.label))

    async def _asked(self, start: Start, role: Role, prompt: Prompt, attempts: Attempts) -> Ended:
        """Ask, and once again with the complaint when the answer does not fit its type."""
        for attempt in range(2):
            try:
                reply = await complete(role.model, role.request(prompt.messages, prompt.schema))
            except ModelError as error:
                return _failed(start, "model", error.message, usage=error.usage)
            try:
                return self._answered(start, prompt.value(reply.text), usage=reply.usage)
            except ModelReplyInvalid as invalid:
                again = prompt.repaired(reply.text, invalid.message)
                if attempt or not attempts.more(model_need(role.most(again.messages))):
                    return _failed(start, "invalid", invalid.message, usage=reply.usage)
                attempts.failed(invalid.message, reply.usage, tool_call=False)
                prompt = again
        raise AssertionError("the second attempt returns")

    def _answered(self, start: Start, value: Json, *, usage: Usage) -> Ended:
        step = start.step
        if step.kind != "choose":
            return _finished(start, value, model_labels(step.id, start.bound.label), usage=usage)
        items = start.bound.tagged["items"]
        others = (label for name, label in start.bound.labels.items() if name != "items")
        deciding = Label(frozenset((Origin(f"model {step.id}", trusted=True),)))
        for label in (*others, items.labels.whole()):
            deciding = deciding.join(label)
        if value is None:
            return _finished(start, None, Labels.of(deciding), usage=usage)
        chosen = items.labels.child(value).with_choice(deciding)
        return _finished(start, start.bound.arguments["items"][value], chosen, usage=usage)


def _harmless(result: ToolFailed, tool: Tool) -> bool:
    """A read that timed out may be asked again; an effect that did may have happened."""
    return result.kind == "timeout" and (not tool.spec.has_effect or tool.spec.idempotent)


def _wait(attempt: int, wish: float | None) -> float:
    """Seconds before the next attempt: the other side's wish, else doubling with jitter."""
    if wish is not None:
        return min(wish, _LONGEST_WAIT_S)
    doubled = _FIRST_WAIT_S * float(2**attempt)
    return min(doubled, _LONGEST_WAIT_S) * random.uniform(0.5, 1.5)


def _page(value: Json, step: Step) -> tuple[list[Json] | None, Json]:
    """The items of a page, and the cursor of the next one."""
    if not isinstance(value, dict) or not isinstance(value.get(step.options.items), list):
        return None, None
    return value[step.options.items], value.get(step.options.cursor)


def _finished(start: Start, value: Json, labels: Labels, *, usage: Usage = NO_USAGE) -> CallFinished:
    return CallFinished(step=start.step.id, item=start.item, value=value, labels=labels.to_json(), usage=usage)


def _failed(start: Start, kind: str, message: str, *, usage: Usage = NO_USAGE) -> CallFailed:
    return CallFailed(step=start.step.id, item=start.item, kind=kind, message=message, usage=usage)
