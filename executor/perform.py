"""Perform: carry out one call, with its retries, to an event that says how it ended. Nothing here decides what runs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from executor.artifacts import Artifacts
from executor.ask import Prompt, Reply, ask_prompt, choose_prompt
from executor.call import call_tool
from executor.call_state import CEILING
from executor.claim import claim_s
from executor.confidence import NO_FLOORS, Floors, Measure, unsure
from executor.ends import failed as _failed
from executor.ends import finished as _finished
from executor.events import CallFailed, CallFinished
from executor.frame import Start, instead
from executor.gate import UNAVAILABLE, Gates, through
from executor.held import SOON_S, telling
from executor.journal.port import Receipt
from executor.ledger import Need, model_need
from executor.redact import redacted
from executor.run_artifacts import CallArtifacts
from executor.tool import Tool, ToolContext, ToolDone, ToolFailed
from executor.toolset import Toolset
from planner.errors import ModelError, ModelRefused
from planner.flow import model_labels, result_labels
from planner.labels import Label, Labels, Origin
from planner.llm.function import ToolFunction
from planner.llm.json_reply import ModelReplyInvalid
from planner.llm.port import Message, complete
from planner.models import Models, Role
from planner.program import TOOL_KINDS, Step
from planner.toolspec import Json, ToolSpec
from planner.usage import NO_USAGE, Usage
from planner.worst import pages_of

_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 30.0
_WISH_SPREAD = 0.1  # a wait that the other side asked for is up to so much longer
Ended = CallFinished | CallFailed
Secrets = Callable[[str], str | None]
Sleep = Callable[[float], Awaitable[None]]


class Attempts(Protocol):
    """Leave to go on with a call: each further attempt asks the ceilings and is journaled."""

    def more(self, need: Need) -> bool:
        """Whether the call may take this on top of what it has reserved."""
        ...

    def failed(self, reason: str, usage: Usage, over: Need, *, tool_call: bool = True) -> None:
        """An attempt failed and another one is made; `over` need not be reserved any longer."""
        ...

    def held(self, reason: str) -> None:
        """The call waits for its turn."""
        ...

    def fell(self, measure: Measure, value: float, floor: float) -> None:
        """The model's answer does not count: its confidence is below the floor."""
        ...

    async def renewed(self, seconds: float) -> None:
        """Claim the effect for so long anew, before an act that comes later than its claim; raises LostOwnership."""
        ...


def _lost(receipt: Receipt) -> None:
    """Nobody keeps late results."""


def _unseen(spec: ToolSpec, value: Json) -> None:
    """Nobody learns from it."""


