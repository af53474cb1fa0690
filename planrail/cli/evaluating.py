"""Evaluating: `planrail eval`, from the command line's words to the exit code."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from planrail.cli.errors import DONE, FAILED, USAGE, UsageError
from planrail.cli.output import Output
from planrail.cli.running import settings_here
from planrail.cli.session import run_session
from planrail.cli.text import clean
from planrail.evals.evaluation import Manner, evaluated, trials_of
from planrail.evals.faults import FAULTS
from planrail.evals.junit import junit
from planrail.evals.measured import Measured, Summary
from planrail.evals.noise import NOISES
from planrail.evals.page import page
from planrail.evals.report import Report, Tolerance, read_baseline
from planrail.evals.shelf import Shelf
from planrail.evals.suite import Suite, SuiteError, read_suite
from planrail.settings import Settings
from planrail.toolbox import packs_of, unopened_database

log = logging.getLogger(__name__)

T = TypeVar("T", bound=str)


@dataclass(frozen=True)
class EvalWish:
    """The options of the command, as they are written."""

    suite: str
    repeat: int
    seed: int
    noise: str
    faults: str
    fault_rate: float
    parallel: int
    database_url: str
    latency: float
    baseline: Path | None
    save_baseline: Path | None
    max_p95: float | None
    max_cost: float | None
    min_quality: float | None
    tolerance: Tolerance
    record: Path | None
    replay: Path | None
    junit: Path | None
    html: Path | None
    keep: Path | None


def evaluate(output: Output, wish: EvalWish) -> int:
    """Play the suite, tell the report, write it; 1 where something is worse than it may be, 2 for a bad suite."""
    settings = settings_here()
    try:
        path = suite_path(wish.suite, settings)
        suite = read_suite(path)
        manner = _manner(wish, suite, settings)
        report = _played(output, settings, suite, manner, wish.keep)
    except SuiteError as error:
        output.error(error)
        return USAGE
    _write(wish, report)
    _shelve(settings, report)
    if output.json:
        output.document(report.model_dump(mode="json"))
    else:
        tell(output, report)
    return DONE if report.passed else FAILED


def suite_path(named: str, settings: Settings) -> Path:
    """A file, or the suite of an installed pack by the pack's name; raises UsageError."""
    if named.endswith((".yaml", ".yml")) or "/" in named or Path(named).is_file():
        return Path(named)
    packs = {p.name: p for p in packs_of(settings, unopened_database(settings))}
    pack = packs.get(named)
    if pack is None or pack.evals is None:
        known = ", ".join(n for n, p in packs.items() if p.evals is not None) or "none"
        raise UsageError(f"There is no suite {named}.", hint=f"Name a .yaml file, or a pack that has one: {known}.")
    return pack.evals


def _manner(wish: EvalWish, suite: Suite, settings: Settings) -> Manner:
    if wish.record is not None and wish.replay is not None:
        raise UsageError("Record a cassette or replay one, not both.")
    if wish.latency and wish.replay is None and suite.models == "configured":
        raise UsageError("--latency is of models that are played.", hint="Give the suite `models`, or a cassette by --replay.")
    given = {"p95_s": wish.max_p95, "usd": wish.max_cost, "quality": wish.min_quality}
    limits = suite.limits.model_copy(update={k: v for k, v in given.items() if v is not None})
    return Manner(
        repeat=wish.repeat, seed=wish.seed, noise=_listed(wish.noise, NOISES, "noise"),
        faults=_listed(wish.faults, FAULTS, "fault"), fault_rate=wish.fault_rate, parallel=wish.parallel, latency=wish.latency,
        database_url=settings.url if wish.database_url == "configured" else wish.database_url,
        keep=wish.keep is not None, record=wish.record, replay=wish.replay, tolerance=wish.tolerance, limits=limits,
        baseline=None if wish.baseline is None else read_baseline(wish.baseline, suite.suite, wish.latency),
    )  # fmt: skip


