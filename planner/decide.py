"""Decide: the flows of a step into sinks, as far as they are told in front, and what the policy makes of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from planner.certificate import Flow
from planner.clock import Clock
from planner.closed import open_label
from planner.contract import contract
from planner.errors import ExpressionError
from planner.expression import evaluate, to_json
from planner.flow import sinks, spread
from planner.hand import Hand
from planner.labels import Label, Labels, Origin
from planner.policy import Policy
from planner.program import Step
from planner.shape import ANYTHING, Shape
from planner.syntax import Call, Expr, Node, children, free_names
from planner.toolspec import Json, ToolSpec

_NEVER = Clock(datetime(1970, 1, 1, tzinfo=UTC))  # what reads it is a call, and no constant
Kind = Literal["data", "choice"]


@dataclass(frozen=True)
class Deciding:
    """What the flows of one script are decided by."""

    policy: Policy
    hand: Hand

    def flows(
        self, step: Step, spec: ToolSpec, names: Mapping[str, Labels], reached: Label, *, looped: bool = False
    ) -> list[Flow]:
        """What is untrusted and reaches a sink of the step's call, or decides whether it is made.

        `looped`: it is decided by a model in a loop, which may have read strangers: then an effect is asked for. So it is where
        the script's writer has read them.
        """
        properties: Mapping[str, Shape] = contract(spec).input.get("properties", {})
        found: list[Flow] = []
        for argument in sinks(step, spec):
            label = open_label(spread(step, argument, names, self.hand), properties.get(argument, ANYTHING))
            found += self._sink(step, spec, argument, label)
        if spec.has_effect or spec.leaves_house:
            control = self._sink(step, spec, "", reached.join(self.hand.deciding).as_choice())
            rule = self.policy.rule(spec.name)
            asked = (looped or self.hand.deciding.untrusted) and spec.has_effect and rule != "allow"
            found += (f.model_copy(update={"decision": rule}) if asked else f for f in control)
        return found

    def _sink(self, step: Step, spec: ToolSpec, argument: str, label: Label) -> Iterable[Flow]:
        ways: tuple[tuple[Kind, frozenset[Origin]], ...] = (("data", label.data), ("choice", label.choice))
        for kind, origins in ways:
            untrusted = tuple(sorted(o.source for o in origins if not o.trusted))
            if untrusted:
                yield Flow(
                    step=step.id, line=step.at.line, tool=step.tool, argument=argument, origins=untrusted, kind=kind,
                    decision=self._decision(spec, argument, kind), value=_constant(step, argument) if kind == "data" else None,
                )  # fmt: skip

    def _decision(self, spec: ToolSpec, argument: str, kind: Kind) -> Literal["ask", "deny", "listed"]:
        rule = self.policy.rule(spec.name)
        decides = kind == "data" or (self.policy.strict and (bool(argument) or spec.has_effect))
        return rule if decides and rule != "allow" else "listed"


def certain(flow: Flow, step: Step) -> bool:
    """Whether the flow is there in every run."""
    return flow.value is not None and not step.guards and not step.conditions


def _constant(step: Step, argument: str) -> Json:
    """The value that the script itself gives, whatever happens; None where that is not known in front."""
    expr = step.arguments.get(argument)
    if expr is None or free_names(expr) or _calls(expr):
        return None
    try:
        return to_json(evaluate(expr, {}, clock=_NEVER).value)
    except ExpressionError:
        return None


def _calls(node: Expr | Node) -> bool:
    return isinstance(node, Call) or any(_calls(child) for child in children(node))
