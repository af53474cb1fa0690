"""The Python SDK of A2A 0.3, over the binding that the second argument names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

from a2a.client import Client, ClientConfig, ClientFactory
from a2a.types import (
    Artifact,
    Message,
    Part,
    Role,
    Task,
    TaskArtifactUpdateEvent,
    TaskIdParams,
    TaskStatusUpdateEvent,
    TextPart,
    TransportProtocol,
)
from visiting import Told, main, visit


class Sdk:
    """The SDK's client as its documentation has it."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name

    async def stream(self, text: str, task: str | None, context: str | None) -> AsyncIterator[Told]:
        message = Message(
            role=Role.user, parts=[Part(root=TextPart(text=text))], message_id=uuid4().hex, task_id=task, context_id=context
        )
        async for event in self.client.send_message(message):
            assert not isinstance(event, Message)
            whole, update = event
            yield told(whole, update)

    async def cancel(self, task: str) -> str:
        return (await self.client.cancel_task(TaskIdParams(id=task))).status.state.value


def told(whole: Task, update: TaskStatusUpdateEvent | TaskArtifactUpdateEvent | None) -> Told:
    of = {"task": whole.id, "context": whole.context_id}
    if isinstance(update, TaskArtifactUpdateEvent):
        return Told(**of, artifacts=shown([update.artifact]), append=bool(update.append))
    status, artifacts = (whole.status, whole.artifacts or []) if update is None else (update.status, [])
    said = text_of(status.message.parts) if status.message else ""
    return Told(**of, state=status.state.value.replace("-", "_"), said=said, artifacts=shown(artifacts))


def shown(artifacts: list[Artifact]) -> dict[str, str]:
    return {a.name or "": text_of(a.parts) for a in artifacts}


def text_of(parts: list[Part]) -> str:
    return "".join(part.root.text if isinstance(part.root, TextPart) else str(part.root) for part in parts)


async def seen(url: str, goals: dict[str, str], binding: str) -> dict[str, Any]:
    transport = TransportProtocol(binding)
    client = await ClientFactory.connect(url, ClientConfig(supported_transports=[transport]))
    return await visit(Sdk(client, (await client.get_card()).name), goals)


if __name__ == "__main__":
    main(seen)
