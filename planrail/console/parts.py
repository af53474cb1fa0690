"""Parts: what the page asks of one run beside its view: the graph of its plan, its events, what its tools have stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from executor.artifacts import HANDLE
from executor.run import Run
from planner.compiler import compile_script
from planner.errors import CompileError
from planner.order import waits
from planner.toolspec import Json
from planrail.console.asked import number, who
from planrail.console.graph import graph_of
from planrail.console.guard import API, CSP
from planrail.console.refusal import Refused
from planrail.house import House

_MOST_EVENTS = 1_000
_LONGEST = 1 << 53  # a number that the page can hold
_HASH = frozenset("0123456789abcdef")


class PartRoutes:
    """The routes below one run."""

    def __init__(self, house: House) -> None:
        self._house = house

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route(f"{API}runs/{{run}}/graph", self.graph, methods=["GET"]),
            Route(f"{API}runs/{{run}}/events", self.events, methods=["GET"]),
            Route(f"{API}runs/{{run}}/artifacts", self.artifacts, methods=["GET"]),
            Route(f"{API}runs/{{run}}/artifacts/{{hash}}", self.artifact, methods=["GET"]),
        ]

    async def graph(self, request: Request) -> Response:
        """The plan's steps and what each needs; the steps alone, where the plan's tools are not here any more."""
        run = await self._run(request)
        return JSONResponse(await asyncio.to_thread(self._graph, run))

    def _graph(self, run: Run) -> dict[str, Json]:
        certified = run.certified
        if certified is None:
            return {"nodes": [], "edges": []}
        tools = self._house.toolset.specs
        try:
            program, _ = compile_script(certified.script, tools, parameters=frozenset(certified.params), ids=certified.ids)
        except CompileError:
            steps = self._house.viewer(run).view().steps
            return {"nodes": [{"id": s.id, "label": s.call, "kind": s.kind, "line": s.line} for s in steps], "edges": []}
        nodes, lines = graph_of(program, waits(program, tools))
        return {"nodes": [asdict(node) for node in nodes], "edges": [list(line) for line in lines]}

    async def events(self, request: Request) -> Response:
        """A page of the journal."""
        after, limit = number(request, "after", 0, most=_LONGEST), number(request, "limit", 200, least=1, most=_MOST_EVENTS)
        record = await self._house.runs.record(request.path_params["run"], who(request))
        found = await self._house.journal.read(record.id, after=after, limit=limit)
        more = found[-1].seq if len(found) == limit else None
        return JSONResponse({"events": [r.model_dump(mode="json") for r in found], "next": more})

    async def artifacts(self, request: Request) -> Response:
        """What the run may read of the store."""
        return JSONResponse({"artifacts": stored_by(await self._run(request))})

    async def artifact(self, request: Request) -> Response:
        """The bytes of one, to be kept as a file: whoever made them, no browser shows them as a page of this server."""
        name = request.path_params["hash"]
        if len(name) != 64 or not _HASH.issuperset(name):
            raise Refused(404, "An artifact is named by its digest.")
        content = await self._house.runs.artifact(request.path_params["run"], name, who(request))
        headers = {
            "content-disposition": f'attachment; filename="{name[:16]}"',
            "content-security-policy": f"{CSP}; sandbox",
        }
        return Response(content, media_type="application/octet-stream", headers=headers)

    async def _run(self, request: Request) -> Run:
        return await self._house.runs.get(request.path_params["run"], who(request))


def stored_by(run: Run) -> list[dict[str, Any]]:
    """The run's artifacts, with what its values tell of them."""
    found: dict[str, dict[str, Any]] = {}
    for (step, item), call in run.calls.items():
        ended = call.finished
        if ended is None:
            continue
        if ended.artifact is not None:
            found.setdefault(ended.artifact.hash, {**ended.artifact.model_dump(mode="json"), "step": step, "item": item})
        for handle in _handles(ended.value):
            if handle[HANDLE] in run.artifacts:
                told = {name: handle.get(name) for name in ("media_type", "size", "rows")}
                found.setdefault(handle[HANDLE], {"hash": handle[HANDLE], **told, "step": step, "item": item})
    unknown = {"media_type": None, "size": None, "rows": None, "step": "", "item": ""}
    return [*found.values(), *({"hash": name, **unknown} for name in sorted(run.artifacts - found.keys()))]


def _handles(value: Json) -> Iterator[dict[str, Any]]:
    """The handles in a value."""
    left = [value]
    while left:
        match left.pop():
            case dict() as found:
                if isinstance(found.get(HANDLE), str):
                    yield found
                left += found.values()
            case list() as found:
                left += found
