"""Connection: one server, supervised: connected, listed, called, and connected again when it is gone.

A task of its own owns the connection, since a transport that breaks cancels whoever is inside of it. Calls come from other
tasks; they wait for the connection to be up, at most `startup_s`. What a broken connection leaves of a call is not known, so
it counts as a time-out: a read is asked again, an effect is looked at before it is made once more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from executor.artifacts import Artifacts
from executor.mcp_tools.result import tool_result
from executor.mcp_tools.server import McpServer, expanded
from executor.tool import ToolFailed, ToolResult
from planner.here import outgoing
from planner.toolspec import Json, JsonSchema

if TYPE_CHECKING:  # the SDK takes a second to load: only where there is a server
    import anyio
    from mcp import Client
    from mcp.types import Tool as McpTool

log = logging.getLogger(__name__)

KEY_META = "io.planrail/idempotency-key"  # in a call's `_meta`: the same for every attempt at the same call
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.2, 30.0  # between two attempts at connecting; while a call waits for one:
_WANTED_WAIT_S = 2.0
_MAX_PAGES = 100
_MAX_TOOLS = 2_000
_SSE_BYTES = 64 << 20  # of one event; a larger result is cut off by what a run may take anyway
_CLOSED, _TIMED_OUT, _INVALID = -32000, -32001, -32602  # of the SDK and of JSON-RPC 2.0


@dataclass(frozen=True)
class Listing:
    """What a server has said of its tools; `number` counts listings."""

    tools: tuple[McpTool, ...] = ()
    number: int = 0


class McpConnection:
    """The connection to one server; `changed` is called after each listing, in the loop."""

    def __init__(self, namespace: str, server: McpServer, changed: Callable[[], None] = lambda: None) -> None:
        self.namespace = namespace
        self.server = server
        self.listing = Listing()
        self.problem = "it has not answered yet"
        self._changed = changed
        self._client: Client | None = None
        self._up = asyncio.Event()
        self._gone = asyncio.Event()
        self._relist = asyncio.Event()
        self._stopped = False
        self._wanted = asyncio.Event()  # calls wait for it to be up
        self._waiting = 0
        self._scope: anyio.CancelScope | None = None
        self.tried = asyncio.Event()  # its first attempt has ended, well or not

    @property
    def is_up(self) -> bool:
        return self._client is not None

    async def supervise(self) -> None:
        """Keep the connection up until it is stopped."""
        import anyio  # noqa: PLC0415  # comes with the SDK

        with anyio.CancelScope() as self._scope:
            await self._kept_up()

    async def _kept_up(self) -> None:
        wait = _FIRST_WAIT_S
        while not self._stopped:
            before = self.listing.number
            try:
                await self._once()
            except Exception as error:  # noqa: BLE001  # whatever a transport's task group raises; the server is foreign
                self.problem = _reason(error)
            finally:
                self._down()
                self.tried.set()
            if self._stopped:
                return
            log.info("the MCP server %s is gone: %s", self.namespace, self.problem)
            wait = _FIRST_WAIT_S if self.listing.number > before else min(wait * 2, _LONGEST_WAIT_S)
            await self._pause(wait * (1 + random.random() / 4))

    async def _pause(self, seconds: float) -> None:
        """Wait before the next attempt; not for long where a call waits for it."""
        await asyncio.sleep(min(seconds, _WANTED_WAIT_S))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds - _WANTED_WAIT_S, 0)):
                await self._wanted.wait()

    def stop(self) -> None:
        """Close the connection and make no other. A scope is cancelled and no task: the SDK's shut-down is shielded from scopes
        alone, and a task's cancel in the midst of it would leave the server's process behind.
        """
        self._stopped = True
        if self._scope is not None:
            self._scope.cancel()

    async def _once(self) -> None:
        """One connection, from its start to its end."""
        import anyio  # noqa: PLC0415  # comes with the SDK, which is loaded here first

        with anyio.CancelScope(deadline=anyio.current_time() + self.server.startup_s) as starting:
            async with self._opened() as client:
                await self._list(client)
                starting.deadline = float("inf")
                self._client, self.problem = client, ""
                self._gone.clear()
                self._up.set()
                self.tried.set()
                await self._stay(client)
        if starting.cancelled_caught:
            self.problem = f"it did not answer within {self.server.startup_s:g} s"

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[Client]:
        sdk = _sdk()
        async with contextlib.AsyncExitStack() as stack:
            target = await _target(self.server, sdk, stack)
            client = sdk.Client(target, read_timeout_seconds=self.server.most_s, message_handler=self._heard, cache=None)
            yield await stack.enter_async_context(client)

    async def _heard(self, message: Any) -> None:
        """A notification of the older protocol, or an error of the transport."""
        method = getattr(message, "method", "")
        if method == "notifications/tools/list_changed":
            self._relist.set()

    async def _list(self, client: Client) -> None:
        found: list[McpTool] = []
        cursor: str | None = None
        for _ in range(_MAX_PAGES):
            page = await client.list_tools(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if cursor is None or len(found) >= _MAX_TOOLS:
                break
        self.listing = Listing(tuple(found[:_MAX_TOOLS]), self.listing.number + 1)
        self._changed()

    async def _stay(self, client: Client) -> None:
        """List again whenever the server says so, until the connection is gone."""
        listening = asyncio.create_task(self._listen(client))
        try:
            while True:
                waits = [asyncio.create_task(e.wait()) for e in (self._gone, self._relist)]
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()
                if self._gone.is_set():
                    return
                self._relist.clear()
                await self._list(client)
        finally:
            listening.cancel()
            await asyncio.wait((listening,))

    async def _listen(self, client: Client) -> None:
        """The newer protocol's stream of changes; the older one notifies by itself."""
        if client.protocol_version < "2026":
            return
        with contextlib.suppress(Exception):  # a server need not have it; a lost connection shows at the next call
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._relist.set()

    def _down(self) -> None:
        self._client = None
        self._up.clear()
        self._gone.set()  # whatever broke it: no call waits for what cannot come

    def _lost(self, reason: str) -> None:
        self.problem = reason
        self._down()

    def still_lists(self, tool: McpTool) -> bool:
        """Whether the server has not said anything else of that tool since; one that is away may come back as it was."""
        now = next((t for t in self.listing.tools if t.name == tool.name), None)
        same = ("input_schema", "output_schema", "annotations")
        return now is tool or (now is not None and all(getattr(now, n) == getattr(tool, n) for n in same))

    # -- calls

    async def call(
        self, tool: str, arguments: Mapping[str, Json], *, key: str, schema: JsonSchema | None, artifacts: Artifacts
    ) -> ToolResult:
        """Call a tool by the server's own name for it. Never raises for what the server does."""
        try:
            await self._reached()
        except TimeoutError:
            return ToolFailed(f"The MCP server {self.namespace} cannot be reached: {self.problem}.", "transient")
        client = self._client
        if client is None:  # it went down just now
            return ToolFailed(f"The MCP server {self.namespace} is gone: {self.problem}.", "transient")
        return await self._asked(client, tool, arguments, key, schema, artifacts)

    async def _reached(self) -> None:
        """Wait until it is up; raises TimeoutError."""
        self._waiting += 1
        self._wanted.set()
        try:
            async with asyncio.timeout(self.server.startup_s):
                await self._up.wait()
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._wanted.clear()

    async def _asked(
        self,
        client: Client,
        tool: str,
        arguments: Mapping[str, Json],
        key: str,
        schema: JsonSchema | None,
        artifacts: Artifacts,
    ) -> ToolResult:
        sdk = _sdk()
        loop = asyncio.get_running_loop()
        last = loop.time() + self.server.most_s

        async def progressed(progress: float, total: float | None, message: str | None) -> None:
            idle.reschedule(min(loop.time() + self.server.idle_s, last))

        meta: Any = {KEY_META: key, **outgoing()}  # the SDK's type names the protocol's own keys
        asked = asyncio.create_task(client.call_tool(tool, dict(arguments), progress_callback=progressed, meta=meta))
        lost = asyncio.create_task(self._gone.wait())
        idle = asyncio.timeout_at(min(loop.time() + self.server.idle_s, last))
        try:
            async with idle:
                await asyncio.wait((asked, lost), return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                return ToolFailed(f"The MCP server {self.namespace} went away before it answered: {self.problem}.", "timeout")
            return tool_result(asked.result(), schema, artifacts)
        except TimeoutError:
            return ToolFailed(f"{self.namespace}.{tool} said nothing for {self.server.idle_s:g} s.", "timeout")
        except sdk.MCPError as error:
            return self._failed(error)
        finally:
            for task in (asked, lost):
                task.cancel()  # the SDK tells the server
            await asyncio.wait((asked, lost))
            _ = asked.cancelled() or asked.exception()

    def _failed(self, error: Any) -> ToolFailed:
        message = str(error)[:500]
        if error.code == _CLOSED or "Session terminated" in message:
            self._lost(message)
            return ToolFailed(f"The MCP server {self.namespace} went away before it answered: {message}.", "timeout")
        if error.code == _TIMED_OUT:
            return ToolFailed(f"The MCP server {self.namespace} did not answer in time.", "timeout")
        return ToolFailed(f"{self.namespace}: {message}", "invalid" if error.code == _INVALID else "failed")


def _sdk() -> ModuleType:
    import mcp  # noqa: PLC0415  # a second to load: only where there is a server

    return mcp


async def _target(server: McpServer, sdk: ModuleType, stack: contextlib.AsyncExitStack) -> Any:
    """What the SDK's client connects to."""
    if server.command is not None:
        return sdk.StdioServerParameters(
            command=expanded(server.command),
            args=[expanded(a) for a in server.args],
            env={k: expanded(v.get_secret_value()) for k, v in server.env.items()} or None,
            cwd=server.cwd,
        )
    assert server.url is not None
    import httpx2  # noqa: PLC0415  # these come with the SDK
    from mcp.client.sse import sse_client  # noqa: PLC0415
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415
    from mcp.shared._httpx_utils import create_mcp_http_client  # noqa: PLC0415

    headers = {k: expanded(v.get_secret_value()) for k, v in server.headers.items()}
    url = expanded(server.url)
    if server.type == "sse":
        return sse_client(url, headers=headers)
    http = create_mcp_http_client(headers=headers, timeout=httpx2.Timeout(30, read=None))
    return streamable_http_client(url, http_client=await stack.enter_async_context(http), max_sse_event_size=_SSE_BYTES)


def _reason(error: BaseException) -> str:
    """The first real reason in what a task group raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:200]
