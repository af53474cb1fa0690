"""Traceparent: the ids of W3C Trace Context, as they come with a request and go out with one. Nothing else of it is taken.

Ids are worked out and not drawn: whoever goes on with a run, on whatever machine, finds the trace and the spans that others
have begun. https://www.w3.org/TR/trace-context-2/
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

HEADER = "traceparent"  # of HTTP; in MCP's `_meta` and in gRPC's metadata it is called the same
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{0,200})?")


@dataclass(frozen=True, slots=True)
class Traceparent:
    """A span of a trace. `sampled` says that it is recorded where it was begun."""

    trace: str
    span: str
    sampled: bool = True

    def __str__(self) -> str:
        return f"00-{self.trace}-{self.span}-{'01' if self.sampled else '00'}"


def traceparent_of(text: object) -> Traceparent | None:
    """What the text says; None where it is not valid. What a later version adds is not looked at."""
    found = _FORM.fullmatch(text) if isinstance(text, str) and len(text) <= 256 else None
    if found is None or found[1] == "ff" or (found[1] == "00" and found[5]) or not (int(found[2], 16) and int(found[3], 16)):
        return None
    return Traceparent(found[2], found[3], sampled=bool(int(found[4], 16) & 1))


def trace_of(run: str) -> str:
    """The trace of a run that nobody's trace has begun."""
    return hashlib.sha256(f"planrail trace {run}".encode()).hexdigest()[:32]


def span_of(run: str, epoch: int, *call: str) -> str:
    """The span of one owner's stretch of a run; with a step and its item, of a call in it."""
    return hashlib.sha256("\0".join(("planrail span", run, str(epoch), *call)).encode()).hexdigest()[:16]
