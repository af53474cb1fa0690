"""Check: a program → its certificate, or the reasons why there is none.

Proofs: (1) every tool exists, arguments fit the input schemas, references fit the output schemas where these are known;
(2) the worst case fits the budget; (3) every effect is listed; (4) every flow into a sensitive argument
is listed, with what the policy makes of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.afford import over_budget
from planner.arguments import check_arguments
from planner.budget import Budget
from planner.certificate import Certificate, EffectNotice, Flow
from planner.contract import contract
from planner.decide import Deciding, certain
from planner.diagnostic import Diagnostic
from planner.errors import PlanRefused
from planner.flow import call_scope, step_labels
from planner.hand import NOBODY, Hand
from planner.infer import Inference, Report
from planner.labels import Label, Labels
from planner.lint import lint
from planner.loop import READ, may_read, most_calls, possible_calls
from planner.names import covered, exclusive
from planner.order import Waits, has_effect, waits
from planner.plan import Plan
from planner.policy import USUAL, Policy
from planner.program import TOOL_KINDS, Program, Step
from planner.result import result_shape, spread_shapes
from planner.secret import secret_name
from planner.shape import (
    ANYTHING,
    ARRAY,
    NULL,
    STRING,
    NoSuchKey,
    Shape,
    array,
    constant,
    either,
    element_of,
    key_of,
    most_of,
    slim,
    types_of,
)
from planner.syntax import Expr, Literal_, Node
from planner.toolspec import Json, ToolSpec, digest
from planner.trace import slim as slim_labels
from planner.worst import Terms, pages_of, step_costs, worst_case

_SHOWN = 200  # characters of a source in an effect's notice: what a node keeps of it


@dataclass(frozen=True)
class Ground:
    """What a certificate stands on besides the plan. `parameters` are the values of a playbook's parameters."""

    tools: Mapping[str, ToolSpec]
    budget: Budget = field(default_factory=Budget)
    terms: Terms = field(default_factory=Terms)
    parameters: Mapping[str, Json] = field(default_factory=dict)
    hand: Hand = NOBODY  # who wrote the script
    policy: Policy = USUAL
    settled: Mapping[str, int] = field(default_factory=dict)  # step → calls that a run has made of it and makes no more

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.parameters)


def certify(program: Program, plan: Plan, ground: Ground, order: Waits | None = None) -> Certificate:
    """The certificate of a program, whose typed form is `plan`; raises PlanRefused with every reason.

    `order` is what `planner.order.waits` says of the program, where it is known already.
    """
    return Check(program, ground).certificate(plan, waits(program, ground.tools) if order is None else order)


