"""The types of the tools' arguments: as narrow as the tables, so that a bad value is refused before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from executor.storable import storable

Kind = Literal["password", "billing", "fault", "other"]
Priority = Literal["high", "normal", "low"]


Id = Annotated[int, Field(ge=1, le=2_147_483_647)]
Limit = Annotated[int, Field(ge=1, le=100)]
Hits = Annotated[int, Field(ge=1, le=20)]
Words = Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(storable)]
Subject = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(storable)]
Reason = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(storable)]
