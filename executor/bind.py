"""Bind: a step's expressions over the values of one call → what the call is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from planner.errors import ExpressionError
from planner.expression import to_json
from planner.labels import NO_LABEL, Label, Tagged, join_all
from planner.program import Step
from planner.secret import secret_name
from planner.syntax import Expr
from planner.toolspec import Json

Evaluate = Callable[[Expr, Mapping[str, Tagged]], Tagged]


@dataclass(frozen=True, slots=True)
class Bound:
    """The arguments of one call as JSON, with their labels. `secrets` are arguments that stand for a secret's name."""

    arguments: dict[str, Json]
    labels: Mapping[str, Label] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    tagged: Mapping[str, Tagged] = field(default_factory=dict)

    @property
    def label(self) -> Label:
        """What the whole call stems from."""
        return join_all(self.labels.values()) if self.labels else NO_LABEL

    def shown(self) -> dict[str, Json]:
        """The arguments as a journal or a person may see them: secrets by their names."""
        return {**self.arguments, **{a: {"secret": name} for a, name in self.secrets.items()}}


def bind(step: Step, scope: Mapping[str, Tagged], evaluate: Evaluate) -> Bound:
    """What the step's call is given; raises ExpressionError where an argument has no value."""
    tagged: dict[str, Tagged] = {}
    secrets: dict[str, str] = {}
    if step.splat is not None:
        tagged |= _spread(evaluate(step.splat, scope))
    for name, expr in step.arguments.items():
        secret = secret_name(expr)
        if secret is not None:
            secrets[name] = secret
        else:
            tagged[name] = evaluate(expr, scope)
    arguments = {name: to_json(value.value) for name, value in tagged.items()}
    return Bound(arguments, {name: value.labels.whole() for name, value in tagged.items()}, secrets, tagged)


def _spread(value: Tagged) -> dict[str, Tagged]:
    if not isinstance(value.value, dict):
        raise ExpressionError("`**` wants an object of arguments")
    return {str(k): Tagged(v, value.labels.child(k)) for k, v in value.value.items()}
