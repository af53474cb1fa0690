"""Plans: the events by which a run comes to its plan."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from executor.events.base import Happened
from planner.certificate import Certificate
from planner.diagnostic import Diagnostic
from planner.plan import Plan
from planner.template import Template
from planner.toolspec import Json
from planner.usage import Usage


class GoalRouted(Happened):
    """Who takes the goal was decided, once; `specialist` is "" where nobody in particular does, with all tools.

    `by` tells of what it was decided: a playbook, fields, a file, a model, or why nobody was chosen.
    """

    type: Literal["goal_routed"] = "goal_routed"
    specialist: str = ""
    how: Literal["skill", "structure", "model", "general"]
    by: str = ""
    sure: float | None = None  # of a model's choice
    leaning: str = ""  # whom the model would have named, where it was too little sure


class PlannerCalled(Happened):
    """The planner's model answered, or failed to; its usage counts either way. To `route` is the cheap model's work."""

    type: Literal["planner_called"] = "planner_called"
    purpose: Literal["write", "repair", "replan", "route"]
    model: str
    usage: Usage
    seconds: float
    error: str = ""


class PlanProposed(Happened):
    """A script is there to be compiled and checked.

    In a run that has a plan it is that plan's next revision: its first statements, whose `ids` it names, stay as they are and
    keep what they have done; the others are gone. What these had settled already can be taken over by what is new.
    """

    type: Literal["plan_proposed"] = "plan_proposed"
    script: str
    source: Literal["planner", "script", "plan", "playbook", "fallback", "replan", "template", "react"]
    playbook: str = ""
    template: str = ""  # the id of the kept plan that it is
    runs: int = 0  # in which that went well before
    params: dict[str, Json] = Field(default_factory=dict)
    revision: int = 1
    ids: tuple[str, ...] = ()  # of the statements that are kept, in the script's order
    over: tuple[str, ...] = ()  # steps that are kept and take nothing more
    dropped: dict[str, str] = Field(default_factory=dict)  # step that is gone → what kind of result it gave
    written: str = ""  # what of the script is new
    before: str = ""  # of a replan: the script in the principal's own hand that it goes back to


class PlanRefused(Happened):
    """The compiler or the checker refused the proposal."""

    type: Literal["plan_refused"] = "plan_refused"
    diagnostics: tuple[Diagnostic, ...]


class PlanCertified(Happened):
    """The plan that runs from here on, and what was proved of it: of a revision, what its steps may take from here on."""

    type: Literal["plan_certified"] = "plan_certified"
    plan: Plan
    script: str
    params: dict[str, Json] = Field(default_factory=dict)
    certificate: Certificate
    contracts: dict[str, dict[str, str]] = Field(default_factory=dict)  # tool → planner.contract.Contract.parts
    revision: int = 1
    ids: tuple[str, ...] = ()  # of all its statements, in the script's order; none where the script alone tells them
    kept: int = 0  # how many of them, from the first on, the revision before has had
    dropped: dict[str, str] = Field(default_factory=dict)  # step that is gone → what kind of result it gave
    approved: bool = False  # a person had approved effects of the plan before it was revised


class PlanVerified(Happened):
    """The run went as its plan said: it counts for the template that its goal and its script make.

    `template` is there where the planner had written the script, with what it took to write it.
    """

    type: Literal["plan_verified"] = "plan_verified"
    plan: str  # the template's id
    values: dict[str, Json]  # of its slots
    template: Template | None = None
    tokens: int = 0


class PlanDoubted(Happened):
    """The run did not go as its plan said: what counted for the template counts no more."""

    type: Literal["plan_doubted"] = "plan_doubted"
    plan: str  # the template's id
    reason: str
