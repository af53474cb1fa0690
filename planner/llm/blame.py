"""Blame: what an endpoint's failure means for us, and whose it is.

failure                                             | becomes            | because
----------------------------------------------------|--------------------|-------------------------------------------
401, 403                                            | ModelMisconfigured | the key is wrong or may not use the model
404                                                 | ModelMisconfigured | the model or the address is wrong
402, 429 "insufficient_quota"                       | ModelMisconfigured | no retry fills an account
408, 409, 425, other 429, 5xx, a redirect           | ModelUnavailable   | later it may work
no connection, time-out, a stream that breaks off   | ModelUnavailable   | later it may work
400 "content_filter" and its like                   | ModelRefused       | the same words will be refused again
any other 4xx                                       | ModelError         | the request is wrong, e.g. too long
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from planner.errors import ModelError, ModelMisconfigured, ModelRefused, ModelUnavailable
from planner.usage import Usage

_KEY_HINT = "Check OPENAI_API_KEY, and that OPENAI_BASE_URL names the vendor it belongs to."
_MODEL_HINT = "Check PLANRAIL_PLANNER_MODEL and PLANRAIL_EXECUTOR_MODEL, and the path of OPENAI_BASE_URL."
_QUOTA_HINT = "Fill the account that OPENAI_API_KEY belongs to, or set another key."
_ADDRESS_HINT = "Check OPENAI_BASE_URL and the network."
_LATER = frozenset({408, 409, 425, 429})
_FILTERED = ("content_filter", "content_policy", "responsibleaipolicy", "moderation")
_MAX_MESSAGE = 500  # characters of a vendor's message that are shown


def blame_status(status: int, code: str, message: str, *, usage: Usage, retry_after_s: float | None = None) -> ModelError:
    """What a status that is no success means. `code` is the vendor's own word for it, or ""."""
    said = f"The model's endpoint answered {status}: {clip(message)}"
    if status in (401, 403):
        return ModelMisconfigured(said, usage=usage, hint=_KEY_HINT)
    if status == 404:
        return ModelMisconfigured(said, usage=usage, hint=_MODEL_HINT)
    if status == 402 or code == "insufficient_quota":
        return ModelMisconfigured(said, usage=usage, hint=_QUOTA_HINT)
    if status in _LATER or status >= 500 or status < 400:
        return ModelUnavailable(said, usage=usage, retry_after_s=retry_after_s)
    if _is_filtered(f"{code} {message}"):
        return ModelRefused(said, usage=usage)
    return ModelError(said, usage=usage)


def blame_event(code: str, message: str, *, usage: Usage) -> ModelError:
    """What an error inside a stream means. Some vendors put a status into `code`, others a word, most nothing."""
    if re.fullmatch(r"[3-5]\d\d", code):
        return blame_status(int(code), "", message, usage=usage)
    if _is_filtered(code):
        return ModelRefused(f"The model's answer was stopped: {clip(message)}", usage=usage)
    return broken_off(message, usage=usage)


def unreachable(reason: str, *, usage: Usage) -> ModelUnavailable:
    """There was no answer at all."""
    return ModelUnavailable(f"The model's endpoint cannot be reached: {clip(reason)}", usage=usage, hint=_ADDRESS_HINT)


def broken_off(reason: str, *, usage: Usage) -> ModelUnavailable:
    """The answer began and did not end as answers end."""
    return ModelUnavailable(f"The model's answer broke off: {clip(reason)}", usage=usage)


def read_retry_after(wish: str, now: datetime) -> float | None:
    """The seconds to wait that a `Retry-After` asks for, as a number or as a date; None without one (RFC 9110, 10.2.3)."""
    wish = wish.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", wish):
        return float(wish)
    try:
        date = parsedate_to_datetime(wish)
    except ValueError:
        return None
    if date.tzinfo is None:  # the obsolete forms mean UTC
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def _is_filtered(text: str) -> bool:
    return any(word in text.lower() for word in _FILTERED)


def clip(text: str) -> str:
    """A foreign message on one line, at most 500 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def redact(text: str, secret: str | None) -> str:
    """The text without the key, which some vendors quote when they refuse it, and without anything that looks like one."""
    if secret:
        text = text.replace(secret, "[key]")
    return re.sub(r"\bsk-[\w*.-]{4,}", "[key]", text)
