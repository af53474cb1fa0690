"""Plans: the events by which a run comes to its plan."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from executor.events.base import Happened
from planner.certificate import Certificate
from planner.diagnostic import Diagnostic
from planner.plan import Plan
from planner.toolspec import Json
from planner.usage import Usage


class PlannerCalled(Happened):
    """The planner's model answered, or failed to; its usage counts either way."""

    type: Literal["planner_called"] = "planner_called"
    purpose: Literal["write", "repair"]
    model: str
    usage: Usage
    seconds: float
    error: str = ""


class PlanProposed(Happened):
    """A script is there to be compiled and checked."""

    type: Literal["plan_proposed"] = "plan_proposed"
    script: str
    source: Literal["planner", "script", "plan", "playbook", "fallback"]
    playbook: str = ""
    params: dict[str, Json] = Field(default_factory=dict)


class PlanRefused(Happened):
    """The compiler or the checker refused the proposal."""

    type: Literal["plan_refused"] = "plan_refused"
    diagnostics: tuple[Diagnostic, ...]


class PlanCertified(Happened):
    """The plan that runs from here on, and what was proved of it."""

    type: Literal["plan_certified"] = "plan_certified"
    plan: Plan
    script: str
    params: dict[str, Json] = Field(default_factory=dict)
    certificate: Certificate
    contracts: dict[str, dict[str, str]] = Field(default_factory=dict)  # tool → planner.contract.Contract.parts
