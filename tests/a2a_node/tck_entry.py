"""The A2A door of a server under the official compatibility kit: the product's, with what the kit's messages ask for beside it.

The kit says by the beginning of a messageId what the agent under test has to do (its scenarios). It also sends one messageId
with many messages, for which Planrail would rightly give one task: here each message is a new one.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import Message, Part, Role, SendMessageRequest, Task
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value

from a2a_node.body import App, Receive, Scope, Send
from a2a_node.entry import A2aEntry
from a2a_node.handler import RunHandler
from a2a_node.request import is_old
from planrail.auth import Authenticator
from planrail.doors import Mounted
from planrail.house import House

ASKS = """\
a = ask_user("What next?", returns=str)
if a != "complete":
    b = ask_user("What next?", returns=str)
    if b != "complete":
        c = ask_user("What next?", returns=str)
        if c != "complete":
            d = ask_user("What next?", returns=str)
answer("Hello from TCK")
"""
SCRIPTS = {  # by the beginning of the messageId; the first that fits
    "tck-input-required": ASKS,
    "tck-artifact-text": 'answer("Generated text content")',
    "tck-artifact-data": 'answer({"key": "value", "count": 42})',
    "tck-artifact-file": 'answer("tck")',
    "tck-reject-task": "nothing.that_is_here()",
    "tck-stream-artifact-text": 'answer("Streamed text content")',
    "tck-stream-ordering-001": 'answer("Ordered output")',
    "tck-stream-003": 'answer("Stream task lifecycle")',
    "tck-stream": 'answer("Stream hello from TCK")',
    "test-resubscribe-message-id": 'wait("4s")\nanswer("Hello from TCK")',
}
DONE = 'answer("Hello from TCK")'
FILES = {  # what the plain agent has no way to make
    "tck-artifact-file-url": Part(url="https://example.com/output.txt", media_type="text/plain", filename="output.txt"),
    "tck-artifact-file": Part(raw=b"tck", media_type="text/plain", filename="output.txt"),
}
KEY = "A2A_TCK_KEY"  # in the environment: with it comes whoever comes with none, for the kit has no way to send one


class TckHandler(RunHandler):
    """Answers the kit's messages by plans that do what their ids say."""

    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task | Message:
        name = params.message.message_id
        if name.startswith("tck-message-response"):
            parts = [Part(text="Direct message response")]
            return Message(message_id=uuid.uuid4().hex, role=Role.ROLE_AGENT, parts=parts, context_id=params.message.context_id)
        task: Task = await super().on_message_send(_planned(params, old=is_old(context)), context)
        for prefix, part in FILES.items():
            if name.startswith(prefix):
                del task.artifacts[0].parts[:]
                task.artifacts[0].parts.append(part)
                break
        return task

    async def on_message_send_stream(self, params: SendMessageRequest, context: ServerCallContext) -> AsyncGenerator[Any]:
        async for event in super().on_message_send_stream(_planned(params, old=is_old(context)), context):
            yield event


def _planned(params: SendMessageRequest, *, old: bool) -> SendMessageRequest:
    """The same with a messageId of its own, and with the plan or the answer that the kit means by the one that it had.

    The tasks of the kit for 0.3 are to stay open.
    """
    name = params.message.message_id
    made = SendMessageRequest()
    made.CopyFrom(params)
    if name:
        made.message.message_id = f"{name}-{uuid.uuid4().hex}"
    if not _is_plain(params.message):
        return made
    if made.message.task_id and name.startswith("tck-complete-task"):
        made.message.parts.append(_data({"answer": "complete"}))
    elif name and not made.message.task_id:
        otherwise = ASKS if old else DONE
        made.message.parts.append(_data({"script": next((s for p, s in SCRIPTS.items() if name.startswith(p)), otherwise)}))
    return made


def _is_plain(message: Message) -> bool:
    """Whether it is one that the plain agent takes: of any other it is to tell what is wrong."""
    return bool(message.parts) and all(part.WhichOneof("content") == "text" for part in message.parts)


def _data(value: dict[str, str]) -> Part:
    return Part(data=ParseDict(value, Value()), media_type="application/json")


class TckEntry(A2aEntry):
    """The door with that handler; where a key is in the environment, whoever comes with none comes with it."""

    handler = TckHandler

    @asynccontextmanager
    async def mounted(self, house: House, auth: Authenticator, *, host: str, address: str) -> AsyncIterator[Mounted]:
        async with super().mounted(house, auth, host=host, address=address) as mounted:
            key = os.environ.get(KEY)
            yield replace(mounted, app=_with(key, mounted.app)) if key else mounted


def _with(key: str, app: App) -> App:
    """The application, as a gateway that knows the key shows it."""

    async def known(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and b"authorization" not in dict(scope["headers"]):
            scope["headers"] = [*scope["headers"], (b"authorization", f"Bearer {key}".encode())]
        await app(scope, receive, send)

    return known
