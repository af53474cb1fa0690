"""Configs: the operations on push notification configurations, over the outbox. Whose task it is, the handler has asked.

Credentials and token are sealed before they are stored, and given back by the call alone that brought them: whoever reads a
configuration later sees where it leads.
"""

from __future__ import annotations

import base64
import binascii

from a2a.types.a2a_pb2 import (
    AuthenticationInfo,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError

from a2a_node.push.target import Target, Targets
from a2a_node.telling import Audience
from executor.builtin.handle import Unfit
from executor.journal.outbox import SqlOutbox, Subscriber, Wish
from planrail.seal import Seal

MOST = 20  # of a task
_MAX_ID = 200  # characters
_PAGE = 100


class PushConfigs:
    """The notifications that were asked for, by task."""

    def __init__(self, outbox: SqlOutbox, seal: Seal, targets: Targets) -> None:
        self._outbox = outbox
        self._seal = seal
        self._targets = targets

    async def create(
        self, config: TaskPushNotificationConfig, audience: Audience, *, old: bool = False
    ) -> TaskPushNotificationConfig:
        """Keep it for its task, which is told from now on. Raises as `checked` and `keep` do."""
        return await self.keep(config, await self.checked(config, audience, old=old), since=None)

    async def checked(self, config: TaskPushNotificationConfig, audience: Audience, *, old: bool) -> Target:
        """The target of a configuration; raises InvalidParamsError for what cannot be notified."""
        if len(config.id) > _MAX_ID or not config.id.isprintable():
            raise InvalidParamsError(f"The configuration's id has to be printable, and {_MAX_ID} characters long at most.")
        target = _target(config, audience, old=old)
        try:
            await self._targets.check(target)
        except Unfit as unfit:
            raise InvalidParamsError(f"This cannot be notified: {unfit.message}") from None
        return target

    async def keep(
        self, config: TaskPushNotificationConfig, target: Target, *, since: int | None
    ) -> TaskPushNotificationConfig:
        """Keep it; one without an id has the task's. `since` is the run's event from which on it is told; None: the last one.

        The same id again changes where and how it is told, and what was told is not told again. Raises InvalidParamsError
        where the task has enough of them.
        """
        name = config.id or config.task_id
        body = self._seal.seal(target.model_dump_json(exclude_defaults=True))
        wish = Wish(id=name, place=target.place, body=body, since=since)
        kept = await self._outbox.put(config.task_id, wish, most=MOST)
        if kept is None:
            raise InvalidParamsError(f"A task has at most {MOST} push notification configurations.")
        made = TaskPushNotificationConfig()
        made.CopyFrom(config)
        made.id = name
        return made

    async def get(self, task: str, name: str) -> TaskPushNotificationConfig:
        """One of the task's; without a name the one without an id of its own, else the first. Raises TaskNotFoundError."""
        of_task = await self._outbox.of(task)
        wanted = (name,) if name else (task, *(s.id for s in of_task))
        for each in wanted:
            for found in of_task:
                if found.id == each:
                    return self._shown(found)
        raise TaskNotFoundError

    async def list(self, params: ListTaskPushNotificationConfigsRequest) -> ListTaskPushNotificationConfigsResponse:
        """A page of the task's, by their ids. Raises InvalidParamsError for a token that no page has given."""
        if params.page_size < 0:
            raise InvalidParamsError("pageSize is negative.")
        after = _after(params.page_token)
        rest = [s for s in await self._outbox.of(params.task_id) if s.id > after]
        page = rest[: min(params.page_size or _PAGE, _PAGE)]
        token = _token(page[-1].id) if len(rest) > len(page) else ""
        return ListTaskPushNotificationConfigsResponse(configs=[self._shown(s) for s in page], next_page_token=token)

    async def delete(self, task: str, name: str) -> None:
        """Notify nobody of it any more; one that is not there is gone already."""
        await self._outbox.remove(task, name)

    def _shown(self, kept: Subscriber) -> TaskPushNotificationConfig:
        target = Target.model_validate_json(self._seal.open(kept.body))
        shown = TaskPushNotificationConfig(id=kept.id, task_id=kept.run, url=target.url, tenant=target.tenant)
        if target.scheme:
            shown.authentication.CopyFrom(AuthenticationInfo(scheme=target.scheme))
        return shown


def _target(config: TaskPushNotificationConfig, audience: Audience, *, old: bool) -> Target:
    given = config.authentication
    return Target(
        url=config.url, token=config.token, scheme=given.scheme, credentials=given.credentials, tenant=config.tenant,
        extended=audience.extended, modes=audience.modes, old=old,
    )  # fmt: skip


def _token(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _after(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise InvalidParamsError("This page token is none.") from None
