"""Ledger: asks the ceilings of a run before every act, with what parallel acts have reserved, and settles after."""

from __future__ import annotations

from dataclasses import dataclass, field

from executor.events import CeilingReached
from executor.run import Address, Run
from planner.usage import Usage


@dataclass(frozen=True, slots=True)
class Need:
    """The most that one act can take."""

    calls: int = 0
    model_calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def plus(self, other: Need) -> Need:
        return Need(
            self.calls + other.calls,
            self.model_calls + other.model_calls,
            self.tokens + other.tokens,
            self.usd + other.usd,
        )

    def least(self, other: Need) -> Need:
        """What both have."""
        return Need(
            min(self.calls, other.calls),
            min(self.model_calls, other.model_calls),
            min(self.tokens, other.tokens),
            min(self.usd, other.usd),
        )

    def minus(self, other: Need) -> Need:
        return Need(
            self.calls - other.calls,
            self.model_calls - other.model_calls,
            self.tokens - other.tokens,
            self.usd - other.usd,
        )


NOTHING = Need()


@dataclass
class Ledger:
    """The ceilings of one run. What is spent stands in the run's state; what is in flight is reserved here."""

    run: Run
    _reserved: dict[Address, Need] = field(default_factory=dict)
    _held: Need = NOTHING  # the sum of all that is reserved, but for $: sums of floats are taken anew
    _usd: dict[Address, float] = field(default_factory=dict)  # of those that cost something
    _calls: dict[str, int] = field(default_factory=dict)  # step → calls that are reserved

    def ask(self, address: Address, need: Need) -> CeilingReached | None:
        """Reserve the need for an act, on top of what its address has reserved; or say which ceiling forbids it."""
        budget, usage, held, step = self.run.budget, self.run.usage, self._held, address[0]
        of_step = self.run.calls_of.get(step, 0) + self._calls.get(step, 0)
        wanted: tuple[tuple[str, float, float, float], ...] = (
            ("calls", budget.calls, self.run.tool_calls + held.calls, need.calls),
            ("calls_per_step", budget.calls_per_step, of_step, need.calls),
            ("model_calls", budget.model_calls, usage.model_calls + held.model_calls, need.model_calls),
            ("tokens", budget.tokens, usage.tokens + held.tokens, need.tokens),
            ("usd", budget.usd, usage.usd + (sum(self._usd.values()) if need.usd else 0.0), need.usd),
        )
        for name, limit, taken, part in wanted:
            if part > 0 and taken + part > limit:
                return CeilingReached(ceiling=name, limit=limit, wanted=taken + part, step=step)
        self._hold(address, self._reserved.get(address, NOTHING).plus(need))
        return None

    def release(self, address: Address, need: Need) -> None:
        """This much of what an act has reserved stands in the run's state from now on, or will not be taken."""
        held = self._reserved.get(address)
        if held is not None:
            self._hold(address, held.minus(held.least(need)))

    def settle(self, address: Address) -> None:
        """The act is over, well or not: what it used stands in the run's state."""
        if address in self._reserved:
            self._hold(address, NOTHING)
            del self._reserved[address]

    def _hold(self, address: Address, need: Need) -> None:
        """Set what an address has reserved."""
        before = self._reserved.get(address, NOTHING)
        self._reserved[address] = need
        if need.usd:
            self._usd[address] = need.usd
        else:
            self._usd.pop(address, None)
        self._held = self._held.plus(need).minus(before)
        self._calls[address[0]] = self._calls.get(address[0], 0) + need.calls - before.calls


def model_need(usage: Usage) -> Need:
    """The need of a model call that takes at most this."""
    return Need(model_calls=usage.model_calls, tokens=usage.tokens, usd=usage.usd)
