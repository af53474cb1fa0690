"""Base: what all events have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Happened(BaseModel):
    """An event: frozen, in the past tense."""

    model_config = ConfigDict(frozen=True, extra="ignore")  # an older Planrail may meet a newer one's fields
