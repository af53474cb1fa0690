"""Faults: tools that third parties disturb, by seed: they are busy, broken, silent, slow, or give something else.

What is disturbed hangs on the seed, the tool, its arguments and how often it was called with them, never on the time. A call
that is busy or broken has not acted. One that says nothing has acted in half of the cases, as it is with time-outs.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from executor.tool import Tool, ToolFailed

Fault = Literal["429", "5xx", "timeout", "malformed", "slow"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
BUILT_IN = frozenset(("data", "files", "http", "text"))  # namespaces behind which is no third party, or that say so themselves
_SHARES = 1 << 32


@dataclass
class Disturbed:
    """Wraps tools; `rate` of their calls meet one of the faults. Tools that run in a process of their own are left alone."""

    faults: Sequence[Fault]
    seed: int
    rate: float = 0.2
    slow_s: float = 0.3
    _seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tool(self, tool: Tool) -> Tool:
        """The tool, disturbed."""
        if tool.killable or not self.faults or tool.spec.name.partition(".")[0] in BUILT_IN:
            return tool
        return replace(tool, function=self._async(tool) if tool.is_async else self._sync(tool))

    def _sync(self, tool: Tool) -> Any:
        @functools.wraps(tool.function)
        def disturbed(**arguments: Any) -> Any:
            fault, acts = self._drawn(tool, arguments)
            if fault == "slow":
                time.sleep(self.slow_s)
            if acts:
                given = tool.function(**arguments)
                return _answer(tool, fault, given)
            return _answer(tool, fault, None)

        return disturbed

    def _async(self, tool: Tool) -> Any:
        @functools.wraps(tool.function)
        async def disturbed(**arguments: Any) -> Any:
            fault, acts = self._drawn(tool, arguments)
            if fault == "slow":
                await asyncio.sleep(self.slow_s)
            if acts:
                given = await tool.function(**arguments)
                return _answer(tool, fault, given)
            return _answer(tool, fault, None)

        return disturbed

    def _drawn(self, tool: Tool, arguments: dict[str, Any]) -> tuple[Fault | None, bool]:
        """What happens to this call, and whether it acts."""
        shown = {name: value for name, value in arguments.items() if name != tool.context_parameter}
        same = f"{self.seed}/{tool.spec.name}/{sorted(shown.items(), key=str)}"
        with self._lock:
            self._seen[same] += 1
            number = self._seen[same]
        drawn = hashlib.sha256(f"{same}/{number}".encode()).digest()
        happens, which, acts = (int.from_bytes(drawn[i : i + 4], "big") for i in (0, 4, 8))
        if happens >= self.rate * _SHARES:
            return None, True
        fault = self.faults[which % len(self.faults)]
        return fault, fault in ("slow", "malformed") or (fault == "timeout" and acts % 2 == 0)


def _answer(tool: Tool, fault: Fault | None, given: Any) -> Any:
    name = tool.spec.name
    match fault:
        case "429":
            return ToolFailed(f"{name}: 429 Too Many Requests.", "transient", retry_after_s=0.05)
        case "5xx":
            return ToolFailed(f"{name}: 503 Service Unavailable.", "transient")
        case "timeout":
            return ToolFailed(f"{name} did not answer in time.", "timeout")
        case "malformed":
            return object()  # which is of no type that a tool declares
        case _:
            return given
