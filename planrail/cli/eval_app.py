"""Eval app: the command `planrail eval` and its options; what carries it out is imported when it is called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from planrail.cli.output import output_of

File = Path | None
_NOISE = "Try each case also with: typos, truncated, duplicated, speech, mixed; or all."
_FAULTS = "Disturb the tools by: 429, 5xx, timeout, malformed, slow; or all."
_PARALLEL = "Trials at once; latencies are those of a busy machine then."
_DATABASE = "Give each trial a new database on this PostgreSQL server; `configured` is the one of the settings."
_LATENCY = "Let played models take their time: 1 is life's own pace."


def evaluate(
    context: typer.Context,
    suite: Annotated[str, typer.Argument(help="A .yaml file, or the name of a pack that has a suite.")],
    repeat: Annotated[int, Option("--repeat", min=1, max=1_000, help="Try each case so many times.")] = 1,
    seed: Annotated[int, Option("--seed", help="Of noise and faults; equal seeds give equal ones.")] = 0,
    noise: Annotated[str, Option("--noise", metavar="KINDS", help=_NOISE)] = "",
    faults: Annotated[str, Option("--faults", metavar="KINDS", help=_FAULTS)] = "",
    fault_rate: Annotated[float, Option("--fault-rate", min=0.0, max=1.0, help="The share of calls that are disturbed.")] = 0.2,
    parallel: Annotated[int, Option("--parallel", min=1, max=64, help=_PARALLEL)] = 1,
    database_url: Annotated[str, Option("--database-url", metavar="URL", help=_DATABASE)] = "",
    latency: Annotated[float, Option("--latency", metavar="FACTOR", min=0.0, max=10.0, help=_LATENCY)] = 0.0,
    baseline: Annotated[File, Option("--baseline", metavar="FILE", help="Fail where it is worse than this one.")] = None,
    save_baseline: Annotated[File, Option("--save-baseline", metavar="FILE", help="Write this one down as a baseline.")] = None,
    max_p95: Annotated[float | None, Option("--max-p95", metavar="SECONDS", min=0.0, help="Of a session.")] = None,
    max_cost: Annotated[float | None, Option("--max-cost", metavar="USD", min=0.0, help="Of a session, on average.")] = None,
    min_quality: Annotated[float | None, Option("--min-quality", min=0.0, max=1.0, help="The share that has to pass.")] = None,
    tolerance_p95: Annotated[
        float, Option("--tolerance-p95", min=0.0, help="Share by which p95 may exceed the baseline.")
    ] = 0.25,
    tolerance_cost: Annotated[float, Option("--tolerance-cost", min=0.0, help="The same of $, tokens and calls.")] = 0.05,
    record: Annotated[File, Option("--record", metavar="FILE", help="Write the models' answers down.")] = None,
    replay: Annotated[File, Option("--replay", metavar="FILE", help="Take the models' answers from there.")] = None,
    junit: Annotated[File, Option("--junit", metavar="FILE", help="Write the report as JUnit XML.")] = None,
    html: Annotated[File, Option("--html", metavar="FILE", help="Write the report as a page.")] = None,
    keep: Annotated[File, Option("--keep", metavar="FOLDER", help="Keep the data of trials that do not pass.")] = None,
    as_json: Annotated[bool, Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> int:
    """Try a suite of goals; exit 1 where quality, p95, cost or tokens are worse than they may be."""
    output = output_of(context, as_json)
    from planrail.cli import evaluating
    from planrail.evals.report import Tolerance

    tolerance = Tolerance(p95=tolerance_p95, usd=tolerance_cost, tokens=tolerance_cost)
    wish = evaluating.EvalWish(
        suite, repeat, seed, noise, faults, fault_rate, parallel, database_url, latency, baseline, save_baseline, max_p95,
        max_cost, min_quality, tolerance, record, replay, junit, html, keep,
    )  # fmt: skip
    return evaluating.evaluate(output, wish)
