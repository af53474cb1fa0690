"""Starts: what the page begins: runs and forks; runs that go on; and scripts that are checked before."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from executor.compiled import Scripts
from executor.events import PlanProposed
from executor.run import Run
from executor.submission import Principal, Submission
from executor.writer import hand_of
from planner.budget import Budget
from planner.errors import CompileError, PlanRefused
from planner.toolspec import Json
from planrail.console.asked import Asked, asked_for, who
from planrail.console.guard import API
from planrail.console.refusal import unfit
from planrail.forking import ForkWish
from planrail.house import House
from planrail.terms import terms_of

_KEY = 200  # characters at most


class NewRun(Asked):
    """A goal, or a playbook with its parameters. The same `key` finds the same run."""

    goal: str = ""
    playbook: str | None = None
    params: dict[str, Json] = Field(default_factory=dict)
    budget: dict[str, Json] | None = None
    key: str | None = Field(default=None, min_length=1, max_length=_KEY)


class GoesOn(Asked):
    """A run that goes on, with these ceilings raised."""

    budget: dict[str, Json] | None = None


class ForkAsked(Asked):
    """A fork: from which step on, by which script."""

    step: str = Field(max_length=1_000)
    script: str | None = None
    budget: dict[str, Json] | None = None
    key: str | None = Field(default=None, min_length=1, max_length=_KEY)


class Checked(Asked):
    """A script; with a run, as a fork of it."""

    script: str
    run: str | None = None


class StartRoutes:
    """The routes that begin something."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._scripts = Scripts(house.toolset.specs, terms_of(house.settings), house.settings.policy)
        house.hub.changed.append(self._scripts.forget)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route(f"{API}runs", self.begun, methods=["POST"]),
            Route(f"{API}runs/{{run}}/resume", self.resumed, methods=["POST"]),
            Route(f"{API}runs/{{run}}/fork", self.forked, methods=["POST"]),
            Route(f"{API}check", self.checked, methods=["POST"]),
        ]

    async def begun(self, request: Request) -> Response:
        """A new run."""
        asked, principal = await asked_for(request, NewRun), who(request)
        if asked.playbook is not None:
            self._house.playbooks.get(asked.playbook)  # one that there is not is said at once
        budget = _raised(self._house.settings.budget, asked.budget)
        submission = _submission(
            goal=asked.goal, playbook=asked.playbook, params=asked.params, budget=budget, principal=principal
        )  # fmt: skip
        record = await self._house.runs.submit(submission, key=_key(asked.key))
        return JSONResponse({"id": record.id}, 201)

    async def resumed(self, request: Request) -> Response:
        """A run that has ended goes on."""
        asked, principal = await asked_for(request, GoesOn), who(request)
        run = await self._house.runs.get(request.path_params["run"], principal)
        budget = None if asked.budget is None else _raised(run.budget, asked.budget)
        record = await self._house.runs.resume(run.id, principal, budget=budget)
        return JSONResponse({"id": record.id, "status": record.status})

    async def forked(self, request: Request) -> Response:
        """A new run with what another one has done."""
        asked, principal = await asked_for(request, ForkAsked), who(request)
        run = await self._house.runs.get(request.path_params["run"], principal)
        budget = None if asked.budget is None else _raised(run.budget, asked.budget)
        wish = ForkWish(asked.step, asked.script, budget)
        record = await self._house.runs.fork(run.id, principal, wish, key=_key(asked.key))
        return JSONResponse({"id": record.id}, 201)

    async def checked(self, request: Request) -> Response:
        """What the checker says of a script."""
        asked, principal = await asked_for(request, Checked), who(request)
        run = None if asked.run is None else await self._house.runs.get(asked.run, principal)
        return JSONResponse(await asyncio.to_thread(self._checked, asked.script, principal, run))

    def _checked(self, script: str, principal: Principal, original: Run | None) -> dict[str, Json]:
        before = None if original is None else original.certified
        params: Mapping[str, Json] = {} if before is None else before.params
        budget = self._house.settings.budget if original is None else original.budget
        goal = "" if original is None else original.submission.goal
        told: dict[str, Json] = {"ok": False, "diagnostics": [], "certificate": None, "steps": []}
        run = _as_submitted(_submission(goal=goal, script=script, params=dict(params), budget=budget, principal=principal))
        try:
            program = self._scripts.compiled(script, frozenset(params)).program
            told["steps"] = [{"id": s.id, "line": max(s.at.line, 1)} for s in program.steps if s.kind != "let"]
            certificate = self._scripts.certified(script, params, budget, hand_of(run))
        except (CompileError, PlanRefused) as refused:
            return {**told, "diagnostics": [d.model_dump(mode="json") for d in refused.diagnostics]}
        warnings = [d.model_dump(mode="json") for d in certificate.warnings]
        return {**told, "ok": True, "diagnostics": warnings, "certificate": certificate.model_dump(mode="json")}


def _submission(**fields: Any) -> Submission:
    try:
        return Submission(**fields)
    except ValidationError as error:
        raise unfit(error) from None


def _as_submitted(submission: Submission) -> Run:
    """The run that it would be, as far as it says in whose hand the script is."""
    run = Run("", submission=submission)
    run.proposed = PlanProposed(script=submission.script or "", source="script", params=submission.params)
    return run


def _raised(usual: Budget, given: Mapping[str, Json] | None) -> Budget:
    """The ceilings with those that are named."""
    try:
        return Budget.model_validate({**usual.model_dump(), **(given or {})})
    except ValidationError as error:
        raise unfit(error) from None


def _key(key: str | None) -> str | None:
    return None if key is None else f"console:{key}"
