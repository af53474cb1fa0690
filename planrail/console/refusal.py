"""Refusal: what somebody who asks for what cannot be had is told: a status, a message, and the next thing to do."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError
from starlette.responses import JSONResponse

from executor.errors import (
    ArtifactsUnreachable,
    JournalNewer,
    JournalUnreachable,
    KeyTaken,
    NotAnswerable,
    NotForkable,
    QuotaExceeded,
    SessionSpent,
    UnknownArtifact,
    UnknownRun,
)
from planner.errors import CompileError, PlanrailError, PlanRefused, PlaybookError
from planner.toolspec import Json
from planrail.auth import Unauthenticated
from planrail.quota import TooManyRequests, retry_after


class Refused(PlanrailError):
    """A request that the console does not carry out; `status` is HTTP's. One that has no end is hung up on."""

    fault = "user"

    def __init__(self, status: int, message: str, *, hint: str = "", hangs_up: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.hangs_up = hangs_up


_STATUS: Mapping[type[PlanrailError], int] = {
    Unauthenticated: 401,
    UnknownRun: 404,
    UnknownArtifact: 404,
    NotAnswerable: 409,
    NotForkable: 409,
    KeyTaken: 409,
    PlaybookError: 422,
    CompileError: 422,
    PlanRefused: 422,
    SessionSpent: 429,
    QuotaExceeded: 429,
    TooManyRequests: 429,
    JournalUnreachable: 503,
    JournalNewer: 503,
    ArtifactsUnreachable: 503,
}


def answer_of(error: PlanrailError, **more: Json) -> JSONResponse:
    """The response that says so."""
    told: dict[str, Json] = {"message": error.message, "hint": error.hint, **more}
    if isinstance(error, CompileError | PlanRefused):
        what = "The script does not compile." if isinstance(error, CompileError) else "The plan is refused."
        told |= {"message": what, "diagnostics": [d.model_dump(mode="json") for d in error.diagnostics]}
    headers = {"connection": "close"} if isinstance(error, Refused) and error.hangs_up else {}
    if isinstance(error, QuotaExceeded | TooManyRequests):
        headers["retry-after"] = str(retry_after(error.again_in_s))
    return JSONResponse(told, status_of(error), headers)


def status_of(error: PlanrailError) -> int:
    """HTTP's number for it."""
    if isinstance(error, Refused):
        return error.status
    known = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    return known or (400 if error.fault in ("user", "plan", "data") else 500)


def unfit(error: ValidationError) -> Refused:
    """What a document that does not fit is refused with; its values are not repeated."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return Refused(422, f"{where}: {message}." if where else f"{message}.")
