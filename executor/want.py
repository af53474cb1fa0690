"""Want: something of a call that a person has to allow first: which value, at which argument, and where it comes from.

What is allowed is this and nothing else: the binding covers the step as the script has it, the item, the tool, the argument,
the whole value and its origins. The same in a resumed run is not asked again; after a replan it is, unless the step was kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from executor.call_state import Address
from planner.program import Step
from planner.toolspec import Json, digest

_SHOWN = 600  # characters of a value that a person is shown; the binding covers all of it


@dataclass(frozen=True)
class Want:
    """`argument` is "" for the call itself, with all that it is given as the value.

    `kind`: the value is made of what the origins gave ("data"), or they have chosen it ("choice"), or they decide that the
    call is made ("control"). An `item` "" of a map stands for all of its items.
    """

    step: Step
    item: str
    argument: str
    value: Json
    origins: tuple[str, ...]
    kind: Literal["data", "choice", "control"] = "data"

    @property
    def address(self) -> Address:
        return (self.step.id, self.item)

    @cached_property
    def hash(self) -> str:
        """The digest of the whole value."""
        return digest(self.value)

    @cached_property
    def binding(self) -> str:
        """What an answer is bound to."""
        return self._binding(self.item)

    @property
    def bindings(self) -> tuple[str, ...]:
        """The same, and that of all items of the step."""
        return (self.binding, self._binding("")) if self.item else (self.binding,)

    def _binding(self, item: str) -> str:
        step = self.step
        script = [step.id, step.source, *(f"{g.when} {g.test.text}" for g in step.guards)]
        return digest([script, step.tool, item, self.argument, self.hash, self.origins, self.kind])

    def row(self, certificate: str) -> dict[str, Json]:
        """What a person is shown, and the journal keeps."""
        return {
            "step": self.step.id, "item": self.item, "tool": self.step.tool, "argument": self.argument,
            "value": shown_value(self.value), "hash": self.hash, "origins": list(self.origins), "kind": self.kind,
            "certificate": certificate, "binding": self.binding,
        }  # fmt: skip


def shown_value(value: Json) -> Json:
    """The value, cut where it is long: its text, or the beginning of its JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
