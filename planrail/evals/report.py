"""Report: what an evaluation has found, whole: as a document, and as the baseline of later ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from planrail.evals.measured import Measured, Summary
from planrail.evals.suite import Limits, SuiteError

_SLACK_S = 0.05  # of p95, whatever the share: less than that is the machine's noise
_SLOWEST = 4.0  # a machine may be so many times slower than the baseline's before that is no excuse


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Baseline(_Part):
    """What an earlier evaluation took. `machine_s` is the time of a fixed piece of work on its machine."""

    format: Literal[1] = 1
    suite: str
    latency: float = 0.0
    machine_s: float = Field(gt=0)
    summary: Summary
    cases: Mapping[str, Summary]


class Regression(_Part):
    """Something that is worse than it may be. `of` is a case, or "" for the whole suite."""

    what: Literal["quality", "p95_s", "usd", "tokens", "calls"]
    of: str = ""
    now: float
    most: float  # of quality: the least
    why: str  # whose ceiling it is


class Tolerance(_Part):
    """By which share the figures may exceed the baseline's; quality may not fall at all."""

    p95: float = Field(default=0.25, ge=0)
    usd: float = Field(default=0.05, ge=0)
    tokens: float = Field(default=0.05, ge=0)  # and of calls


class Report(_Part):
    """The whole evaluation of one suite."""

    suite: str
    seed: int
    repeat: int
    noise: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    latency: float = 0.0  # of played models
    machine_s: float
    trials: tuple[Measured, ...]
    summary: Summary
    cases: Mapping[str, Summary]
    regressions: tuple[Regression, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.regressions

    @property
    def baseline(self) -> Baseline:
        """What a later evaluation is held against."""
        return Baseline(
            suite=self.suite, latency=self.latency, machine_s=self.machine_s, summary=self.summary, cases=self.cases
        )


def by_case(trials: Sequence[Measured]) -> dict[str, Summary]:
    """Each case's summary, in the suite's order; a noise makes a case of its own."""
    names = dict.fromkeys(t.name for t in trials)
    return {name: Summary.of([t for t in trials if t.name == name]) for name in names}


def over_limits(summary: Summary, limits: Limits) -> Iterator[Regression]:
    """What the suite's own limits do not allow."""
    why = "the suite's limit"
    if summary.quality < limits.quality:
        yield Regression(what="quality", now=summary.quality, most=limits.quality, why=why)
    for what, now, most in (
        ("p95_s", summary.p95_s, limits.p95_s), ("usd", summary.usd, limits.usd), ("tokens", summary.tokens, limits.tokens),
    ):  # fmt: skip
        if most is not None and now > most:
            yield Regression(what=what, now=now, most=most, why=why)  # type: ignore[arg-type]  # one of them


def regressed(report: Report, baseline: Baseline, tolerance: Tolerance) -> Iterator[Regression]:
    """What is worse than it was, for the suite and for each case that both have.

    p95 is compared for the whole suite alone (a case has few trials), and a machine that is slower than the baseline's is
    allowed as much more; one that is faster owes nothing, since most of a session is waiting for others.
    """
    slower = min(max(report.machine_s / baseline.machine_s, 1.0), _SLOWEST)
    most = baseline.summary.p95_s * slower * (1 + tolerance.p95) + _SLACK_S
    if report.summary.p95_s > most:
        yield Regression(what="p95_s", now=report.summary.p95_s, most=round(most, 4), why="the baseline")
    yield from _worse("", report.summary, baseline.summary, tolerance)
    for name, now in report.cases.items():
        if name in baseline.cases:
            yield from _worse(name, now, baseline.cases[name], tolerance)


def _worse(of: str, now: Summary, before: Summary, tolerance: Tolerance) -> Iterator[Regression]:
    if now.quality < before.quality:
        yield Regression(what="quality", of=of, now=now.quality, most=before.quality, why="the baseline")
    usd, tokens, calls = before.usd * (1 + tolerance.usd), *(n * (1 + tolerance.tokens) for n in (before.tokens, before.calls))
    if now.usd > usd + 1e-9:
        yield Regression(what="usd", of=of, now=now.usd, most=round(usd, 8), why="the baseline")
    if now.tokens > tokens:
        yield Regression(what="tokens", of=of, now=now.tokens, most=round(tokens, 2), why="the baseline")
    if now.calls > calls:
        yield Regression(what="calls", of=of, now=now.calls, most=round(calls, 2), why="the baseline")


def read_baseline(path: Path, suite: str, latency: float = 0.0) -> Baseline:
    """The baseline of that file, which has to be of that suite, at that pace; raises SuiteError."""
    try:
        baseline = Baseline.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}.", hint="Write it with --save-baseline.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(p) for p in first["loc"])
        raise SuiteError(
            f"{path} is no baseline: {where}: {first['msg']}.", hint="Write it anew with --save-baseline."
        ) from None
    if baseline.suite != suite:
        raise SuiteError(f"{path} is the baseline of the suite {baseline.suite}, not of {suite}.")
    if baseline.latency != latency:
        hint = f"Say --latency {baseline.latency:g}, or write it anew with --save-baseline."
        raise SuiteError(f"{path} was taken with --latency {baseline.latency:g}, and this is {latency:g}.", hint=hint)
    return baseline
