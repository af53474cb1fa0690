"""The types of the tools' arguments: as narrow as the tables, so that a bad value is refused before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

Deal = Literal["sale", "rent"]
Kind = Literal["apartment", "house", "studio", "office", "shop", "land"]


def _storable(text: str) -> str:
    if any(c < " " for c in text):
        raise ValueError("control characters are not stored")
    return text


ROWS_A_CHUNK = 5_000
CHUNKS = 100  # as many items as a map of the usual budget has

FileName = Annotated[str, Field(min_length=1, max_length=200, description="in the run's folder, the inbox or the samples")]
RowsAChunk = Annotated[int, Field(ge=1, le=ROWS_A_CHUNK)]
Source = Annotated[str, Field(min_length=1, max_length=60, description="whose listings they are"), AfterValidator(_storable)]
City = Annotated[str, Field(min_length=2, max_length=60), AfterValidator(_storable)]
Price = Annotated[float, Field(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Field(ge=1, le=100)]
