"""Check: a program → its certificate, or the reasons why there is none.

Proofs: (1) every tool exists, arguments fit the input schemas, references fit the output schemas where these are known;
(2) the worst case fits the budget; (3) every effect is listed; (4) every flow into a sensitive argument is listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.arguments import check_arguments
from planner.budget import Budget
from planner.certificate import Certificate, EffectNotice, Flow, WorstCase
from planner.diagnostic import Diagnostic
from planner.errors import PlanRefused
from planner.flow import clause_labels, static_labels, step_labels
from planner.infer import Inference, Report
from planner.labels import NO_LABEL, Label, Labels, Origin
from planner.lint import lint
from planner.order import has_effect, waits
from planner.plan import Plan
from planner.program import TOOL_KINDS, Program, Step
from planner.shape import ANYTHING, NULL, STRING, Shape, array, constant, either, element_of, key_of, most_of, resolved
from planner.shape import NoSuchKey as _NoSuchKey
from planner.syntax import Expr, Literal_, Node
from planner.toolspec import Json, ToolSpec, digest
from planner.worst import Terms, pages_of, worst_case

NO_POLICY = digest("flows are listed")  # the digest of the policy that lists flows and decides nothing


@dataclass(frozen=True)
class Ground:
    """What a certificate stands on besides the plan. `parameters` are the values of a playbook's parameters."""

    tools: Mapping[str, ToolSpec]
    budget: Budget = field(default_factory=Budget)
    terms: Terms = field(default_factory=Terms)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    literal: Label = NO_LABEL  # of what is written in the script

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.parameters)


def certify(program: Program, plan: Plan, ground: Ground) -> Certificate:
    """The certificate of a program, whose typed form is `plan`; raises PlanRefused with every reason."""
    return _Check(program, ground).certificate(plan)


class _Check:
    def __init__(self, program: Program, ground: Ground) -> None:
        self.program = program
        self.ground = ground
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = list(program.warnings)
        self.inference = Inference(self._report(self.errors, "error"), self._report(self.warnings, "warning"))
        self.shapes: dict[str, Shape] = {name: constant(value) for name, value in ground.parameters.items()}
        self.labels: dict[str, Labels] = {name: Labels.of(ground.literal) for name in ground.parameters}
        self.times: dict[str, int] = {}
        self.flows: list[Flow] = []

    def certificate(self, plan: Plan) -> Certificate:
        for step in self.program.steps:
            self._step(step)
        order = waits(self.program, self.ground.tools)
        worst = worst_case(self.program, self.times, self.ground.tools, order, self.ground.terms)
        self.errors.extend(_over_budget(worst, self.ground.budget, self.program, self.times))
        self.warnings.extend(lint(self.program, self.ground.tools))
        if self.errors:
            raise PlanRefused(sorted(self.errors, key=lambda d: (d.line, d.column)))
        used = sorted({s.tool for s in self.program.steps if s.tool})
        body = {
            "plan": digest(plan.model_dump(mode="json")),
            "tools": {name: self.ground.tools[name].fingerprint() for name in used},
            "policy": NO_POLICY,
            "worst_case": worst,
            "effects": tuple(self._effects()),
            "flows": tuple(dict.fromkeys(self.flows)),
            "warnings": tuple(dict.fromkeys(self.warnings)),
        }
        unsigned = Certificate(hash="", **body)  # type: ignore[arg-type]  # each value is of its field's type
        bound = {"certificate": unsigned.model_dump(mode="json", exclude={"hash", "warnings"}),
                 "budget": self.ground.budget.model_dump(mode="json"), "parameters": dict(self.ground.parameters)}  # fmt: skip
        return unsigned.model_copy(update={"hash": digest(bound)})

    # -- one step after the other, in the script's order

    def _step(self, step: Step) -> None:
        for guard in step.guards:
            self.inference.shape(guard.test, self.shapes)
        env, most = dict(self.shapes), 1
        if step.space is not None:
            inner, bound = self.inference.clauses(step.space.clauses, self.shapes, dict(step.space.slots))
            env, most = dict(inner), self._bound(step, bound)
        for condition in step.conditions:
            self.inference.shape(condition, env)
        one = self._call(step, env)
        if step.options.otherwise is not None:
            one = either(one, self.inference.shape(step.options.otherwise, env))
        self.times[step.id] = most
        self._bind(step, array(one, most=most) if step.space is not None else one, one)
        labels = step_labels(step, self.labels, self.ground.tools, self.ground.literal)
        self._flow(step)
        self._bind_labels(step, labels)

    def _bound(self, step: Step, bound: int | None) -> int:
        limits = [self.ground.budget.fan_out, bound, step.options.limit]
        return min(x for x in limits if x is not None)

    def _bind(self, step: Step, shape: Shape, one: Shape) -> None:
        self.shapes[step.hidden] = shape if step.space is None else array(either(one, NULL))
        parts = shape.get("prefixItems") or [element_of(shape)] * len(step.to)
        if len(step.to) == 1:
            parts = [shape]
        for name, part in zip(step.to, parts, strict=False):
            earlier = self.shapes.get(name)
            self.shapes[name] = part if earlier is None else either(earlier, part)

    def _bind_labels(self, step: Step, labels: Labels) -> None:
        self.labels[step.hidden] = labels
        for index, name in enumerate(step.to):
            part = labels if len(step.to) == 1 else labels.child(index)
            earlier = self.labels.get(name)
            self.labels[name] = part if earlier is None else earlier.join(part)

    def _call(self, step: Step, env: Mapping[str, Shape]) -> Shape:
        shapes = {name: self.inference.shape(value, env) for name, value in step.arguments.items() if not _is_secret(value)}
        if step.kind in TOOL_KINDS:
            spec = self.ground.tools[step.tool]
            splat = None if step.splat is None else self.inference.shape(step.splat, env)
            check_arguments(step, spec, shapes, splat, self._report(self.errors, "error"))
            return self._result(step, spec, shapes)
        match step.kind:
            case "let":
                return shapes["value"]
            case "choose":
                element = element_of(shapes["items"])
                return either(element, NULL) if step.returns is not None else element
            case "ask" | "ask_user":
                return step.returns if step.returns is not None else STRING
            case _:
                return {"type": "boolean"} if step.kind in ("approve", "expect") else ANYTHING

    def _result(self, step: Step, spec: ToolSpec, arguments: Mapping[str, Shape]) -> Shape:
        if spec.output_schema is None:
            return array(ANYTHING, most=step.options.limit) if step.kind == "pages" else ANYTHING
        output = resolved(spec.output_schema)
        for path, argument in spec.bounds.items():
            default = spec.input_schema.get("properties", {}).get(argument, {}).get("default")
            most = arguments.get(argument, constant(default)).get("const")
            if isinstance(most, int):
                output = _bounded(output, path.split("."), most)
        if step.kind != "pages":
            return output
        try:
            items = key_of(output, step.options.items)
        except _NoSuchKey as missing:
            keys = ", ".join(missing.keys)
            self._report(self.errors, "error")(
                _place(step), "no-key", f"{spec.name} returns no `{missing.key}`.", f"It returns {keys}."
            )
            return ANYTHING
        each = most_of(items)
        total = None if each is None else each * pages_of(step)
        limits = [x for x in (step.options.limit, total) if x is not None]
        return array(element_of(items), most=min(limits) if limits else None)

    # -- effects and flows

    def _effects(self) -> list[EffectNotice]:
        return [
            EffectNotice(
                step=s.id, line=s.at.line, tool=s.tool, effect=self.ground.tools[s.tool].effect, times=self.times[s.id],
                arguments={name: value.text[:200] for name, value in s.arguments.items()},
                guarded_by=tuple(("" if g.when else "not ") + g.test.text[:120] for g in s.guards),
            )
            for s in self.program.steps if has_effect(s, self.ground.tools)
        ]  # fmt: skip

    def _flow(self, step: Step) -> None:
        """List what is untrusted and reaches a sink: a sensitive argument, or the address of a read that leaves the house."""
        if step.kind not in TOOL_KINDS:
            return
        spec = self.ground.tools[step.tool]
        env: Mapping[str, Labels] = self.labels
        if step.space is not None:
            env = clause_labels(step.space.clauses, self.labels, self.ground.literal, step.space.names)
        sinks = spec.sensitive or (tuple(step.arguments) if spec.leaves_house else ())
        for argument in sinks:
            value = step.arguments.get(argument, step.splat)
            if value is not None:
                self._sink(step, argument, static_labels(value, env, self.ground.literal).whole())

    def _sink(self, step: Step, argument: str, label: Label) -> None:
        ways: tuple[tuple[Literal["data", "choice"], frozenset[Origin]], ...] = (("data", label.data), ("choice", label.choice))
        for kind, origins in ways:
            found = tuple(sorted(o.source for o in origins if not o.trusted))
            if found:
                flow = Flow(step=step.id, line=step.at.line, tool=step.tool, argument=argument, origins=found, kind=kind)
                self.flows.append(flow)

    def _report(self, to: list[Diagnostic], severity: Literal["error", "warning"]) -> Report:
        def report(node: Node, code: str, message: str, hint: str) -> None:
            text = node.text.partition("\n")[0][:80]
            to.append(
                Diagnostic(code=code, line=max(node.at.line, 1), column=max(node.at.column, 1), text=text, message=message,
                           hint=hint, severity=severity)
            )  # fmt: skip

        return report


