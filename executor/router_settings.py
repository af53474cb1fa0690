"""Router settings: whether goals are sent to specialists, and how sure a model has to be of whose they are."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RouterSettings(BaseModel):
    """Whether goals are sent to specialists, and how sure a model has to be of whose they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["auto", "off"] = "auto"  # off: only a skill that is named takes a goal to its specialist
    floor: float = Field(default=0.6, ge=0, le=1)  # a model that is less sure decides nothing: all tools are shown


USUAL = RouterSettings()
