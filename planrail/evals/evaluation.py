"""Evaluation: one suite, played as somebody wishes, to its report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planner.models import Models
from planrail.evals.cassette import Cassette
from planrail.evals.databases import databases_at
from planrail.evals.faults import Disturbed, Fault
from planrail.evals.measured import Measured, Summary, machine_s
from planrail.evals.noise import Noise
from planrail.evals.pace import Pace
from planrail.evals.report import Baseline, Report, Tolerance, by_case, over_limits, regressed
from planrail.evals.scripted import scripted_models
from planrail.evals.stage import Stage
from planrail.evals.suite import Limits, Suite
from planrail.evals.trial import Trial
from planrail.rewired import Rewired
from planrail.settings import Settings


@dataclass(frozen=True)
class Manner:
    """How a suite is played, and what it is held against."""

    repeat: int = 1
    seed: int = 0
    noise: Sequence[Noise] = ()  # each case is also tried with each of these
    faults: Sequence[Fault] = ()
    fault_rate: float = 0.2
    parallel: int = 1
    database_url: str = ""  # a PostgreSQL server's; "": files of SQLite
    latency: float = 0.0  # of played models: 1 is life's own pace
    keep: bool = False
    record: Path | None = None
    replay: Path | None = None
    baseline: Baseline | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)
    limits: Limits | None = None  # None: the suite's own


def trials_of(suite: Suite, manner: Manner) -> list[Trial]:
    """Every trial, in the suite's order."""
    noises: list[Noise | None] = [None, *manner.noise]
    return [
        Trial(case, number, noise, manner.seed)
        for case in suite.cases
        for noise in noises
        if noise is None or (case.noise and case.goal)
        for number in range(manner.repeat)
    ]


async def evaluated(
    settings: Settings, suite: Suite, manner: Manner, folder: Path, seen: Callable[[Measured], None]
) -> Report:  # fmt: skip
    """Play the suite below that folder, and hold it against its limits and the baseline. Raises SuiteError."""
    machine = machine_s()
    models = _models_of(suite, manner)

    def rewired(trial: Trial) -> Rewired:
        disturbed = Disturbed(manner.faults, manner.seed + trial.number, manner.fault_rate)
        pace = Pace(manner.latency, manner.seed + trial.number)

        def paced(configured: Models) -> Models:
            return pace.paced(models(configured)) if manner.latency else models(configured)

        return Rewired(paced, disturbed.tool if manner.faults and trial.case.faults else None)

    databases = databases_at(manner.database_url)
    stage = Stage(settings, suite, folder, rewired, manner.parallel, manner.keep, databases, seen)
    found = await stage.play(trials_of(suite, manner))
    report = Report(
        suite=suite.suite, seed=manner.seed, repeat=manner.repeat, noise=tuple(manner.noise), faults=tuple(manner.faults),
        latency=manner.latency, machine_s=machine, trials=tuple(found), summary=Summary.of(found), cases=by_case(found),
    )  # fmt: skip
    worse = list(over_limits(report.summary, manner.limits or suite.limits))
    if manner.baseline is not None:
        worse += regressed(report, manner.baseline, manner.tolerance)
    return report.model_copy(update={"regressions": tuple(worse)})


def _models_of(suite: Suite, manner: Manner) -> Callable[[Models], Models]:
    """What stands in place of the configured models: each trial gets models of its own, and they share one cassette."""
    played = suite.models
    if manner.replay is not None:
        return Cassette.read(manner.replay).playing
    tape = None if manner.record is None else Cassette(manner.record)

    def models(configured: Models) -> Models:
        own = configured if played == "configured" else scripted_models(played)
        return own if tape is None else tape.recording(own)

    return models
