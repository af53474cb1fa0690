"""Ledger: asks the ceilings of a run before every act, with what parallel acts have reserved, and settles after."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from executor.call_state import Address
from executor.events import CeilingReached
from executor.run import Run
from executor.session import Share
from planner.usage import Usage

_COUNTED = ("calls", "model_calls", "tokens")
_FUZZ_USD = 1e-9  # sums of $ come out different in another order


@dataclass(frozen=True, slots=True)
class Need:
    """The most that one act can take."""

    calls: int = 0
    model_calls: int = 0
    tokens: int = 0
    usd: float = 0.0

    def times(self, attempts: int) -> Need:
        """The need of so many attempts."""
        return Need(self.calls * attempts, self.model_calls * attempts, self.tokens * attempts, self.usd * attempts)


NOTHING = Need()


@dataclass
class Ledger:
    """The ceilings of one run. What is spent stands in the run's state; what is in flight is reserved here."""

    run: Run
    _reserved: dict[Address, Need] = field(default_factory=dict)
    _usd: dict[Address, float] = field(default_factory=dict)  # summed anew each time, as floats have to be
    _held: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))  # the sums of all other needs
    _calls: dict[str, int] = field(default_factory=dict)  # step → calls that are reserved

    def ask(self, address: Address, need: Need) -> CeilingReached | None:
        """Reserve the need for an act, on top of what its address has reserved; or say which ceiling forbids it."""
        budget, usage, held, step = self.run.budget, self.run.usage, self._held, address[0]
        of_step = self.run.calls_of.get(step, 0) + self._calls.get(step, 0)
        wanted: tuple[tuple[str, float, float, float], ...] = (
            ("calls", budget.calls, self.run.tool_calls + held["calls"], need.calls),
            ("calls_per_step", budget.calls_per_step, of_step, need.calls),
            ("model_calls", budget.model_calls, usage.model_calls + held["model_calls"], need.model_calls),
            ("tokens", budget.tokens, usage.tokens + held["tokens"], need.tokens),
            ("usd", budget.usd, usage.usd + (sum(self._usd.values()) if need.usd else 0.0), need.usd),
        )
        granted = self.run.granted
        if granted is not None:
            total = self.run.tool_calls + usage.model_calls + held["calls"] + held["model_calls"]
            wanted_calls, held_usd = need.calls + need.model_calls, sum(self._usd.values()) if need.usd else 0.0
            calls = math.inf if granted.calls is None else granted.calls
            usd = math.inf if granted.usd is None else granted.usd + _FUZZ_USD
            wanted += (("session_calls", calls, total, wanted_calls), ("session_usd", usd, usage.usd + held_usd, need.usd))
        if self.run.drawn is not None:
            held_usd = sum(self._usd.values()) if need.usd else 0.0
            wanted += (("quota_usd", self.run.drawn.usd + _FUZZ_USD, usage.usd + held_usd, need.usd),)
        for name, limit, taken, part in wanted:
            if part > 0 and taken + part > limit:
                return CeilingReached(ceiling=name, limit=limit, wanted=taken + part, step=step)
        before = self._reserved.get(address, NOTHING)
        more = Need(
            before.calls + need.calls, before.model_calls + need.model_calls, before.tokens + need.tokens, before.usd + need.usd
        )
        self._hold(address, before, more)
        return None

    def share(self, *needs: Need) -> Share:
        """What the run has taken, what is in flight, and these acts, as its session counts it."""
        held = [*self._reserved.values(), *needs]
        calls = self.run.tool_calls + self.run.usage.model_calls + sum(n.calls + n.model_calls for n in held)
        return Share(calls=calls, usd=self.run.usage.usd + sum(n.usd for n in held))

    def release(self, address: Address, need: Need) -> None:
        """This much of what an act has reserved stands in the run's state from now on, or will not be taken."""
        held = self._reserved.get(address)
        if held is not None:
            left = Need(
                max(held.calls - need.calls, 0),
                max(held.model_calls - need.model_calls, 0),
                max(held.tokens - need.tokens, 0),
                max(held.usd - need.usd, 0.0),
            )
            self._hold(address, held, left)

    def settle(self, address: Address) -> None:
        """The act is over, well or not: what it used stands in the run's state."""
        held = self._reserved.get(address)
        if held is not None:
            self._hold(address, held, NOTHING)
            del self._reserved[address]

    def _hold(self, address: Address, before: Need, now: Need) -> None:
        """Set what an address has reserved."""
        self._reserved[address] = now
        if now.usd:
            self._usd[address] = now.usd
        elif before.usd:
            del self._usd[address]
        self._calls[address[0]] = self._calls.get(address[0], 0) + now.calls - before.calls
        self._held["calls"] += now.calls - before.calls
        self._held["model_calls"] += now.model_calls - before.model_calls
        self._held["tokens"] += now.tokens - before.tokens


def model_need(usage: Usage) -> Need:
    """The need of a model call that takes at most this."""
    return Need(model_calls=usage.model_calls, tokens=usage.tokens, usd=usage.usd)
