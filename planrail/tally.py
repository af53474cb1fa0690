"""Tally: what the calls of one process came to since it began: it hears the events that its journal has made durable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from executor.events import CallFailed, CallFinished, CallRetried, CallStarted, Event, PlannerCalled
from planner.usage import Usage

_OPEN = 10_000  # calls that are under way; of the oldest beyond them nothing is counted


class Tally:
    """Counts by tool and outcome, and by model. A call that another process began is that one's."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()  # (tool, outcome)
        self.model_calls: Counter[str] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()  # (model, direction)
        self.usd: dict[str, float] = {}
        self._open: dict[tuple[str, str, str], CallStarted] = {}

    def hear(self, run: str, events: Sequence[Event]) -> None:
        """These were appended to the run's journal by this process."""
        for event in events:
            match event:
                case CallStarted():
                    self._open[run, event.step, event.item] = event
                    if len(self._open) > _OPEN:
                        del self._open[next(iter(self._open))]
                case CallRetried():
                    self._paid(self._open.get((run, event.step, event.item)), event.usage)
                case CallFinished():
                    self._over(run, event, "done" if event.how == "call" else event.how)
                case CallFailed():
                    self._over(run, event, "failed")
                case PlannerCalled():
                    self._used(event.model, event.usage)
                case _:
                    pass

    def _over(self, run: str, event: CallFinished | CallFailed, outcome: str) -> None:
        started = self._open.pop((run, event.step, event.item), None)
        if started is not None:
            self.calls[started.call, outcome] += 1
        self._paid(started, event.usage)

    def _paid(self, started: CallStarted | None, usage: Usage) -> None:
        if started is not None and started.model:
            self._used(started.model, usage)

    def _used(self, model: str, usage: Usage) -> None:
        self.model_calls[model] += usage.model_calls
        self.tokens[model, "input"] += usage.input_tokens
        self.tokens[model, "output"] += usage.output_tokens
        self.usd[model] = self.usd.get(model, 0.0) + usage.usd
