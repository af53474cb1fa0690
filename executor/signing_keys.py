"""Signing key: what the house signs with, as it is kept: in the clear what everybody may know of it, sealed what nobody may."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict


class StoredKey(BaseModel):
    """One key. Each one made has the next `generation`; the newest signs, and it retires those before."""

    model_config = ConfigDict(frozen=True)

    generation: int
    kid: str
    public: str  # the public half: a JSON Web Key
    sealed: str  # the private half
    created_at: datetime
    retired_at: datetime | None = None  # when a newer one came
