"""Logs: one line a record, for people or as JSON, with the run and the step that it was about, and without secrets.

No line can be made to look like another one: what a goal, a tool or an exception says has its line breaks and control
characters escaped, and the lines of a traceback are indented.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime

from planner.here import here, traced

MOST = 64 * 1024  # characters of a message, and of a traceback: of the latter the end, which says what happened
OWN = ("planner", "executor", "planrail", "mcp_server", "a2a_node", "packs", "uvicorn")  # whose level can be set
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}

Redact = Callable[[str], str]


class _Lines(logging.Formatter):
    """What both forms have in common: a record's message and its traceback, without secrets."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def _message(self, record: logging.LogRecord) -> str:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  # a library's arguments that do not fit its words: no reason to lose them
            message = f"{record.msg} {record.args}"
        return self._redact(message[: 2 * MOST])[:MOST]  # what is cut in two is cut off

    def _error(self, record: logging.LogRecord) -> str:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        parts += [self.formatStack(record.stack_info)] if record.stack_info else []
        return self._redact("\n".join(parts)[-2 * MOST :])[-MOST:]


class TextLines(_Lines):
    """`time process level logger: message [run … step …]`, and a traceback indented below."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_at(record)} {record.process} {record.levelname} {record.name}: {_plain(self._message(record))}"
        found = here()
        if found is not None and found.run:
            step = f" {_plain(found.step)}" if found.step else ""
            item = f"[{_plain(found.item)}]" if found.item else ""
            line += f" [run {found.run}{step}{item}]"
        error = self._error(record)
        return "\n".join([line, *(f"    {_plain(part)}" for part in error.split("\n"))]) if error else line


class JsonLines(_Lines):
    """An object a line; what is not known is left out."""

    def format(self, record: logging.LogRecord) -> str:
        found = here()
        told = {
            "time": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
            "process": record.process,
            "worker": found and found.worker,
            "run": found and found.run,
            "step": found and found.step,
            "item": found and found.item,
            "trace_id": found and found.trace and found.trace.trace,
            "span_id": None if (span := traced()) is None else span.span,
            "error": self._error(record),
        }
        return json.dumps({name: value for name, value in told.items() if value})  # ASCII: no reader breaks it into lines


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(text: str) -> str:
    return _CONTROL.sub(lambda found: _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}", text)
