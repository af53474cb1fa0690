"""Submission: what somebody asks for, whole; a run is one submission carried out."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from planner.budget import Budget
from planner.plan import Plan
from planner.toolspec import Json, digest

MOST_EARLIER = 5  # runs that a submission may refer to


class Principal(BaseModel):
    """Who submits or answers. `kind` is the label of the goal's words; `scopes` may hold "approve"."""

    model_config = ConfigDict(frozen=True)

    id: str = "local"
    kind: Literal["user", "agent"] = "user"
    scopes: frozenset[str] = frozenset()


class ForkOf(BaseModel):
    """Where a run was forked: from `step` of the fork's own script on it goes its own way."""

    model_config = ConfigDict(frozen=True)

    run: str
    step: str


class Submission(BaseModel):
    """A goal in words, and optionally the plan for it: at most one of `script`, `plan` and `playbook`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    goal: str = Field(default="", max_length=50_000)
    script: str | None = None
    plan: Plan | None = None
    playbook: str | None = None
    skill: str | None = Field(default=None, min_length=1, max_length=200)  # who takes the goal: a specialist, or a playbook
    params: dict[str, Json] = Field(default_factory=dict)
    budget: Budget = Budget()
    preapproved: bool = False  # the script's own `approve` steps are answered yes (`--yes`)
    principal: Principal = Principal()
    forked_from: ForkOf | None = None
    mode: Literal["plan", "react"] = "plan"  # react: no plan; the planner's model calls tools until it has the answer
    one_call: bool = False  # in ReAct mode: one call a turn
    probes: int = Field(default=0, ge=0, le=50)  # look-ups that the planner may make before it writes the plan
    fresh: bool = False  # a plan is written anew, whatever plans are kept
    session: str | None = Field(default=None, min_length=1, max_length=200)  # the conversation, whose runs share ceilings
    refers_to: tuple[str, ...] = Field(
        default=(), max_length=MOST_EARLIER
    )  # earlier runs of the session that the goal is about
    traceparent: str = ""  # of the caller, whose trace the run's spans belong to; W3C Trace Context
    links_to: str = ""  # the same of a fork's origin, to whose last stretch its trace links
    received: Json = None  # the message that it was read from, as the door got it: what the door tells of it later

    @model_validator(mode="after")
    def _whole(self) -> Self:
        plans = [p for p in (self.script, self.plan, self.playbook) if p is not None]
        if len(plans) > 1:
            raise ValueError("give one of script, plan and playbook")
        if not plans and not self.goal.strip():
            raise ValueError("the goal is empty: say what is to be done, or give a script, a plan or a playbook")
        if plans and self.skill is not None:
            raise ValueError("a skill takes a goal: give that, or a script, a plan or a playbook")
        if plans and self.mode == "react":
            raise ValueError("in ReAct mode there is a goal and no plan")
        if self.refers_to and self.mode == "react":
            raise ValueError("in ReAct mode no earlier run is shown: refer to one in the usual mode")
        if self.session is not None and not (self.session.isprintable() and self.session.strip()):
            raise ValueError("the session's name has to be printable")
        for text in (self.goal, self.script or "", self.session or ""):
            if any("\ud800" <= c <= "\udfff" for c in text):
                raise ValueError("the text is not UTF-8")
        return self

    @property
    def approved_ahead(self) -> bool:
        """Whether `--yes` counts: a person's does; what an agent submits it does not approve."""
        return self.preapproved and self.principal.kind == "user"

    def digest(self) -> str:
        """Equal submissions of one principal have equal digests."""
        whole = self.model_dump(mode="json", by_alias=True)
        for name in ("forked_from", "session", "received", "skill"):
            if whole[name] is None:
                del whole[name]  # as it was before there was such a thing
        del whole["traceparent"], whole["links_to"]  # who asks again asks for the same
        for name, usual in (("fresh", False), ("mode", "plan"), ("one_call", False), ("probes", 0), ("refers_to", [])):
            if whole[name] == usual:
                del whole[name]
        if whole["budget"]["replans"] == Budget().replans:
            del whole["budget"]["replans"]
        return digest(whole)