def _place(step: Step) -> Node:
    return Literal_(None, at=step.at, text=step.source)


def _is_secret(value: Expr) -> bool:
    return value.text.startswith("secret(")


def _bounded(shape: Shape, path: list[str], most: int) -> Shape:
    """The shape with the list at the path bounded."""
    if not path or path == [""]:
        known = most_of(shape)
        return {**shape, "maxItems": most if known is None else min(known, most)}
    properties = dict(shape.get("properties", {}))
    if path[0] not in properties:
        return shape
    return {**shape, "properties": properties | {path[0]: _bounded(properties[path[0]], path[1:], most)}}


_CEILINGS = (
    ("calls", "tool calls"),
    ("model_calls", "model calls"),
    ("tokens", "tokens"),
    ("usd", "$"),
    ("seconds", "seconds"),
)


def _over_budget(worst: WorstCase, budget: Budget, program: Program, times: Mapping[str, int]) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    room = budget.for_plans()
    dearest = max(program.steps, key=lambda s: times[s.id])
    if worst.steps > budget.steps:
        message = f"The plan has {worst.steps} steps; the budget allows {budget.steps}."
        found.append(_budget(dearest, message, "Use maps instead of repeated lines."))
    for name, word in _CEILINGS:
        need, have = getattr(worst, name), getattr(room, name)
        if need > have:
            message = f"The worst case takes {need:,.6g} {word}; the budget allows plans {have:,.6g}."
            hint = f"`{dearest.id}` runs up to {times[dearest.id]} times: bound it with a slice or limit=, or raise --budget."
            found.append(_budget(dearest, message, hint))
    return found


def _budget(step: Step, message: str, hint: str) -> Diagnostic:
    text = step.source.partition("\n")[0][:80]
    return Diagnostic(code="budget", line=max(step.at.line, 1), column=1, text=text, message=message, hint=hint)