def _listed(written: str, known: Sequence[T], what: str) -> tuple[T, ...]:
    """The names in a list with commas; `all` is every one. Raises UsageError."""
    names = [n.strip() for n in written.split(",") if n.strip()]
    if names == ["all"]:
        return tuple(known)
    for name in names:
        if name not in known:
            raise UsageError(f"There is no {what} {name}.", hint=f"There are: {', '.join(known)}, or all.")
    return tuple(k for k in known if k in names)


def _played(output: Output, settings: Settings, suite: Suite, manner: Manner, keep: Path | None) -> Report:
    trials = len(trials_of(suite, manner))
    with _folder(keep) as folder, _progress(output) as progress:
        bar = progress.add_task(suite.suite, total=trials)

        def seen(measured: Measured) -> None:
            progress.advance(bar)
            if not measured.passed and not output.json:
                progress.console.print(
                    Text(f"✗ {clean(measured.name)}: {clean(measured.wrong[0])}", style="red"), soft_wrap=True
                )

        return run_session(evaluated(settings, suite, manner, Path(folder), seen))


def _folder(keep: Path | None) -> AbstractContextManager[str]:
    if keep is None:
        return tempfile.TemporaryDirectory(prefix="planrail-eval-")
    if keep.exists() and any(keep.iterdir()):
        raise UsageError(f"{keep} is not empty.", hint="Name a new folder for what is kept.")
    keep.mkdir(parents=True, exist_ok=True)
    return nullcontext(str(keep))


def _progress(output: Output) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=output.console, transient=True, disable=output.json or not output.stream.isatty())


def _write(wish: EvalWish, report: Report) -> None:
    baseline = report.baseline.model_dump_json(indent=2) + "\n"
    for path, text in ((wish.save_baseline, baseline), (wish.junit, junit(report)), (wish.html, page(report))):
        if path is not None:
            try:
                path.write_text(text, encoding="utf-8")
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}.") from error


def _shelve(settings: Settings, report: Report) -> None:
    """Leave it in the data folder, for the console."""
    try:
        Shelf(settings.home).put(report, datetime.now(UTC))
    except OSError as error:
        log.warning("the report is not kept for the console: %s", error.strerror)


def tell(output: Output, report: Report) -> None:
    """The report as a table, and what is worse than it may be."""
    table = Table(box=None, pad_edge=False)
    for head in ("case", "trials", "passed", "p50", "p95", "tokens", "$", "calls"):
        table.add_column(head, justify="left" if head == "case" else "right", overflow="fold")
    for name, summary in report.cases.items():
        table.add_row(*_row(clean(name), summary))
    if len(report.cases) > 1:
        table.add_section()
        table.add_row(*_row(Text(report.suite, style="bold"), report.summary))
    output.console.print(table)
    for trial in (t for t in report.trials if not t.passed):
        output.console.print(Text(f"\n✗ {clean(trial.name)}", style="red"), soft_wrap=True)
        for sentence in trial.wrong:
            output.console.print(f"  {clean(sentence)}", soft_wrap=True)
        if trial.kept:
            where = f"PLANRAIL_HOME={trial.kept}" + (f" PLANRAIL_DATABASE_URL={trial.database}" if trial.database else "")
            output.console.print(Text(f"  {where} planrail why {trial.run}", style="dim"), soft_wrap=True)
    output.console.print()
    for worse in report.regressions:
        of = f" of {clean(worse.of)}" if worse.of else ""
        side = "at least" if worse.what == "quality" else "at most"
        line = f"{worse.what}{of} is {worse.now:g}; {worse.why} is {side} {worse.most:g}."
        output.console.print(Text(line, style="red"), soft_wrap=True)
    output.console.print("Passed." if report.passed else "Failed.")


def _row(name: str | Text, of: Summary) -> tuple[str | Text, ...]:
    share = Text(f"{of.quality:.0%}", style="green" if of.quality == 1 else "red")
    seconds = f"{of.p50_s:.2f} s", f"{of.p95_s:.2f} s"
    return name, str(of.trials), share, *seconds, f"{of.tokens:,.0f}", f"{of.usd:.5f}", f"{of.calls:g}"
