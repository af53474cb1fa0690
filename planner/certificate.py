"""Certificate: what the checker has proved of a plan before anything runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from planner.diagnostic import Diagnostic
from planner.toolspec import Effect, Json


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class WorstCase(_Frozen):
    """The most that a run of the plan can take, one attempt a step; the reserve for retries and repairs is not in it."""

    steps: int = 0
    calls: int = 0  # tool calls
    model_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0  # along the critical path; waiting for people does not count

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class EffectNotice(_Frozen):
    """A side effect that the plan may have: at most `times` calls of `tool`, with these arguments as sources."""

    step: str
    line: int
    tool: str
    effect: Effect
    times: int
    arguments: dict[str, str]  # `**` stands for arguments that are spread
    guarded_by: tuple[str, ...] = ()


class Flow(_Frozen):
    """A value that may come from `origins` reaches the sensitive argument of a tool.

    `kind` is "data" when the value itself comes from there, "choice" when which value it is is decided by it. An empty
    `argument` stands for the call itself: whether, or how often it is made is decided by the origins.

    `decision` is the policy's: when it comes to it a person is asked ("ask"), or the call is refused ("deny"); or it is only
    listed. `value` is what the script itself would give: that is asked before anything runs.
    """

    step: str
    line: int
    tool: str
    argument: str
    origins: tuple[str, ...]
    kind: Literal["data", "choice"] = "data"
    decision: Literal["ask", "deny", "listed"] = "listed"
    value: Json = None


class Certificate(_Frozen):
    """Binds plan, tool schemas, budget and policy: only what was certified runs.

    `hash` covers the plan, the tools' contracts, the policy, the budget, the parameters, and what was proved of them; not what
    is there to be read (lines, sources, warnings, the seconds that a tool usually takes).
    """

    hash: str
    plan: str  # digest of the plan's JSON
    tools: dict[str, str]  # tool → fingerprint of its contract
    policy: str  # digest of the policy that decided
    worst_case: WorstCase
    bounds: dict[str, int] = {}  # map → the most calls that the worst case counts; one more is a surprise
    effects: tuple[EffectNotice, ...] = ()
    flows: tuple[Flow, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
