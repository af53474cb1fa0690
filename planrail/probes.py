"""Probes: what a supervisor and a monitor ask of a process over HTTP: whether it lives, is ready, and its figures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from executor.engine.port import Carries
from executor.errors import JournalUnreachable
from executor.journal.census import Figures
from executor.journal.tables import HEAD
from planrail.auth import Authenticator, Unauthenticated
from planrail.house import House
from planrail.metrics import exposition
from planrail.tally import Tally

log = logging.getLogger(__name__)

HEALTH, READY, METRICS = "/healthz", "/readyz", "/metrics"
PATHS = (HEALTH, READY, METRICS)
TOLD = {"health": HEALTH, "ready": READY, "metrics": METRICS}

_LOOK_S = 3.0  # a database that has not answered by then does not answer; probes give up soon after

T = TypeVar("T")


class Look(Generic[T]):
    """A look at the database that whoever asks at the same time shares: however many ask, one thread waits for it."""

    def __init__(self, look: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._look = look
        self._task: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """What is there; raises TimeoutError, and what the look raises."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look(), name="planrail-probe")
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())  # whoever asked may have gone
        async with asyncio.timeout(_LOOK_S):
            return await asyncio.shield(self._task)


class Probes:
    """Answers for one process. `engine` is what it carries runs on with; None where it does not."""

    def __init__(self, house: House, auth: Authenticator, engine: object | None = None) -> None:
        self._house = house
        self._auth = auth
        self.engine = engine
        self._revision = Look(house.journal.census.revision)
        self._figures = Look(lambda: house.journal.census.figures(datetime.now(UTC)))
        self._tally = Tally()
        house.journal.heard.append(self._tally.hear)
        self.leaves = False  # it was told to end

    async def problems(self) -> list[str]:
        """Why nothing should be sent here now. Anybody may read them: they name no place and nobody."""
        found = ["it was told to end"] if self.leaves else []
        if self.engine is not None and isinstance(self.engine, Carries) and not self.engine.carries:
            found.append("what carries runs on has ended: restart this process")
        try:
            revision = await self._revision()
        except Exception:
            log.warning("not ready: the database does not answer", exc_info=True)
            return [*found, "the database does not answer"]
        if revision != HEAD:
            found.append(f"the database is at revision {revision}, and this process needs {HEAD}: run one version everywhere")
        return found

    async def figures(self) -> Figures:
        """What is counted, of all tenants; raises JournalUnreachable and TimeoutError."""
        return await self._figures()

    def app(self) -> Any:
        """The ASGI application of all of them."""
        from starlette.applications import Starlette  # noqa: PLC0415  # a server's, which no other command needs
        from starlette.requests import Request  # noqa: PLC0415
        from starlette.responses import JSONResponse, PlainTextResponse, Response  # noqa: PLC0415
        from starlette.routing import Route  # noqa: PLC0415

        async def healthz(request: Request) -> Response:
            upstream = {name: "up" if c.is_up else c.problem for name, c in self._house.hub.connections.items()}
            return JSONResponse({"ok": True, "worker": self._house.worker, **({"upstream": upstream} if upstream else {})})

        async def readyz(request: Request) -> Response:
            problems = await self.problems()
            told = {"ready": not problems, "carries_runs_on": self.engine is not None, "problems": problems}
            return JSONResponse(told, status_code=503 if problems else 200)

        async def metrics(request: Request) -> Response:
            peer = None if request.client is None else request.client.host
            try:
                known = await self._auth.caller(request.headers.items(), peer)
                if known.tenants:
                    return PlainTextResponse("These are the figures of all tenants.\n", status_code=403)
                text, media_type = exposition(await self._figures(), self._tally)
            except Unauthenticated as refused:
                return PlainTextResponse(f"{refused.message}\n", 401, {"www-authenticate": refused.challenge})
            except ModuleNotFoundError:
                return PlainTextResponse('pip install "planrail[metrics]"\n', status_code=501)
            except (JournalUnreachable, TimeoutError):
                return PlainTextResponse("The database does not answer.\n", status_code=503)
            return Response(text, media_type=media_type)

        return Starlette(routes=[Route(HEALTH, healthz), Route(READY, readyz), Route(METRICS, metrics)])
