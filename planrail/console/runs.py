"""Runs: what the page may ask of runs: to list them, look at one, watch, answer, cancel."""

from __future__ import annotations

import json
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from executor.errors import NotAnswerable
from executor.events import RunStatus
from executor.journal.port import RunRecord
from executor.run import Run
from executor.submission import Principal
from planrail.answers import check_answer
from planrail.console.asked import Nothing, Reply, asked_for, number, session_of, who
from planrail.console.document import beside, document_of
from planrail.console.guard import API
from planrail.console.live import Live
from planrail.console.refusal import Refused
from planrail.console.rows import Rows
from planrail.house import House
from planrail.runs import APPROVALS, may_approve

_PAGE, _MOST = 200, 2_000  # runs that a search looks at, at once and in one request
_STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)


class RunRoutes:
    """The routes below `runs`."""

    def __init__(self, house: House, rows: Rows, live: Live) -> None:
        self._house = house
        self._rows = rows
        self._live = live

    def routes(self) -> list[BaseRoute]:
        """`live` before what would take it for a run."""
        return [
            Route(f"{API}runs", self.listed, methods=["GET"]),
            Route(f"{API}runs/live", self.watched_list, methods=["GET"]),
            Route(f"{API}runs/{{run}}", self.shown, methods=["GET"]),
            Route(f"{API}runs/{{run}}/live", self.watched, methods=["GET"]),
            Route(f"{API}runs/{{run}}/answer", self.answered, methods=["POST"]),
            Route(f"{API}runs/{{run}}/cancel", self.cancelled, methods=["POST"]),
        ]

    async def listed(self, request: Request) -> Response:
        """A page of the runs, newest first, and how many there are of each status."""
        query, principal = request.query_params, who(request)
        wanted = [s for s in query.get("status", "").split(",") if s]
        if strange := [s for s in wanted if s not in _STATUSES]:
            raise Refused(400, f"There is no status {strange[0][:40]}.", hint=f"There are: {', '.join(_STATUSES)}.")
        statuses = [s for s in _STATUSES if s in wanted] or None
        limit, words = number(request, "limit", 50, least=1, most=200), query.get("q", "").casefold().split()
        found, after = await self._found(principal, statuses, words, query.get("before") or None, limit)
        counts = {**dict.fromkeys(_STATUSES, 0), **await self._house.runs.counts(principal)}
        return JSONResponse({"runs": await self._rows.of(found), "next": after, "counts": counts})

    async def _found(
        self, principal: Principal, statuses: list[RunStatus] | None, words: list[str], before: str | None, limit: int
    ) -> tuple[list[RunRecord], str | None]:
        """Runs with these words, and where the next page begins; None where there is none."""
        found: list[RunRecord] = []
        for _ in range(_MOST // _PAGE):
            most = _PAGE if words else limit + 1
            page = await self._house.runs.find(principal, statuses=statuses, before=before, limit=most)
            for record in page:
                if len(found) == limit:
                    return found, before
                if all(word in record.goal.casefold() or record.id.startswith(word) for word in words):
                    found.append(record)
                before = record.id
            if len(page) < most:
                return found, None
        return found, before

    async def watched_list(self, request: Request) -> Response:
        """The list, live."""
        return self._live.runs(session_of(request))

    async def shown(self, request: Request) -> Response:
        """One run, whole."""
        run = await self._run(request)
        document = await document_of(self._house, run)
        return _json({**document, **beside(document, run.submission.principal, who(request))})

    async def watched(self, request: Request) -> Response:
        """One run, live."""
        record = await self._house.runs.record(request.path_params["run"], who(request))
        return self._live.run(record.id, session_of(request))

    async def answered(self, request: Request) -> Response:
        """Answer a question. Who may not, or answers what does not fit, is told so before it is asked who was first."""
        asked, principal = await asked_for(request, Reply), who(request)
        run = await self._run(request)
        question = next((q for q in run.open_questions if q.id == asked.question), None)
        if question is not None and question.kind in APPROVALS and not may_approve(principal, run.submission.principal):
            hint = "Sign in as a person, or with a key that has the scope approve and has not submitted the goal."
            raise Refused(403, "An agent does not approve what it has submitted.", hint=hint)
        if question is not None and not asked.refused:
            try:
                check_answer(question, asked.answer)
            except NotAnswerable as problem:
                raise Refused(422, problem.message, hint=problem.hint) from None
        said = await self._house.runs.answer(
            run.id, principal, asked.answer, question=asked.question, refused=asked.refused
        )  # fmt: skip
        return JSONResponse({"question": said.model_dump(mode="json")})

    async def cancelled(self, request: Request) -> Response:
        """Stop it."""
        await asked_for(request, Nothing)
        return self._told(await self._house.runs.cancel(request.path_params["run"], who(request)))

    def _told(self, record: RunRecord) -> Response:
        return JSONResponse({"id": record.id, "status": record.status})

    async def _run(self, request: Request) -> Run:
        return await self._house.runs.get(request.path_params["run"], who(request))


def _json(document: Any) -> Response:
    """A document that may be long: without blanks."""
    return Response(json.dumps(document, ensure_ascii=False, separators=(",", ":")), media_type="application/json")