@dataclass(frozen=True)
class Performer:
    """Carries out the calls of one run."""

    run: str
    toolset: Toolset
    models: Models
    artifacts: Artifacts
    secrets: Secrets
    workspace: Path | None = None
    sleep: Sleep = asyncio.sleep  # between attempts
    jitter: Callable[[], float] = random.random
    gates: Gates = field(default_factory=Gates)
    late: Callable[[Receipt], None] = _lost  # takes a result that came after its call was given up
    look: Callable[[ToolSpec, Json], None] = _unseen  # learns from what tools return
    floors: Floors = NO_FLOORS

    def need(self, start: Start) -> Need:
        """The most that a call's first attempt takes: what the ceilings are asked for before it starts."""
        step = start.step
        if step.kind in TOOL_KINDS:
            return Need(calls=1, usd=self.toolset[step.tool].spec.usd)
        role = self.models.of(step)
        if role is None or _unasked(start) is not None:
            return Need()
        most = role.most(*self._told(start, role))
        return Need() if most.input_tokens > role.terms.max_input_tokens else model_need(most)

    def most(self, start: Start) -> Need:
        """The most that a call takes with all its retries, as far as that is known in front."""
        step, need = start.step, self.need(start)
        if step.kind not in ("tool", "attempt", "pages"):
            return need.times(2)  # asked once again
        retries = self.toolset[step.tool].spec.retries if step.options.retry is None else step.options.retry
        return need.times(retries + 1).times(pages_of(step) if step.kind == "pages" else 1)

    async def perform(self, start: Start, key: str, attempts: Attempts) -> Ended:
        """Make the call; its failure, after its retries, becomes the script's `otherwise` if there is one.

        The default of an `attempt` is for what is not found alone: its other failures stay failures.
        """
        begun = time.monotonic()
        stored = CallArtifacts(self.artifacts)
        with telling(attempts.held):
            ended = await replace(self, artifacts=stored)._perform(start, key, attempts)
        if isinstance(ended, CallFinished) and stored.hashes:
            ended = ended.model_copy(update={"artifacts": stored.hashes})
        if isinstance(ended, CallFailed) and start.step.kind != "attempt" and ended.kind != CEILING:
            ended = self._instead(start, ended, f"{ended.kind}: {ended.message}")
        return ended.model_copy(update={"seconds": round(time.monotonic() - begun, 4)})

    def _instead(self, start: Start, failed: CallFailed, reason: str) -> Ended:
        """The script's own value for a call that failed, if it has one."""
        if start.otherwise is None:
            return failed
        label = start.bound.label
        tool = start.step.tool
        gives = result_labels(self.toolset[tool].spec, label) if tool else model_labels(start.step.id, label)
        ended = instead(start.step.id, start.item, start.otherwise, reason, gives.whole())
        return ended.model_copy(update={"usage": failed.usage, "further_calls": failed.further_calls})

    async def _perform(self, start: Start, key: str, attempts: Attempts) -> Ended:
        match start.step.kind:
            case "tool" | "poll" | "first":
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
            return _failed(start, result.kind, result.message, usage=_cost(tool, result))
        labels = result_labels(tool.spec, start.bound.label)
        return _finished(start, result.value, labels, usage=Usage(usd=tool.spec.usd))

    async def _attempt(self, start: Start, key: str, attempts: Attempts) -> Ended:
        tool = self.toolset[start.step.tool]
        result = await self._called(start, tool, start.bound.arguments, key, attempts)
        if isinstance(result, ToolDone):
            labels = result_labels(tool.spec, start.bound.label)
            return _finished(start, result.value, labels, usage=_cost(tool, result))
        failed = _failed(start, result.kind, result.message, usage=_cost(tool, result))
        if result.kind != "not_found":
            return failed
        ended = self._instead(start, failed, result.message)
        return ended.model_copy(update={"how": "default"}) if isinstance(ended, CallFinished) else ended

    async def _pages(self, start: Start, key: str, attempts: Attempts) -> Ended:
        step, tool = start.step, self.toolset[start.step.tool]
        labels = result_labels(tool.spec, start.bound.label)
        arguments, items, limit = dict(start.bound.arguments), list[Json](), step.options.limit
        for page in range(1, pages_of(step) + 1):
            result = await self._called(start, tool, arguments, f"{key}.{page}", attempts)
            spent = Usage(usd=tool.spec.usd * (page - 1)) + _cost(tool, result)
            taken = {"usage": spent, "further_calls": page - 1}
            if isinstance(result, ToolFailed):
                return _failed(start, result.kind, result.message).model_copy(update=taken)
            found, cursor = _page(result.value, step)
            if found is None:
                return _failed(start, "shape", f"{step.tool} gave no list `{step.options.items}`.").model_copy(update=taken)
            items.extend(found)
            if not cursor or (limit is not None and len(items) >= limit):
                listed = Labels(each=labels.child(step.options.items).child(0), shape=labels.whole())
                return _finished(start, items[:limit], listed).model_copy(update=taken)
            arguments[step.options.cursor] = cursor
            if page < pages_of(step) and not attempts.more(Need(calls=1, usd=tool.spec.usd)):
                return _failed(start, CEILING, "A ceiling forbids the next page.").model_copy(update=taken)
        message = f"{step.tool} has more than {pages_of(step)} pages: narrow it, or give limit=."
        return _failed(start, "fan_out", message).model_copy(update=taken)

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
        gate, given = self.gates.of_tool(tool, arguments), {**arguments, **secret}
        known = {of: secret[name] for name, of in start.bound.secrets.items()}
        begun, limit = time.monotonic(), options.timeout_s
        for attempt in range(retries + 1):
            if start.step.kind == "first" and options.timeout_s is not None:  # its time is for all attempts together
                limit = max(options.timeout_s - (time.monotonic() - begun), 0.001)
            late = _Late(self, start, tool, key, known)
            again = attempt > 0

            async def act() -> ToolDone | ToolFailed:
                if tool.spec.has_effect and (again or time.monotonic() - begun > SOON_S):  # noqa: B023  # awaited here
                    await attempts.renewed(claim_s(start.step, tool.spec))
                return await call_tool(tool, given, context, timeout_s=limit, late=late)  # noqa: B023

            result = await through(gate, act)
            late.billed = True
            result = redacted(result, known)
            if isinstance(result, ToolDone):
                self.look(tool.spec, result.value)
            if isinstance(result, ToolDone) or not _worth_another(result, tool) or attempt == retries:
                return result
            made = result.kind != UNAVAILABLE  # else nothing was called, and nothing more is taken
            need = Need(calls=1, usd=tool.spec.usd) if made else Need()
            if not attempts.more(need):
                return ToolFailed(f"{result.message} A ceiling forbids another attempt.", CEILING)  # type: ignore[arg-type]  # ours
            attempts.failed(result.message, _cost(tool, result), need, tool_call=made)
            await self.sleep(self._wait(attempt, result.retry_after_s))
        raise AssertionError("the last attempt returns")

    def _wait(self, attempt: int, wish: float | None) -> float:
        """Seconds before the next attempt: the other side's wish, else doubling with jitter."""
        if wish is not None:
            return min(wish * (1.0 + _WISH_SPREAD * self.jitter()), _LONGEST_WAIT_S)  # others were asked to wait as long
        return min(_FIRST_WAIT_S * float(2**attempt), _LONGEST_WAIT_S) * (0.5 + self.jitter())

    # -- models

    def _prompt(self, start: Start) -> Prompt:
        inputs, sure = dict(start.bound.arguments), self.floors.of(start.step) > 0
        if start.step.kind == "choose":
            question, items = str(inputs.pop("question")), inputs.pop("items")
            return choose_prompt(question, list(items), inputs, or_none=start.step.returns is not None, sure=sure)
        return ask_prompt(str(inputs.pop("instruction")), inputs, start.step.returns, sure=sure)

    async def _model(self, start: Start, attempts: Attempts) -> Ended:
        step = start.step
        unasked = _unasked(start)
        if unasked is not None:
            return unasked
        role = self.models.of(step)
        if role is None:
            message = "No model is configured. Set OPENAI_API_KEY or PLANRAIL_EXECUTOR_MODEL, or give the step an otherwise=."
            return _failed(start, "no_model", message)
        told = self._told(start, role)
        most = role.most(*told)
        if most.input_tokens > role.terms.max_input_tokens:
            message = (
                f"Its inputs take {most.input_tokens:,} tokens; {role.terms.max_input_tokens:,} are allowed: give it less."
            )
            return _failed(start, "too_long", message)
        if start.talk is not None:
            return await self._turn(start, role, *told)
        return await self._asked(start, role, self._prompt(start), attempts)

    def _told(self, start: Start, role: Role) -> tuple[tuple[Message, ...], tuple[ToolFunction, ...]]:
        """What the model is sent: messages, and the tools that it may call."""
        if start.talk is None:
            return self._prompt(start).messages, ()
        talk = start.talk.fitted(role.terms.max_input_tokens)
        return talk.messages, talk.tools

    async def _turn(self, start: Start, role: Role, messages: tuple[Message, ...], tools: tuple[ToolFunction, ...]) -> Ended:
        """One turn of the model of a `do`: it answers, or asks for calls. `executor.loops` makes something of it."""
        assert start.talk is not None
        request = role.calling(messages, tools, may_call=start.talk.may_call, parallel=start.talk.parallel)
        try:
            reply = await complete(role.model, request)
        except ModelError as error:
            return _failed(start, "model", str(error), usage=error.usage)
        cut = reply.finish == "length" and not reply.calls
        said = {"text": reply.text, "calls": [c.model_dump() for c in reply.calls], "cut": cut}
        return _finished(start, said, model_labels(start.step.id, start.bound.label), usage=reply.usage)

    async def _asked(self, start: Start, role: Role, prompt: Prompt, attempts: Attempts) -> Ended:
        """Ask, and once again with the complaint when the answer does not fit its type."""
        for attempt in range(2):
            try:
                reply = await complete(role.model, role.request(prompt.messages, prompt.schema))
            except ModelError as error:
                if isinstance(error, ModelRefused):
                    attempts.fell("refused", 0.0, self.floors.of(start.step))
                return _failed(start, "model", str(error), usage=error.usage)
            problem = _cut(role) if reply.finish == "length" else ""
            try:
                if not problem:
                    return self._sure(start, prompt.read(reply.text), reply.usage, attempts)
            except ModelReplyInvalid as invalid:
                problem = invalid.message
            if attempt:
                attempts.fell("invalid", 0.0, self.floors.of(start.step))
                return _failed(start, "invalid", problem, usage=reply.usage)
            again = prompt.repaired(reply.text, problem)
            if not attempts.more(model_need(role.most(again.messages))):
                return _failed(start, CEILING, f"{problem} A ceiling forbids asking again.", usage=reply.usage)
            attempts.failed(problem, reply.usage, model_need(role.most(prompt.messages)), tool_call=False)
            prompt = again
        raise AssertionError("the second attempt returns")

    def _sure(self, start: Start, reply: Reply, usage: Usage, attempts: Attempts) -> Ended:
        """The answer, unless the model is less sure of it than it has to be."""
        floor = self.floors.of(start.step)
        if reply.sure is None or reply.sure >= floor:
            return self._answered(start, reply.value, usage=usage).model_copy(update={"sure": reply.sure})
        attempts.fell("sure", reply.sure, floor)
        return _failed(start, "unsure", unsure(reply.sure, floor), usage=usage)

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
        index = int(value)  # JSON Schema takes 1.0 for an integer
        chosen = items.labels.child(index).with_choice(deciding)
        return _finished(start, start.bound.arguments["items"][index], chosen, usage=usage)


