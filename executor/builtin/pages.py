"""Pages: answers of servers as the tools of the namespace `http` give them: a page, or the failure that it was."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Coroutine
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

from executor.artifacts import Artifacts
from executor.builtin.addresses import Resolve, Unsent, resolve
from executor.builtin.handle import Handle, Text, Unfit, kept_text
from executor.builtin.http_settings import HttpSettings
from executor.builtin.page import Page
from executor.builtin.web import Answer, Web
from executor.tool import ToolContext, ToolFailed
from planner.toolspec import Json

MAX_RETRY_AFTER_S = 86_400.0
_NO_CHARSETS = ("idna", "punycode", "unicode-escape", "raw-unicode-escape")  # Python's own, some of them slow
_UNDONE = (408, 425, 429)  # the server says that it did nothing


class Pages:
    """Fetching and posting under one set of bounds."""

    def __init__(self, settings: HttpSettings, resolver: Resolve | None = None) -> None:
        self._settings = settings
        self._web = Web(settings, resolve=resolver or resolve)

    async def fetch(self, url: str, context: ToolContext) -> Page | ToolFailed:
        """The page at a URL."""
        answer = await _attempted(self._web.get(url), self._settings)
        return answer if isinstance(answer, ToolFailed) else _page(answer, context.artifacts, repeatable=True)

    async def post(self, url: str, body: Json, context: ToolContext) -> Page | ToolFailed:
        """What the server answers to this JSON, which the context's key makes one and the same for it."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": context.key}
        answer = await _attempted(self._web.post(url, json.dumps(body).encode(), headers), self._settings, repeatable=False)
        return answer if isinstance(answer, ToolFailed) else _page(answer, context.artifacts, repeatable=False)


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
