"""The types of the tools' arguments: as narrow as the tables, so that a bad value is refused before anything runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from executor.storable import storable

Vertical = Literal["accounting", "dental", "gym", "law", "plumbing", "roofing", "salon", "veterinary"]
LeadStatus = Literal["new", "contacted", "won", "lost"]
MailStatus = Literal["draft", "sent"]


Id = Annotated[int, Field(ge=1, le=2_147_483_647)]
Limit = Annotated[int, Field(ge=1, le=100)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Score = Annotated[int, Field(ge=0, le=100)]
Rating = Annotated[float, Field(ge=0, le=5)]
City = Annotated[str, Field(pattern=r"^[^0-9@<>{}/\\]{2,40}$"), AfterValidator(storable)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+\.[A-Za-z]{2,}$"), AfterValidator(storable)]
Name = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(storable)]
Address = Annotated[str, Field(max_length=200), AfterValidator(storable)]
Phone = Annotated[str, Field(max_length=40), AfterValidator(storable)]
Website = Annotated[str, Field(max_length=300), AfterValidator(storable)]
Subject = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(storable)]
Body = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(storable)]
NoteText = Annotated[str, Field(min_length=1, max_length=4_000), AfterValidator(storable)]
