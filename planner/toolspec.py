"""ToolSpec: what a planner, a checker and a policy may know of a tool."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JsonSchema = Mapping[str, Any]  # a JSON Schema (2020-12) document: foreign by nature, hence untyped
Json = Any  # a JSON value: None, bool, int, float, str, list or dict with string keys
Effect = Literal["read", "write", "irreversible"]
Trust = Literal["trusted", "untrusted"]
AGENT = "agent:"  # what the names of agents begin with, among the tools; no script can write such a tool
TOLD = ("description", "guessed", "seconds")  # what no certificate relies on


class ToolSpec(BaseModel):
    """A tool's contract, without its code. `name` is `namespace.tool`; paths read like `items[].body`, "" is the whole.

    Defaults are those of a tool that says nothing of itself: it has an irreversible effect, leaves the house, and
    returns what nobody vouches for.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    input_schema: JsonSchema
    output_schema: JsonSchema | None = None
    effect: Effect = "irreversible"
    idempotent: bool = False  # the tool honours the idempotency key: a repeat with the same key has no second effect
    probed: bool = False  # the tool can tell by a key whether a call took effect
    commutes: bool = False  # the order of this effect among other effects does not matter
    open_world: bool = True  # a read that leaves the house
    sensitive: tuple[str, ...] = ()  # arguments where an untrusted value must be asked for
    guessed: tuple[str, ...] = ()  # the same, of a tool that says nothing of it: see `planner.guess`
    labels: Mapping[str, Trust] = Field(default_factory=dict)  # output path -> trust; unnamed paths take their parent's
    bounds: Mapping[str, str] = Field(default_factory=dict)  # output path of a list -> the argument its length obeys
    not_found: bool = False  # the tool tells "not found" apart from other failures
    usd: float = 0.0  # what a call costs, at most
    timeout_s: float = 30.0
    retries: int = 2  # further attempts after a transient failure
    seconds: float = 1.0  # what a call usually takes, for the critical path

    @property
    def namespace(self) -> str:
        return self.name.partition(".")[0]

    @property
    def has_effect(self) -> bool:
        return self.effect != "read"

    @property
    def is_agent(self) -> bool:
        """Whether it stands for another agent, see `planner.agents`."""
        return self.name.startswith(AGENT)

    @property
    def leaves_house(self) -> bool:
        """A read that someone outside can watch."""
        return self.effect == "read" and self.open_world

    def sinks(self, given: Collection[str]) -> tuple[str, ...]:
        """The arguments where an untrusted value is asked for: of what goes to another agent, or to a read that leaves the
        house, all that are given.
        """
        if self.sensitive or not (self.leaves_house or self.is_agent):
            own = self.sensitive or self.guessed
            return tuple(a for a in own if a in given) if own else ()
        return tuple(given)

    def fingerprint(self) -> str:
        """A digest of everything a certificate relies on; a changed tool has another."""
        return digest(self.model_dump(mode="json", exclude=set(TOLD)))


def digest(value: Json) -> str:
    """The SHA-256 of a JSON value's canonical text, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
