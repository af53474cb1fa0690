"""Events and receipts as the JSON text that a journal stores."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, TypeAdapter, ValidationError

from executor.errors import JournalNewer
from executor.events import Event, Recorded
from executor.journal.port import Receipt
from executor.submission import Submission

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def encode(model: BaseModel) -> str:
    """The model's JSON text."""
    return model.model_dump_json(by_alias=True)


def title_of(submission: Submission) -> str:
    """The goal as lists show it: PostgreSQL's text cannot hold a NUL."""
    return submission.goal.replace("\0", "\N{REPLACEMENT CHARACTER}")


def decode_event(seq: int, at: datetime, body: str) -> Recorded:
    """The recorded event; raises JournalNewer when this build does not know its kind."""
    try:
        event = _EVENT.validate_json(body)
    except ValidationError as error:
        kind = error.errors(include_url=False, include_input=False)[0]["type"]
        if kind != "union_tag_invalid":
            raise
        raise JournalNewer(
            f"Event {seq} of the run is of a kind that this Planrail does not know.",
            hint="A newer Planrail wrote it: upgrade planrail on this machine.",
            seq=seq,
        ) from None
    return Recorded(seq=seq, at=at, event=event)


def decode_receipt(body: str) -> Receipt:
    """The receipt of that JSON text."""
    return Receipt.model_validate_json(body)