class Check:
    """The check of one program: step by step, in the script's order. `errors` are what is wrong so far."""

    def __init__(self, program: Program, ground: Ground) -> None:
        self.program = program
        self.ground = ground
        self.errors: list[Diagnostic] = []
        self.warnings: list[Diagnostic] = list(program.warnings)
        self.inference = Inference(self._report(self.errors, "error"), self._report(self.warnings, "warning"))
        self.shapes: dict[str, Shape] = {name: constant(value) for name, value in ground.parameters.items()}
        self.labels: dict[str, Labels] = {name: Labels.of(ground.hand.own) for name in ground.parameters}
        self.times: dict[str, int] = {}
        self.flows: list[Flow] = []
        self.deciding = Deciding(ground.policy, ground.hand)

    def certificate(self, plan: Plan, order: Waits) -> Certificate:
        for step in self.program.steps:
            self.step(step)
        left = {name: max(times - self.ground.settled.get(name, 0), 0) for name, times in self.times.items()}
        costs = step_costs(self.program, left, self.ground.tools, self.ground.terms, self.ground.budget)
        worst = worst_case(self.program, costs, order)
        self.errors.extend(over_budget(worst, costs, self.ground.budget, self.program, self.times))
        self.warnings.extend(lint(self.program, self.ground.tools))
        if self.errors:
            raise PlanRefused(sorted(self.errors, key=lambda d: (d.line, d.column)))
        used = sorted({name for s in self.program.steps for name in s.may_call})
        unsigned = Certificate(
            hash="",
            plan=plan_digest(plan),
            tools={name: contract(self.ground.tools[name]).fingerprint for name in used},
            policy=self.ground.policy.digest(used),
            worst_case=worst,
            bounds={s.id: self.times[s.id] for s in self.program.steps if s.space is not None},
            effects=tuple(self._effects()),
            flows=tuple(dict.fromkeys(self.flows)),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )
        return unsigned.model_copy(update={"hash": certificate_hash(unsigned, self.ground)})

    # -- one step after the other, in the script's order

    def step(self, step: Step) -> None:
        """Check the next step; what it reads was checked before."""
        outer = self._seen_by(step)
        for guard in step.guards:
            self.inference.shape(guard.test, outer)
        env, most = outer, 1
        if step.space is not None:
            inner, bound = self.inference.clauses(step.space.clauses, outer, dict(step.space.slots))
            env, most = dict(inner), self._bound(step, bound)
        for condition in step.conditions:
            self.inference.shape(condition, env)
        one = self._call(step, env)
        if step.options.otherwise is not None:
            one = either(one, self.inference.shape(step.options.otherwise, env))
        self.times[step.id] = most
        self._bind(step, array(one, most=most) if step.is_map else one, one)
        names, reached = call_scope(step, self.labels, self.ground.hand)
        labels = step_labels(step, names, reached, self.ground.tools, self.ground.hand)
        self._flow(step, names, reached)
        self._bind_labels(step, labels)

    def _seen_by(self, step: Step) -> dict[str, Shape]:
        """The shapes of the names that the step reads; a name bound in some branches only may be null elsewhere."""
        seen: dict[str, Shape] = {}
        for name in step.reads():
            shape = self.shapes.get(name, ANYTHING)
            places = [self.program[d].guards for d in self.program.definitions(name)]
            partly = bool(places) and not covered([p for p in places if not exclusive(p, step.guards)], step.guards)
            seen[name] = either(shape, NULL) if partly else shape
        return seen

    def _bound(self, step: Step, bound: int | None) -> int:
        limits = [self.ground.budget.fan_out, bound, step.options.limit]
        return min(x for x in limits if x is not None)

    def _bind(self, step: Step, shape: Shape, one: Shape) -> None:
        self.shapes[step.hidden] = shape if not step.is_map else array(either(one, NULL))
        parts = shape.get("prefixItems") or [element_of(shape)] * len(step.to)
        if len(step.to) == 1:
            parts = [shape]
        for name, part in zip(step.to, parts, strict=False):
            earlier = self.shapes.get(name)
            self.shapes[name] = part if earlier is None else slim(either(earlier, part))

    def _bind_labels(self, step: Step, labels: Labels) -> None:
        self.labels[step.hidden] = labels
        for index, name in enumerate(step.to):
            part = labels if len(step.to) == 1 else labels.child(index)
            earlier = self.labels.get(name)
            self.labels[name] = slim_labels(part if earlier is None else earlier.join(part))

    def _call(self, step: Step, env: Mapping[str, Shape]) -> Shape:
        shapes = {n: STRING if secret_name(v) else self.inference.shape(v, env) for n, v in step.arguments.items()}
        if step.kind in TOOL_KINDS:
            spec = self.ground.tools[step.tool]
            splat = None if step.splat is None else self.inference.shape(step.splat, env)
            check_arguments(step, spec, shapes, splat, self._report(self.errors, "error"))
            result = self._result(step, spec, {**spread_shapes(splat), **shapes})
            if step.options.until is not None:
                self.inference.shape(step.options.until.body, {**env, step.options.until.parameter: result})
            return result
        match step.kind:
            case "let":
                return shapes["value"]
            case "wait":
                self._waited(step, shapes)
                return NULL
            case "choose":
                element = element_of(shapes["items"])
                return either(element, NULL) if step.returns is not None else element
            case "ask" | "ask_user" | "do":
                return step.returns if step.returns is not None else STRING
            case _:
                return {"type": "boolean"} if step.kind in ("approve", "expect") else ANYTHING

    def _waited(self, step: Step, shapes: Mapping[str, Shape]) -> None:
        """Report a length of time, or a moment, that is certain to be none."""
        ((name, shape),) = shapes.items()
        found = types_of(shape)
        allowed = {"string", "integer", "number"} if name == "duration" else {"string"}
        if found is not None and not found & allowed:
            wanted = 'text like "10m" or a number of seconds' if name == "duration" else "a moment"
            message = f"wait takes {wanted}; this is {' or '.join(sorted(found))}."
            self._report(self.errors, "error")(step.arguments[name], "argument", message, "")

    def _result(self, step: Step, spec: ToolSpec, given: Mapping[str, Shape]) -> Shape:
        output = result_shape(step, spec, given)
        return self._paged(step, spec, output) if step.kind == "pages" else output

    def _paged(self, step: Step, spec: ToolSpec, output: Shape) -> Shape:
        """All items of all pages; reports a cursor that cannot be followed."""
        error, cursor = self._report(self.errors, "error"), step.options.cursor
        if cursor in step.arguments or cursor in (*spec.sensitive, *spec.guessed):
            error(_place(step), "argument", f"`{cursor}` cannot be a cursor: it is an argument with a meaning of its own.", "")
        if cursor not in contract(spec).input.get("properties", {}):
            error(
                _place(step), "argument", f"{spec.name} has no argument `{cursor}` that would take a cursor.", "Give cursor=."
            )
        found = {}
        for key in (cursor, step.options.items):
            try:
                found[key] = key_of(output, key)
            except NoSuchKey as missing:
                error(_place(step), "no-key", f"{spec.name} returns no `{key}`.", f"It returns {', '.join(missing.keys)}.")
        items = found.get(step.options.items, ANYTHING)
        each = most_of(items) if types_of(items) == ARRAY else None
        limits = [x for x in (step.options.limit, None if each is None else each * pages_of(step)) if x is not None]
        return array(element_of(items), most=min(limits) if limits else None)

    # -- effects and flows

    def _acts(self) -> Iterator[tuple[Step, int]]:
        """The steps that have an effect, and how often at most; of a `do`, the calls that it may make."""
        for step in self.program.steps:
            calls = possible_calls(step, self.ground.tools) if step.kind == "do" else [step]
            each = most_calls(step, self.ground.budget) if step.kind == "do" else 1
            yield from ((s, self.times[step.id] * each) for s in calls if has_effect(s, self.ground.tools))

    def _effects(self) -> list[EffectNotice]:
        return [
            EffectNotice(
                step=s.id, line=s.at.line, tool=s.tool, effect=self.ground.tools[s.tool].effect, times=times,
                arguments={name: _shown(value) for name, value in (*s.arguments.items(), ("**", s.splat)) if value is not None},
                guarded_by=tuple(_shown(g.test) if g.when else f"not ({_shown(g.test)})" for g in s.guards),
            )
            for s, times in self._acts()
        ]  # fmt: skip

    def _flow(self, step: Step, names: Mapping[str, Labels], reached: Label, *, looped: bool = False) -> None:
        """List what is untrusted and reaches a sink; report what the policy denies and is certain to happen."""
        if step.kind == "do":
            reading = may_read(step, names, self.ground.tools, self.ground.hand)
            for call in possible_calls(step, self.ground.tools):
                self._flow(call, {**names, READ: Labels.of(reading)}, reached.join(reading), looped=True)
        if step.kind not in TOOL_KINDS:
            return
        found = self.deciding.flows(step, self.ground.tools[step.tool], names, reached, looped=looped)
        self.flows.extend(found)
        for flow in found:
            if flow.decision == "deny" and certain(flow, step):
                message = f"The policy refuses it: `{flow.argument}` of {step.tool} would be from {', '.join(flow.origins)}."
                hint = "Take the value from the goal or from a trusted field."
                self._report(self.errors, "error")(step.arguments[flow.argument], "flow", message, hint)

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


def _shown(value: Expr) -> str:
    return value.text if len(value.text) < _SHOWN else f"{value.text[:_SHOWN]}…"


def plan_digest(plan: Plan) -> str:
    """The digest of a plan's JSON, in the order of its arguments: their calls are made in that order."""
    return digest(plan.model_dump_json())


def certificate_hash(certificate: Certificate, ground: Ground) -> str:
    """What binds a certificate to its plan, tools, policy, budget, parameters, and what was proved of them."""
    bound = certificate.model_dump(mode="json", include={"plan", "tools", "policy", "bounds"})
    worst = certificate.worst_case.model_dump(exclude={"seconds"})
    effects = [e.model_dump(include={"step", "tool", "effect", "times"}) for e in certificate.effects]
    flows = [f.model_dump(mode="json", exclude={"line"}) for f in certificate.flows]
    budget = ground.budget.model_dump(mode="json", exclude={"replans"})
    return digest(
        {**bound, "worst": worst, "effects": effects, "flows": flows, "budget": budget,
         "parameters": dict(ground.parameters)}
    )  # fmt: skip
