"""Lists: pages of a principal's tasks, the last changed first."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from a2a.types.a2a_pb2 import ListTasksRequest, ListTasksResponse, Task, TaskState
from a2a.utils.errors import InvalidParamsError
from a2a.utils.task import apply_history_length, validate_history_length, validate_page_size

from a2a_node.opened import Opened
from a2a_node.telling import Audience
from executor.events import RunStatus
from executor.journal.port import Recent, RunRecord
from executor.submission import Principal

_PAGE = 50
_SCANNED = 200  # records that are read at once, where a state is not told by the row alone
_STATUSES: dict[TaskState, tuple[RunStatus, ...]] = {
    TaskState.TASK_STATE_SUBMITTED: ("queued",),
    TaskState.TASK_STATE_WORKING: ("queued", "running", "waiting"),
    TaskState.TASK_STATE_INPUT_REQUIRED: ("waiting",),
    TaskState.TASK_STATE_AUTH_REQUIRED: ("waiting",),
    TaskState.TASK_STATE_COMPLETED: ("done", "partial"),
    TaskState.TASK_STATE_FAILED: ("failed", "partial"),
    TaskState.TASK_STATE_REJECTED: ("failed", "partial"),
    TaskState.TASK_STATE_CANCELED: ("cancelled",),
}
Place = tuple[datetime, str]


class TaskLists:
    """Answers `ListTasks`."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def page(self, params: ListTasksRequest, principal: Principal, audience: Audience) -> ListTasksResponse:
        """A page; raises InvalidParamsError. Without a state all that is asked of the database is the page."""
        validate_history_length(params)
        if params.HasField("page_size"):
            validate_page_size(params.page_size)
        size = params.page_size or _PAGE
        wish = Recent(
            statuses=_STATUSES.get(params.status) if params.status else None,
            session=params.context_id or None,
            since=_since(params),
            before=_place(params.page_token) if params.page_token else None,
        )
        if params.status and params.status not in _STATUSES:
            raise InvalidParamsError("There is no such state.")
        tasks, last, total = (
            await self._of_state(params, wish, size, principal, audience)
            if params.status
            else await self._all(params, wish, size, principal, audience)
        )
        return ListTasksResponse(
            tasks=tasks, next_page_token="" if last is None else _token(last), page_size=size, total_size=total
        )

    async def _all(
        self, params: ListTasksRequest, wish: Recent, size: int, principal: Principal, audience: Audience
    ) -> tuple[list[Task], Place | None, int]:
        records, total = await self._opened.runs.recent(principal, wish, limit=size + 1)
        tasks = [await self._task(record, params, audience) for record in records[:size]]
        last = records[size - 1] if len(records) > size else None
        return tasks, None if last is None else (last.updated_at, last.id), total

    async def _of_state(
        self, params: ListTasksRequest, wish: Recent, size: int, principal: Principal, audience: Audience
    ) -> tuple[list[Task], Place | None, int]:
        """Those of one state, which not the row alone but the run's last words tell."""
        tasks: list[Task] = []
        last: Place | None = None
        more = False
        total = 0
        async for record in self._scan(wish.model_copy(update={"before": None}), principal):
            telling = await self._opened.brief(record, audience)
            if telling.state != params.status:
                continue
            total += 1
            place = (record.updated_at, record.id)
            if wish.before is not None and place >= wish.before:
                continue
            if len(tasks) < size:
                tasks.append(await self._task(record, params, audience))
                last = place
            else:
                more = True
        return tasks, last if more else None, total

    async def _scan(self, wish: Recent, principal: Principal) -> AsyncIterator[RunRecord]:
        before: Place | None = None
        while True:
            page = wish.model_copy(update={"before": before})
            records, _ = await self._opened.runs.recent(principal, page, limit=_SCANNED)
            for record in records:
                yield record
            if len(records) < _SCANNED:
                return
            before = (records[-1].updated_at, records[-1].id)

    async def _task(self, record: RunRecord, params: ListTasksRequest, audience: Audience) -> Task:
        whole = params.include_artifacts
        telling = await (self._opened.whole(record.id, audience) if whole else self._opened.brief(record, audience))
        task = telling.task(artifacts=whole)
        task.status.timestamp.FromDatetime(record.updated_at)
        return apply_history_length(task, params)


def _since(params: ListTasksRequest) -> datetime | None:
    if not params.HasField("status_timestamp_after"):
        return None
    return params.status_timestamp_after.ToDatetime(tzinfo=UTC)


def _token(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps([place[0].isoformat(), place[1]]).encode()).decode()


def _place(token: str) -> Place:
    """The last task of the page before; raises InvalidParamsError for a token that is none of ours."""
    try:
        at, run = json.loads(base64.urlsafe_b64decode(token.encode()))
        place = datetime.fromisoformat(at), str(run)
    except (ValueError, TypeError, binascii.Error, UnicodeError):
        raise InvalidParamsError("pageToken is none that a page of ours gave.") from None
    if place[0].tzinfo is None:
        raise InvalidParamsError("pageToken is none that a page of ours gave.")
    return place
