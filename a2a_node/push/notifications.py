"""Notifications: what a subscriber is told of a run: the task as it was when it subscribed, then each update since, in order.

They are what a stream gives. A client of 0.3 is told the whole task, in the words of its version, whenever something has
changed: that is what 0.3 sends.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from a2a.compat.v0_3.conversions import to_compat_task
from a2a.types.a2a_pb2 import Task
from a2a.utils.proto_utils import to_stream_response
from google.protobuf.json_format import MessageToDict

from a2a_node.push.sender import Notification
from a2a_node.push.target import Target
from a2a_node.telling import Telling, Update
from executor.events import Recorded
from executor.journal.outbox import Subscriber


@dataclass(frozen=True)
class Step:
    """One notification on a subscriber's way, and where it is once it was told."""

    notification: Notification
    seq: int
    part: int


class Notifications:
    """The way of one subscriber, from where it is. `telling` is the run as the last event that it was told of left it."""

    def __init__(self, held: Subscriber, target: Target, telling: Telling) -> None:
        self._held = held
        self._target = target
        self._telling = telling
        self._part = held.part

    @property
    def over(self) -> bool:
        """Whether the run has ended, as far as it was told."""
        return self._telling.over

    def first(self) -> Iterator[Step]:
        """The task, for one that was not told anything yet."""
        if self._held.seq == 0:
            yield from self._steps([self._telling.task()], self._held.since, before=0)

    def of(self, record: Recorded) -> Iterator[Step]:
        """What the next event makes, without what of it was told before."""
        updates = self._telling.take(record)
        told: Sequence[Task | Update] = updates
        if self._target.old:
            told = [self._telling.task()] if updates else []
        yield from self._steps(told, record.seq, before=record.seq - 1)

    def _steps(self, told: Sequence[Task | Update], seq: int, *, before: int) -> Iterator[Step]:
        done, self._part = self._part, 0
        for number, each in enumerate(told, 1):
            if number > done:
                name = f"{self._held.run}/{self._held.id}/{seq}.{number}"
                where = (seq, 0) if number == len(told) else (before, number)
                yield Step(Notification(name, self._held.run, content_of(each, old=self._target.old)), *where)


def content_of(told: Task | Update, *, old: bool) -> bytes:
    """The body: JSON as short as it can be, which is the form that the samples of A2A work a body's hash out from."""
    body = (
        to_compat_task(told).model_dump(mode="json", by_alias=True, exclude_none=True)
        if old and isinstance(told, Task)
        else MessageToDict(to_stream_response(told))
    )
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
