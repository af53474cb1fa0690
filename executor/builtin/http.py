"""The namespace `http`: read public pages, send to services. What comes back is untrusted."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic import BaseModel

from executor.artifacts import Artifacts
from executor.builtin import addresses
from executor.builtin.addresses import Resolve, Unsent
from executor.builtin.handle import Handle, Text, Unfit, kept_text
from executor.builtin.web import Answer, HttpSettings, Web
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.toolspec import Json

MAX_RETRY_AFTER_S = 86_400.0
_SPARE_S = 5.0  # what the tool's own time-out allows beyond the exchange's
_NO_CHARSETS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape")  # Python's own, some of them slow
_UNDONE = (408, 425, 429)  # the server says that it did nothing


class Page(BaseModel):
    """`content` is a handle when long or no text."""

    url: str
    status: int
    content_type: str
    content: Text


def http_tools(settings: HttpSettings, *, resolve: Resolve = addresses.resolve) -> Toolset:
    """The tools of the namespace `http` under these settings."""
    web = Web(settings, resolve=resolve)
    time_out = settings.timeout_s + _SPARE_S

    @tool(
        effect="read", open_world=True, sensitive=("url",), labels={"": "untrusted"}, not_found=True,
        timeout_s=time_out, seconds=1.0, server_in="url",
    )  # fmt: skip
    async def fetch(url: str, context: ToolContext) -> Page | ToolFailed:
        """Fetch a public http(s) URL."""
        answer = await _attempted(web.get(url), settings)
        return answer if isinstance(answer, ToolFailed) else _page(answer, context.artifacts, repeatable=True)

    @tool(
        effect="irreversible", open_world=True, sensitive=("url",), labels={"": "untrusted"}, not_found=True,
        timeout_s=time_out, seconds=1.0, server_in="url",
    )  # fmt: skip
    async def post(url: str, body: Json, context: ToolContext) -> Page | ToolFailed:
        """Post JSON to a public http(s) URL."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": context.key}
        answer = await _attempted(web.post(url, json.dumps(body).encode(), headers), settings, repeatable=False)
        return answer if isinstance(answer, ToolFailed) else _page(answer, context.artifacts, repeatable=False)

    tools: list[Callable[..., Any]] = [fetch, post]
    return Toolset.of("http", tools)


async def _attempted(
    exchange: Coroutine[Any, Any, Answer], settings: HttpSettings, *, repeatable: bool = True
) -> Answer | ToolFailed:
    try:
        return await exchange
    except TimeoutError:
        return ToolFailed(f"No whole answer within {settings.timeout_s:g} s.", "timeout")
    except Unfit as unfit:
        happened = unfit.kind == "transient" and not repeatable and not isinstance(unfit, Unsent)
        return ToolFailed(unfit.message, "failed" if happened else unfit.kind)


def _page(answer: Answer, artifacts: Artifacts, *, repeatable: bool) -> Page | ToolFailed:
    """The page of a success; the failure of anything else, `transient` only where nothing can have happened."""
    if not 200 <= answer.status < 300:
        return _failed(answer, repeatable=repeatable)
    media = Message()
    media["Content-Type"] = answer.headers.get("content-type", "application/octet-stream")
    return Page(
        url=answer.url,
        status=answer.status,
        content_type=media.get_content_type(),
        content=_content(answer.body, media, artifacts),
    )


def _failed(answer: Answer, *, repeatable: bool) -> ToolFailed:
    message = f"The server answered with status {answer.status}."
    match answer.status:
        case 404 | 410:
            return ToolFailed(message, "not_found")
        case status if status in _UNDONE or (repeatable and status >= 500):
            return ToolFailed(message, "transient", retry_after_s(answer.headers.get("retry-after")))
        case 401 | 403:
            return ToolFailed(message, "refused")
        case _:
            return ToolFailed(message, "failed")


def _content(body: bytes, media: Message, artifacts: Artifacts) -> Text:
    """Text in UTF-8, whatever it was sent in; other bytes as a handle."""
    media_type = media.get_content_type()
    charset = media.get_content_charset("utf-8")
    textual = media.get_content_maintype() == "text" or media_type.endswith(("json", "xml", "javascript"))
    if not textual:
        return Handle.of(artifacts.put(body, media_type=media_type))
    try:
        known = codecs.lookup(charset).name
        text = body.decode("utf-8" if known in _NO_CHARSETS else known, "replace")
    except (LookupError, UnicodeError):
        text = body.decode("utf-8", "replace")
    return kept_text(text.encode("utf-8", "replace"), artifacts, media_type=media_type)


def retry_after_s(header: str | None) -> float | None:
    """The wait that a Retry-After header (RFC 9110, 10.2.3: seconds or a date) asks for, at most a day."""
    if header is None:
        return None
    try:
        wait = float(header) if header.strip().isdigit() else _until(parsedate_to_datetime(header))
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), MAX_RETRY_AFTER_S) if math.isfinite(wait) else None


def _until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()
