"""The types of the tools' arguments: as narrow as the tables, so that a bad value is refused before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from executor.storable import storable

Intent = Literal["book", "move", "cancel", "bill", "question", "emergency", "person"]


Id = Annotated[int, Field(ge=1, le=2_147_483_647)]
Cents = Annotated[int, Field(ge=1, le=100_000_000)]
Limit = Annotated[int, Field(ge=1, le=100)]
Service = Annotated[str, Field(max_length=80), AfterValidator(storable)]
Reply = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(storable)]
Reason = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(storable)]
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-4]):[0-5]\d$")]


class When(BaseModel):
    """When somebody would come: days from `first` to `last` ("": any), of these weekdays (Monday is 0; none: any).

    The start lies in [`after`, `before`).
    """

    first: Day = ""
    last: Day = ""
    weekdays: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7)] = []
    after: Clock = "00:00"
    before: Clock = "24:00"
