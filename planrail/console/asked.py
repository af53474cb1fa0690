"""Asked: what a request of the page brings, read whole up to a bound and checked before anything is done."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from executor.submission import Principal
from planner.toolspec import Json
from planrail.console.guard import SESSION
from planrail.console.refusal import Refused, unfit
from planrail.console.session import Session

MOST = 1_000_000  # bytes of a body

T = TypeVar("T", bound=BaseModel)


class Asked(BaseModel):
    """A document that the page sends."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SignIn(Asked):
    """A way in: one of the two."""

    key: str | None = None
    token: str | None = None


class Reply(Asked):
    """An answer to an open question."""

    question: str = Field(max_length=1_000)
    answer: Json = None
    refused: bool = False


class Nothing(Asked):
    """No more than the request itself."""


async def asked_for(request: Request, kind: type[T]) -> T:
    """The request's body; raises Refused. Of one that is too long no more is read."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MOST:
        raise Refused(413, f"A request is {MOST} bytes long at most.")
    pieces: list[bytes] = []
    left = MOST
    async for piece in request.stream():
        left -= len(piece)
        if left < 0:
            raise Refused(413, f"A request is {MOST} bytes long at most.", hangs_up=True)
        pieces.append(piece)
    return _read(b"".join(pieces) or b"{}", kind)


def _read(content: bytes, kind: type[T]) -> T:
    try:
        document = json.loads(content.decode(), parse_constant=_no_number)
        return kind.model_validate(document)
    except ValidationError as error:
        raise unfit(error) from None
    except (ValueError, RecursionError):
        raise Refused(400, "The body is no JSON in UTF-8.") from None


def _no_number(name: str) -> Json:
    raise ValueError(name)


def session_of(request: Request) -> Session:
    """Who has sent it; a request of nobody has come to a handler by mistake."""
    session: Session = request.scope[SESSION]
    assert session is not None
    return session


def who(request: Request) -> Principal:
    """Its principal."""
    return session_of(request).principal


def number(request: Request, name: str, usual: int, *, least: int = 0, most: int) -> int:
    """A number of the query; raises Refused."""
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) <= most:
        raise Refused(400, f"{name} is a number from {least} to {most}.")
    return int(text)
