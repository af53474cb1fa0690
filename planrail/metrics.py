"""Metrics: the figures of a database, and of a process's calls, for Prometheus. No label names a run, a person or a place."""

from __future__ import annotations

from executor.journal.census import Figures
from planrail.tally import Tally


def exposition(figures: Figures, tally: Tally) -> tuple[bytes, str]:
    """The text, and its media type; raises ModuleNotFoundError where the extra `metrics` is not installed."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest  # noqa: PLC0415  # optional

    registry = CollectorRegistry()
    runs = Gauge("planrail_runs", "Runs, by their status.", ["status"], registry=registry)
    for status, count in figures.runs.items():
        runs.labels(status).set(count)
    push = Gauge("planrail_push_subscribers", "Subscribers, by what became of them.", ["state"], registry=registry)
    for state, count in (("pending", figures.pending), ("failing", figures.failing), ("dead", figures.dead)):
        push.labels(state).set(count)
    for name, help_text, value in (
        ("planrail_queued_seconds", "How long the run that was queued first has been waiting for a worker.", figures.queued_s),
        ("planrail_runs_waiting_for_people", "Waiting runs that no clock wakes: somebody has to answer.", figures.for_people),
        ("planrail_schedules_overdue", "Schedules whose time has come.", figures.overdue),
        ("planrail_schedules_overdue_seconds", "Since when the first of them is overdue.", figures.overdue_s),
    ):
        Gauge(name, help_text, registry=registry).set(value)
    calls = Counter("planrail_calls", "Calls of this process, by tool.", ["tool", "outcome"], registry=registry)
    for (tool, outcome), count in tally.calls.items():
        calls.labels(tool, outcome).inc(count)
    asked = Counter("planrail_model_calls", "Models' calls of this process.", ["model"], registry=registry)
    for model, count in tally.model_calls.items():
        asked.labels(model).inc(count)
    tokens = Counter("planrail_model_tokens", "Models' tokens of this process.", ["model", "direction"], registry=registry)
    for (model, direction), count in tally.tokens.items():
        tokens.labels(model, direction).inc(count)
    paid = Counter("planrail_model_usd", "What this process's models cost, in $.", ["model"], registry=registry)
    for model, usd in tally.usd.items():
        paid.labels(model).inc(usd)
    return generate_latest(registry), CONTENT_TYPE_LATEST
