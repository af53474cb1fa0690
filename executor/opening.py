"""Opening: what a run's moves are decided by, worked out from its journal: its frame, its values, and what it ends with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from executor.artifacts import Artifacts
from executor.compiled import Compiled, Ids, Scripts
from executor.events import CallFinished, PlanCertified
from executor.frame import Frame
from executor.outcomes import Done, Skipped
from executor.parameters import said
from executor.run import Run
from executor.run_artifacts import recalled
from executor.values import LoadValue, Values
from executor.writer import hand_of
from planner.clock import Clock
from planner.flow import person_labels
from planner.labels import Labels, Tagged
from planner.policy import Policy
from planner.program import Program
from planner.toolspec import Json, ToolSpec
from planner.worst import Terms

_PARTIAL_BYTES = 256 * 1024  # of what a partial run tells of its values


def frame_of(run: Run, certified: PlanCertified, tools: Mapping[str, ToolSpec], *, policy: Policy | None = None) -> Frame:
    """What the run's moves are decided by; raises CompileError where the script does not compile with these tools."""
    scripts = Scripts(tools, Terms())
    compiled = scripts.compiled(certified.script, frozenset(certified.params), Ids(certified.ids))
    return framed(run, certified, compiled, tools, policy=policy)


def framed(
    run: Run,
    certified: PlanCertified,
    compiled: Compiled,
    tools: Mapping[str, ToolSpec],
    *,
    question_timeout_s: float | None = None,
    policy: Policy | None = None,
) -> Frame:
    """The same, where the script is compiled already; `question_timeout_s` is of questions whose step names none."""
    asked = [f for f in certified.certificate.flows if f.decision != "listed"]
    new = frozenset(certified.ids[certified.kept :] if certified.revision > 1 else ())
    return Frame(
        program=compiled.program,
        waits=compiled.order,
        tools=tools,
        fan_out=run.budget.fan_out,
        preapproved=run.submission.approved_ahead,
        bounds=certified.certificate.bounds,
        question_timeout_s=question_timeout_s,
        policy=policy,
        ahead=tuple((f.step, f.argument) for f in asked if f.value is not None and f.decision == "ask"),
        controls={f.step: f.origins for f in asked if not f.argument and compiled.program[f.step].kind != "do"},
        revision=certified.revision,
        fresh=frozenset(s.id for s in compiled.program.steps if s.statement in new),
        mended=run.origin is not None and run.origin.source == "replan",
        approved=certified.approved,
    )


def values_of(run: Run, certified: PlanCertified, program: Program, load: LoadValue) -> Values:
    """The run's values, as far as its calls are done."""
    assert run.now is not None
    hand = hand_of(run)
    spoken = {name: person_labels(answer.kind) for name, (_, answer) in said(run).items()}
    params = {name: Tagged(value, spoken.get(name, Labels.of(hand.own))) for name, value in certified.params.items()}
    return Values(program, run, clock=Clock(run.now), parameters=params, hand=hand, load=load)


def loader(artifacts: Artifacts) -> LoadValue:
    """Reads the values of events whose values are artifacts; raises ArtifactLost."""

    def load(finished: CallFinished) -> Json:
        assert finished.artifact is not None
        return decoded(recalled(artifacts, finished.artifact.hash, of=f"step {finished.step}"))

    return load


def decoded(content: bytes) -> Json:
    """The value whose JSON text an artifact is."""
    return json.loads(content.decode("utf-8", "surrogatepass"))


def answer_of(values: Values) -> Tagged:
    """The answer that was given last; what kept a later one from being given has chosen it."""
    answer = Tagged(None)
    for step in values.program.steps:
        if step.kind == "answer":
            match values.outcome(step.id):
                case Done(value=value):
                    answer = value
                case Skipped(choice=choice):
                    answer = Tagged(answer.value, answer.labels.with_choice(choice))
    return answer


def bound_so_far(values: Values) -> Json:
    """What a partial run has so far, by the script's names, as far as it is small enough to tell."""
    found: dict[str, Json] = {}
    room = _PARTIAL_BYTES
    for step in values.program.steps:
        for name in step.to:
            value = values.name(name)
            size = 0 if value is None else len(json.dumps(value.value, default=str))
            if value is not None and size <= room:
                found[name] = value.value
                room -= size
    return {"bound": found}
