"""Flow: where the values of steps may come from, told before anything runs, and the labels of what a call gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from planner.hand import Hand
from planner.labels import NO_LABEL, NO_LABELS, Label, Labels, Origin, join_all, labels_from_paths
from planner.program import Step
from planner.toolspec import AGENT, ToolSpec, Trust
from planner.trace import Env, clause_labels, iterated, slim, static_labels

PERSON = Origin("person", trusted=True)


def source_of(tool: str) -> str:
    """Who a value stems from that a tool, or another agent, has given."""
    return tool if tool.startswith(AGENT) else f"tool {tool}"


def result_labels(spec: ToolSpec, arguments: Label) -> Labels:
    """The labels of what a tool gives.

    A field declared trusted is the tool's own, and its arguments have chosen it; one declared untrusted stems from the tool,
    and like every field of which nothing is declared also from the arguments.
    """

    def label(trust: Trust | None) -> Label:
        if trust == "trusted":
            return _origin(source_of(spec.name), trusted=True).join(arguments.as_choice())
        return _origin(source_of(spec.name), trusted=trust is None and not spec.open_world).join(arguments)

    declared = {path: label(trust) for path, trust in spec.labels.items() if path}
    return labels_from_paths(label(spec.labels.get("")), declared)


def model_labels(step: str, inputs: Label) -> Labels:
    """The labels of a model's answer: what it was given, and the model."""
    return Labels.of(_origin(f"model {step}", trusted=True).join(inputs))


def loop_label(step: Step, given: Label, tools: Mapping[str, ToolSpec]) -> Label:
    """What the model of a `do` may have read in the end: its inputs, itself, and what its tools give for what it gives them."""
    own = model_labels(step.id, given).whole()
    return join_all([own, *(result_labels(tools[name], own).whole() for name in step.tools)])


def person_labels(kind: Literal["user", "agent"] = "user") -> Labels:
    """The labels of an answer: a person's, or an agent's, which is as trusted as a goal of its is."""
    return Labels.of(Label(frozenset((PERSON if kind == "user" else Origin("agent", trusted=True),))))


def _origin(source: str, *, trusted: bool) -> Label:
    return Label(frozenset((Origin(source, trusted),)))


def step_labels(step: Step, inner: Env, reached: Label, tools: Mapping[str, ToolSpec], hand: Hand) -> Labels:
    """The labels of the value that a step will have, of a map's list, from what `call_scope` told."""
    one = _call_labels(step, inner, tools, hand)
    if step.options.otherwise is not None:
        one = one.join(static_labels(step.options.otherwise, inner, hand))
    if step.is_map:
        one = Labels(reached.as_choice(), {}, one, reached)
    return slim(one.with_choice(reached))


def test_labels(step: Step, result: Labels, env: Env, hand: Hand) -> Label:
    """What decides which result is the step's: what its test stems from, and what the failures of earlier calls do."""
    until = step.options.until
    assert until is not None
    return static_labels(until.body, {**env, until.parameter: result}, hand).whole().join(result.top())


def call_scope(step: Step, env: Env, hand: Hand) -> tuple[Env, Label]:
    """The names that one call of the step sees, and what decides whether and how often it is made."""
    reached = join_all(static_labels(g.test, env, hand).whole() for g in step.guards)
    if step.space is None:
        return env, reached
    inner, sizes, decided = clause_labels(step.space.clauses, env, hand, (name for name, _ in step.space.slots))
    decided = join_all([sizes, decided, *(static_labels(c, inner, hand).whole() for c in step.conditions)])
    bound = {name: inner[name].with_choice(decided) for name in step.space.names if name in inner}
    return {**inner, **bound}, reached.join(decided)


def sinks(step: Step, spec: ToolSpec) -> tuple[str, ...]:
    """The step's arguments where an untrusted value has to be asked for, also those that its `**` may hold."""
    if step.splat is None:
        return spec.sinks(step.arguments)
    spread_in = (*spec.input_schema.get("properties", {}), *spec.sensitive, *spec.guessed) or ("**",)
    return spec.sinks(tuple(dict.fromkeys((*step.arguments, *spread_in))))


def spread(step: Step, argument: str, env: Env, hand: Hand) -> Labels:
    """The labels of what a step gives as an argument: the script's own, or what its `**` may hold there."""
    value = step.arguments.get(argument)
    if value is not None:
        return static_labels(value, env, hand)
    if step.splat is None:
        return NO_LABELS
    labels = static_labels(step.splat, env, hand)
    return labels.child(argument).with_choice(labels.top())


def _call_labels(step: Step, env: Env, tools: Mapping[str, ToolSpec], hand: Hand) -> Labels:
    sources = step.arguments.values() if step.splat is None else (*step.arguments.values(), step.splat)
    given = join_all(static_labels(a, env, hand).whole() for a in sources)
    match step.kind:
        case "let" | "answer":
            return static_labels(step.arguments["value"], env, hand)
        case "tool" | "attempt" | "delegate":
            return result_labels(tools[step.tool], given)
        case "poll" | "first":
            result = result_labels(tools[step.tool], given)
            return result.with_choice(test_labels(step, result, env, hand))
        case "wait":
            return NO_LABELS
        case "pages":
            result = result_labels(tools[step.tool], given)
            return Labels(NO_LABEL, {}, iterated(result.child(step.options.items)), result.whole())
        case "ask":
            return model_labels(step.id, given)
        case "do":
            return Labels.of(loop_label(step, given, tools))
        case "choose":
            deciding = given.join(_origin(f"model {step.id}", trusted=True))
            chosen = iterated(static_labels(step.arguments["items"], env, hand)).with_choice(deciding)
            return chosen if step.returns is None else chosen.under(deciding)
        case _:
            return person_labels()
