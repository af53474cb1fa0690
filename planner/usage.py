"""Usage: what one model call, step or run consumed."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Usage(BaseModel):
    """Tokens and money of model calls, or the declared cost of tool calls. Adds up.

    `cached_input_tokens` is the part of `input_tokens` that the vendor read from its prefix cache. `estimated` says
    that a vendor did not report what it billed and the figures were counted here.
    """

    model_config = ConfigDict(frozen=True)

    model_calls: int = 0
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            model_calls=self.model_calls + other.model_calls,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            usd=self.usd + other.usd,
            estimated=self.estimated or other.estimated,
        )


NO_USAGE = Usage()
