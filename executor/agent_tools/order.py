"""Order: what another agent is asked to do, what it may be told on the way, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from planner.toolspec import Json, JsonSchema

_ANY_TEXT: JsonSchema = {"type": "string"}


@dataclass(frozen=True)
class Reply:
    """The answer to the agent's last question, whose `ref` says which that was."""

    ref: str
    message: str  # the id of the message that carries it
    answer: Json = None
    refused: str = ""  # why there is no answer
    auth: bool = False  # it says that the credential was given, which the agent may have seen by itself
    data: Json = None  # instead of the answer in words: the data that carries it, which names the question


@dataclass(frozen=True)
class Order:
    """A goal for another agent. `message` is the id of the message that carries it: the same for every attempt."""

    goal: str
    inputs: Mapping[str, Json]
    returns: JsonSchema | None  # None takes what comes, as it comes
    message: str
    task: str = ""  # the agent's own task, where it is known
    context: str = ""
    reply: Reply | None = None
    data: Json = None  # that goes along with the words
    references: tuple[str, ...] = ()  # tasks that the goal goes on from

    @property
    def text(self) -> str:
        """The goal as the agent reads it. Inputs stand in it as JSON, exactly: a data part would make floats of numbers."""
        lines = [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in self.inputs.items()]
        parts = [self.goal, "\n".join(lines)]
        if self.returns not in (None, _ANY_TEXT):
            parts.append(f"Answer with one JSON value of this JSON Schema: {json.dumps(self.returns, ensure_ascii=False)}")
        return "\n\n".join(part for part in parts if part)


@dataclass(frozen=True)
class Delivered:
    """The agent has reached the goal, and this is its result."""

    value: Json


@dataclass(frozen=True)
class Asks:
    """The agent wants something from a person before it goes on: an answer, or that a credential is given (`auth`)."""

    text: str
    ref: str
    kind: Literal["input", "auth"] = "input"


@dataclass(frozen=True)
class Refused:
    """It came to nothing; `kind` is that of a failed call."""

    message: str
    kind: str = "failed"


Outcome = Delivered | Asks | Refused


class Caller(Protocol):
    """Whoever delegates, as the conversation sees it."""

    async def begun(self, task: str, context: str) -> None:
        """Remember the agent's task durably; raises LostOwnership."""
        ...

    async def waiting(self) -> None:
        """Claim the call anew, for no task is known yet; raises LostOwnership."""
        ...

    def retrying(self, reason: str) -> None:
        """Tell that nothing was begun and it is tried again."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether a call that is given up has to be cancelled at the agent; else another owner goes on with it."""
        ...


Delegate = Callable[[Order, Caller, float], Awaitable[Outcome]]  # the last one: seconds, then it is given up
