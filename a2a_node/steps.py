"""Steps: the plan and the results of its steps as artifacts of the extension. Pure, but for the bytes of large values."""

from __future__ import annotations

import json
from collections.abc import Sequence

from a2a.types.a2a_pb2 import Artifact, Part

from a2a_node.extension import URI, metadata
from a2a_node.parts import JSON, data_part, text_part
from executor.events import CallFailed, CallFinished, PlanCertified
from executor.outcomes import Done, Failed, Outcome, Skipped
from executor.run import Run
from planner.order import Waits
from planner.program import Program, Step
from planner.toolspec import Json

PLAN = "plan"
_WHOLE = 256 * 1024  # characters of JSON of a step's result; a larger one is told by its size


def counted(program: Program) -> list[Step]:
    """The steps that do something, in the script's order: what "step 2 of 5" counts."""
    return [s for s in program.steps if s.kind != "let"]


def step_title(step: Step) -> str:
    """A step in a word or two."""
    return step.tool or step.kind


def artifact_id(step: str) -> str:
    """The id of a step's artifact."""
    return f"step-{step}"


def plan_artifact(run: Run, certified: PlanCertified, program: Program, order: Waits, seq: int) -> Artifact:
    """The plan: what of it reads well as data; then script, typed plan and certificate, whole, as texts."""
    steps: list[Json] = [
        {
            "id": step.id,
            "title": step_title(step),
            "kind": step.kind,
            "source": step.source,
            "dependsOn": sorted(_before(step, program, order)),
        }
        for step in counted(program)
    ]
    told: dict[str, Json] = {
        "revision": str(certified.revision),
        "goal": run.submission.goal,
        "steps": steps,
        "certificateHash": certified.certificate.hash,
    }
    parts = [
        data_part(told),
        text_part(certified.script, media_type="text/x-python", filename="plan.script"),
        text_part(certified.plan.model_dump_json(by_alias=True), media_type=JSON, filename="plan.json"),
        text_part(certified.certificate.model_dump_json(by_alias=True), media_type=JSON, filename="certificate.json"),
    ]
    about = metadata({"kind": "plan", "revision": certified.revision, "seq": seq})
    return Artifact(artifact_id=PLAN, name=PLAN, parts=parts, extensions=[URI], metadata=about)


def _before(step: Step, program: Program, order: Waits) -> set[str]:
    """The steps that it reads, through pure values too, or waits for."""
    found: set[str] = set()
    open_names = list(step.reads())
    while open_names:
        for definition in program.definitions(open_names.pop()):
            if program[definition].kind == "let":
                open_names += program[definition].reads()
            elif definition != step.id:
                found.add(definition)
    return found | set(order[step.id])


def items_artifact(run: Run, step: str, items: Sequence[tuple[CallFinished | CallFailed, Json]], seq: int) -> Artifact:
    """Items of a map that have ended, with their values: a chunk of the step's artifact, or all chunks so far."""
    return _artifact(run, step, [_item_part(event, value) for event, value in items], "running", seq)


def _item_part(event: CallFinished | CallFailed, value: Json) -> Part:
    failed = isinstance(event, CallFailed)
    part = text_part(event.message) if isinstance(event, CallFailed) else _value_part(value)
    part.metadata.CopyFrom(metadata({"item": event.item, "failed": failed or None}))
    return part


def step_artifact(run: Run, step: str, outcome: Outcome, seq: int) -> Artifact | None:
    """A step's result, whole; None while it is not certain."""
    match outcome:
        case Done(value=value):
            return _artifact(run, step, [_value_part(value.value)], "done", seq)
        case Failed(message=message):
            return _artifact(run, step, [text_part(message)], "failed", seq)
        case Skipped():
            return _artifact(run, step, [text_part("skipped")], "skipped", seq)
        case _:
            return None


def _artifact(run: Run, step: str, parts: list[Part], state: str, seq: int) -> Artifact:
    revision = run.certified.revision if run.certified is not None else 1
    about = metadata({"kind": "stepResult", "stepId": step, "state": state, "revision": revision, "seq": seq})
    return Artifact(artifact_id=artifact_id(step), name=step, parts=parts, extensions=[URI], metadata=about)


def _value_part(value: Json) -> Part:
    if isinstance(value, str):
        return text_part(value if len(value) <= _WHOLE else value[:_WHOLE] + " …")
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= _WHOLE:
        return data_part(value)
    size: dict[str, Json] = {"tooLarge": True, "characters": str(len(text))}
    return data_part(size | ({"items": str(len(value))} if isinstance(value, list) else {}))
