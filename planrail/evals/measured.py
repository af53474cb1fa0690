"""Measured: what trials took and whether they passed, one by one and summed up."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict

from executor.events import RunStatus
from planrail.evals.trial import Tried


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True)


class Measured(_Figures):
    """One trial. `wrong` is what it is not and should be; a trial with nothing wrong has passed."""

    name: str
    case: str
    run: str
    goal: str
    status: RunStatus
    wrong: tuple[str, ...] = ()
    seconds: float
    usd: float = 0.0
    tokens: int = 0
    model_calls: int = 0
    calls: int = 0
    steps: int = 0
    kept: str = ""  # the data folder, where it was kept
    database: str = ""  # the URL of its database, if that lies elsewhere

    @property
    def passed(self) -> bool:
        return not self.wrong

    @classmethod
    def of(cls, name: str, case: str, goal: str, tried: Tried, wrong: Iterable[str]) -> Measured:
        view, usage = tried.view, tried.view.cost.usage
        return cls(
            name=name, case=case, run=view.id, goal=goal, status=view.status, wrong=tuple(wrong),
            seconds=round(tried.seconds, 4), usd=usage.usd, tokens=usage.tokens, model_calls=usage.model_calls,
            calls=view.cost.tool_calls, steps=len(view.steps),
        )  # fmt: skip


class Summary(_Figures):
    """Trials summed up: the share that passed, seconds by nearest rank, and what one session took on average."""

    trials: int
    quality: float
    p50_s: float
    p95_s: float
    usd: float
    tokens: float
    calls: float

    @classmethod
    def of(cls, trials: Sequence[Measured]) -> Summary:
        """The summary of at least one trial."""
        count, seconds = len(trials), sorted(t.seconds for t in trials)
        return cls(
            trials=count, quality=round(sum(t.passed for t in trials) / count, 4), p50_s=rank(seconds, 0.5),
            p95_s=rank(seconds, 0.95), usd=round(sum(t.usd for t in trials) / count, 8),
            tokens=round(sum(t.tokens for t in trials) / count, 2), calls=round(sum(t.calls for t in trials) / count, 2),
        )  # fmt: skip


def rank(ordered: Sequence[float], share: float) -> float:
    """The smallest value that so many of the ordered values do not exceed (nearest rank).

    >>> rank([1.0, 2.0, 3.0, 4.0], 0.5), rank([1.0, 2.0, 3.0, 4.0], 0.95)
    (2.0, 4.0)
    """
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def machine_s() -> float:
    """Seconds that this machine takes for a fixed piece of work, at its best of five: by it, latencies of machines compare."""
    return round(min(_work() for _ in range(5)), 5)


def _work() -> float:
    begun, held = time.perf_counter(), b""
    for number in range(20_000):
        held = hashlib.sha256(held + number.to_bytes(4, "big")).digest()
    return time.perf_counter() - begun
