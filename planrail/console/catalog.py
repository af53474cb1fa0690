"""Catalog: what the page shows of the house beside its runs: playbooks, kept plans, schedules, reports, and how it is."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from executor.submission import Principal
from executor.tenant import tenant_of
from executor.timetable import Schedule
from planrail.console.asked import who
from planrail.console.guard import API
from planrail.console.refusal import Refused
from planrail.evals.shelf import Shelf
from planrail.house import House
from planrail.probes import Probes
from planrail.toolbox import playbook_document

_MOST_RUNNING = 1_000  # runs that are looked at, for who carries them on


class CatalogRoutes:
    """The routes of the house. Those who are bound to a tenant see what is theirs, and not how the house is."""

    def __init__(self, house: House, probes: Probes) -> None:
        self._house = house
        self._probes = probes
        self._shelf = Shelf(house.settings.home)

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route(f"{API}playbooks", self.playbooks, methods=["GET"]),
            Route(f"{API}plans", self.plans, methods=["GET"]),
            Route(f"{API}schedules", self.schedules, methods=["GET"]),
            Route(f"{API}reports", self.reports, methods=["GET"]),
            Route(f"{API}reports/{{name}}", self.report, methods=["GET"]),
            Route(f"{API}health", self.health, methods=["GET"]),
        ]

    async def playbooks(self, request: Request) -> Response:
        """As `planrail playbooks --json` has them."""
        return JSONResponse([playbook_document(playbook) for playbook in self._house.playbooks])

    async def plans(self, request: Request) -> Response:
        """As `planrail plans --json` has them: the principal's."""
        return JSONResponse([plan.document() for plan in await self._house.plans.find(who(request))])

    async def schedules(self, request: Request) -> Response:
        """The principal's."""
        return JSONResponse([_schedule(s) for s in await self._house.schedules.find(who(request))])

    async def reports(self, request: Request) -> Response:
        """What `planrail eval` has left here."""
        listed = await asyncio.to_thread(self._shelf.listed) if _of_the_house(who(request)) else []
        return JSONResponse([shelved.model_dump(mode="json") for shelved in listed])

    async def report(self, request: Request) -> Response:
        """One of them."""
        name = request.path_params["name"]
        found = await asyncio.to_thread(self._shelf.get, name) if _of_the_house(who(request)) else None
        if found is None:
            raise Refused(404, f"There is no report {name[:80]}.")
        return JSONResponse({**found.model_dump(mode="json"), "passed": found.passed})

    async def health(self, request: Request) -> Response:
        """Whether this process is ready, who carries runs on, what its servers of tools say, and the figures of a monitor."""
        problems = await self._probes.problems()
        told: dict[str, Any] = {"ready": not problems, "problems": problems, "workers": [], "upstream": {}, "figures": {}}
        if _of_the_house(who(request)) and not problems:
            told["upstream"] = {name: "up" if c.is_up else c.problem for name, c in self._house.hub.connections.items()}
            told["figures"] = (await self._probes.figures()).model_dump(mode="json")
            told["workers"] = await self._workers()
        return JSONResponse({**told, "carries_runs_on": self._probes.engine is not None})

    async def _workers(self) -> list[dict[str, Any]]:
        """Those that hold runs, and this process if it carries any on."""
        running = await self._house.journal.find(statuses=["running"], limit=_MOST_RUNNING)
        held = Counter(record.owner for record in running if record.owner is not None)
        if self._probes.engine is not None:
            held.setdefault(self._house.worker, 0)
        here = self._house.worker
        return [
            {
                "id": name,
                "runs": runs,
                "state": f"{'this process, ' if name == here else ''}holds {runs or 'no'} run{'' if runs == 1 else 's'}",
            }
            for name, runs in sorted(held.items())
        ]


def _of_the_house(principal: Principal) -> bool:
    """Whether it is bound to no tenant."""
    return not tenant_of(principal.id)


def _schedule(schedule: Schedule) -> dict[str, Any]:
    told = schedule.model_dump(mode="json", exclude={"submission", "id", "principal", "run"})
    submission = schedule.submission
    return {**told, "goal": submission.goal, "playbook": submission.playbook or "", "last_run": schedule.run}
