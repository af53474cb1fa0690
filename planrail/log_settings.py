"""Log settings: the table `[log]`. What they do: `planrail/logs.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class LogSettings(BaseModel):
    """What a process tells of itself, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["text", "json"] = "text"  # of a line: for people, or one JSON object for machines
    level: Literal["debug", "info", "warning", "error"] = "warning"  # and above; of libraries from warning on alone
    to: Literal["file", "stderr"] = "file"  # planrail.log in `home`; stderr where a supervisor or a container collects lines
