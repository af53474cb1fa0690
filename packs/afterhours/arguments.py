"""The types of the tools' arguments: as narrow as the tables, so that a bad value is refused before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from executor.storable import storable

Urgency = Literal["now", "morning", "none"]


Id = Annotated[int, Field(ge=1, le=2_147_483_647)]
Through = Annotated[int, Field(ge=0, le=2_147_483_647)]
Limit = Annotated[int, Field(ge=1, le=100)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=100)]
Words = Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(storable)]
Summary = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(storable)]
Report = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(storable)]
