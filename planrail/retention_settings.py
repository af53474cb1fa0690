"""Retention settings: the table `[retention]`: which runs leave the database by themselves; see `planrail/pruning.py`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from planner.duration import seconds_of


def _is_duration(text: str) -> str:
    if text and seconds_of(text) is None:
        raise ValueError("write a length of time, like 90d")
    return text


Length = Annotated[str, AfterValidator(_is_duration)]


class RetentionSettings(BaseModel):
    """How long what stays."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    older_than: Length = ""  # like 90d: runs that are over and were not changed for so long are removed once a day; empty: none
    keep_failed: bool = False  # but not those that failed, or ended at a ceiling
    remember: Length = "365d"  # that a run was removed, and its idempotency key, after which the key may be used again
