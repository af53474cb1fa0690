"""Letter: a mail of the outbox, and what the tools of the namespace `mail` say of one."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from packs.gtm.arguments import MailStatus


class Draft(BaseModel):
    id: int
    status: MailStatus


class Sent(BaseModel):
    id: int
    status: MailStatus
    to: str


class Mail(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: int
    lead_id: int
    to: str
    subject: str
    body: str
    status: MailStatus
    created: str
    sent: str | None


class Mails(BaseModel):
    items: Annotated[list[Mail], Field(max_length=100)]
