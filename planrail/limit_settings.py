"""Limit settings: the tables `[auth.limits]` and `[auth.limits.principals.NAME]`. What they do: `planrail/quota.py`."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field


class PrincipalLimits(BaseModel):
    """What one principal may ask for, in all its tenants. What is not set is not limited."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    requests_per_minute: int | None = Field(default=None, ge=1)  # of each process; a further one is refused: 429
    runs: int | None = Field(default=None, ge=1)  # queued or running at once; a further one is refused
    usd_per_day: float | None = Field(default=None, ge=0)  # of UTC; runs end at it, and no further one is taken that day


class LimitSettings(PrincipalLimits):
    """The same, of everybody who has none of its own."""

    principals: Mapping[str, PrincipalLimits] = Field(default_factory=dict)  # by principal: what differs for it