@dataclass
class _Late:
    """Takes the result of one attempt that was given up and ended after all; its cost counts once."""

    performer: Performer
    start: Start
    tool: Tool
    key: str
    secrets: Mapping[str, str | None]
    billed: bool = False  # how the attempt failed was told, with its cost

    def __call__(self, result: ToolDone | ToolFailed) -> None:
        result = redacted(result, self.secrets)
        if isinstance(result, ToolDone):
            usage = NO_USAGE if self.billed else Usage(usd=self.tool.spec.usd)
            labels = result_labels(self.tool.spec, self.start.bound.label)
            finished = _finished(self.start, result.value, labels, usage=usage)
            self.performer.late(Receipt(key=self.key, finished=finished, part=self.start.step.kind == "pages"))


def _unasked(start: Start) -> Ended | None:
    """What becomes of a `choose` that there is nothing to ask about."""
    if start.step.kind != "choose":
        return None
    items = start.bound.arguments["items"]
    if not isinstance(items, list):
        return _failed(start, "expression", "choose wants a list of items.")
    if items:
        return None
    if start.step.returns is None:
        return _failed(start, "expression", "There is nothing to choose from.")
    return _finished(start, None, model_labels(start.step.id, start.bound.label))


def _cut(role: Role) -> str:
    return f"The answer was cut off at {role.terms.max_output_tokens:,} tokens: answer more briefly."


def _worth_another(failed: ToolFailed, tool: Tool) -> bool:
    """Nothing happened; or a read timed out, or an idempotent effect, which may be asked for again with its key."""
    harmless = failed.kind == "timeout" and (not tool.spec.has_effect or tool.spec.idempotent)
    return failed.kind in ("transient", UNAVAILABLE) or harmless


def _cost(tool: Tool, result: ToolDone | ToolFailed) -> Usage:
    """What an attempt cost; nothing where the server was not called."""
    unmade = isinstance(result, ToolFailed) and result.kind == UNAVAILABLE
    return NO_USAGE if unmade else Usage(usd=tool.spec.usd)


def _page(value: Json, step: Step) -> tuple[list[Json] | None, Json]:
    """The items of a page, and the cursor of the next one."""
    if not isinstance(value, dict) or not isinstance(value.get(step.options.items), list):
        return None, None
    return value[step.options.items], value.get(step.options.cursor)
