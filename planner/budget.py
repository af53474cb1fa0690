"""Budget: the ceilings of a run. The checker holds a plan's worst case against it, the executor every single act."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from planner.usage import Usage


class Budget(BaseModel):
    """Ceilings of one run. At a ceiling nothing more starts, what is in flight settles, the run ends `partial`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=100, ge=0)  # statements that call; a plan with more is refused
    calls: int = Field(default=300, ge=0)  # tool calls of the run; a retry is a call
    calls_per_step: int = Field(default=200, ge=0)  # tool calls of one step, retries included
    model_calls: int = Field(default=300, ge=0)  # the planner's own calls count too
    tokens: int = Field(default=2_000_000, ge=0)  # input and output together
    usd: float = Field(default=2.0, ge=0)
    seconds: float = Field(default=3_600.0, ge=0)  # of the run's own clock; waiting for people does not count
    fan_out: int = Field(default=100, ge=1)  # items of one map: one more is a surprise
    parallel: int = Field(default=16, ge=1)  # calls of the run at once; more wait their turn
    replans: int = Field(default=3, ge=0)  # after surprises; one more surprise ends the run, as the first does with 0
    repairs: int = Field(default=2, ge=0)  # of a plan that is refused; then the run fails
    reserve: float = Field(default=0.25, ge=0, le=1)  # share of calls, tokens and $ kept for retries and repairs

    def left(self, taken: Usage, calls: int) -> Budget:
        """What a plan may take that a run has come to which took so much; the reserve may be drawn on."""
        return self.model_copy(
            update={
                "calls": max(self.calls - calls, 0),
                "model_calls": max(self.model_calls - taken.model_calls, 0),
                "tokens": max(self.tokens - taken.tokens, 0),
                "usd": max(self.usd - taken.usd, 0.0),
                "reserve": 0.0,
            }
        )

    def for_plans(self) -> Budget:
        """What a plan's worst case has to fit: the ceilings without the reserve."""
        share = 1 - self.reserve
        return self.model_copy(
            update={
                "calls": int(self.calls * share),
                "model_calls": int(self.model_calls * share),
                "tokens": int(self.tokens * share),
                "usd": self.usd * share,
            }
        )
