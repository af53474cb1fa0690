"""HttpSettings: the bounds that the tools of the namespace `http` keep."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class HttpSettings(BaseModel):
    """What the tools of the namespace `http` may do."""

    model_config = ConfigDict(frozen=True)

    max_bytes: int = Field(default=10 * 1024 * 1024, gt=0)  # of a body, also decompressed; more is a failure
    timeout_s: float = Field(default=25.0, gt=0)  # for all hops together; then a failure
    max_redirects: int = Field(default=5, ge=0)  # one more is a failure
    allow_private: tuple[str, ...] = ()  # host names or addresses, as in the URL, that need not be public
    user_agent: str = "planrail"
    ca_file: Path | None = None  # certificates to trust besides the usual ones, for intranets
