"""Skills: what a card says that the agent can do: by packs, playbooks, and the plans that a caller keeps. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from a2a.types.a2a_pb2 import AgentSkill

from executor.kept import Kept
from executor.pack import Pack
from planner.goal import slots_of
from planner.playbook import Parameter, Playbook
from planner.toolspec import Json

_EXAMPLES = 3  # goals of a skill that are shown


def skills_of(packs: Sequence[Pack], playbooks: Iterable[Playbook]) -> list[AgentSkill]:
    """The skills of packs and playbooks, in that order. A playbook's id is its name, as a request may give it."""
    return [*(_of_pack(pack) for pack in packs), *(_of_playbook(playbook) for playbook in playbooks)]


def kept_skills(plans: Iterable[Kept]) -> list[AgentSkill]:
    """Those of plans that ran well for a caller: a goal of their form is not planned anew."""
    return [
        AgentSkill(
            id=f"kept.{plan.id[:8]}",
            name=plan.template.goal,
            description=f"A plan that ran well {plan.runs} times is taken for goals of this form: {plan.template.goal}",
            tags=["kept-plan", *sorted({tool.partition(".")[0] for tool in plan.template.tools})],
            examples=[plan.template.goal],
        )
        for plan in plans
    ]


def _of_pack(pack: Pack) -> AgentSkill:
    namespaces = sorted({name.partition(".")[0] for name in pack.tools.specs})
    return AgentSkill(id=f"pack.{pack.name}", name=pack.name, description=pack.about, tags=["tools", *namespaces])


def _of_playbook(playbook: Playbook) -> AgentSkill:
    goals = [_filled(goal, playbook) for goal in playbook.goals[:_EXAMPLES]]
    given = {p.name: _some(p) for p in playbook.parameters if p.required}
    asked = json.dumps({"playbook": playbook.name, **({"params": given} if given else {})}, ensure_ascii=False)
    return AgentSkill(
        id=playbook.name,
        name=playbook.name.replace("_", " ").capitalize(),
        description=_described(playbook),
        tags=["playbook", *playbook.tools],
        examples=[*dict.fromkeys(goals), asked],
    )


def _described(playbook: Playbook) -> str:
    what = playbook.goals[0] if playbook.goals else f"The playbook {playbook.name}"
    listed = [f"{p.name}: {p.type}{'' if p.required else f' = {json.dumps(p.default)}'}" for p in playbook.parameters]
    return f"{what}. Parameters: {', '.join(listed)}." if listed else f"{what}."


def _filled(goal: str, playbook: Playbook) -> str:
    """A goal with something in its slots; what only a caller can know stays a slot."""
    known = {p.name: _some(p) for p in playbook.parameters}
    for name in slots_of(goal):
        goal = goal.replace(f"{{{name}}}", str(known[name]))
    return goal


def _some(parameter: Parameter) -> Json:
    """A value that the parameter may have."""
    schema = parameter.schema
    if "enum" in schema:
        return schema["enum"][0]
    if not parameter.required and parameter.default is not None:
        return parameter.default
    kind = schema.get("type")
    return {"integer": 3, "number": 4.5, "boolean": True}.get(str(kind), f"<{parameter.name}>")
