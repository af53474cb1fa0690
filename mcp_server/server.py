"""Server: an MCP server over a house, for both eras of the protocol; each handler is a translation.

It stands on the SDK's low-level server: the offers validate their own arguments, lists are in one stable order, and results
are made here, so that nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from mcp.server.lowlevel.server import NotificationOptions, Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.types import (
    CallToolRequestParams,
    CompleteRequestParams,
    CompleteResult,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    PromptReference,
    ReadResourceRequestParams,
    ReadResourceResult,
    SubscribeRequestParams,
    Tool,
    UnsubscribeRequestParams,
)

from mcp_server import prompts
from mcp_server.beside import Beside
from mcp_server.door import Ctx, Door
from mcp_server.offer import Answer, Offer, called, tokens_of
from mcp_server.own_tools import own_offers
from mcp_server.resources import TEMPLATES, Resources
from mcp_server.run_tools import RunTools
from mcp_server.subscribed import Subscribed
from mcp_server.tasks import RunTasks
from planner.traceparent import HEADER, traceparent_of
from planrail.arrival import arriving, header_of

INSTRUCTIONS = (
    "Planrail turns a goal into a small checked program and runs it durably. run_goal plans and runs a goal; with run_plan "
    "you write the plan yourself, which needs no model on the server. Long runs answer with a run_id: ask get_run for it later."
)


class McpDoor:
    """The server of one door. `bus` carries changes to those who listen; `beside` makes what else it offers."""

    def __init__(self, door: Door, beside: Callable[[McpDoor], Beside] | None = None) -> None:
        self.door = door
        self.bus = InMemorySubscriptionBus()
        self.subscribed = Subscribed(door, self.bus)
        self._resources = Resources(door)
        self._runs = RunTools(door)
        self._tasks = RunTasks(door)
        self._offers: dict[str, Offer] | None = None
        self._listed: list[Tool] = []
        door.house.hub.changed.append(self._changed)
        self.server: Server[Any] = Server(
            "planrail", title="Planrail", version=version("planrail"), instructions=INSTRUCTIONS,
            on_list_tools=self._list_tools, on_call_tool=self._call, on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates, on_read_resource=self._read, on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt, on_completion=self._complete, on_subscribe_resource=self._subscribe,
            on_unsubscribe_resource=self._unsubscribe, on_subscriptions_listen=ListenHandler(self.bus),
        )  # fmt: skip
        self.server.get_tool_input_schema = self._input_schema  # else HTTP lists all tools for the headers of each call
        self._tasks.bind(self.server)
        self.beside = Beside() if beside is None else beside(self)
        for method, (params, handler) in self.beside.handlers.items():
            self.server.add_request_handler(method, params, handler)

    def options(self) -> Any:
        """What an older client is told in the handshake: that lists change."""
        changes = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
        return self.server.create_initialization_options(changes)

    def offers(self) -> dict[str, Offer]:
        """The tools, by name, in the order in which they are listed; made anew when other servers' have changed."""
        if self._offers is None:
            found = self._runs.offers()
            room = self.door.terms.tools_tokens - sum(map(tokens_of, found))
            self._offers = {o.name: o for o in (*found, *own_offers(self.door, room), *self.beside.offers)}
            self._listed = [o.tool() for o in self._offers.values()]
        return self._offers

    def _input_schema(self, name: str) -> dict[str, Any] | None:
        offer = self.offers().get(name)
        return None if offer is None else dict(offer.input_schema)

    def _changed(self) -> None:
        self._offers = None
        self.subscribed.tools_stale.set()

    async def _list_tools(self, ctx: Ctx, params: PaginatedRequestParams | None) -> ListToolsResult:
        self.subscribed.listed(ctx)
        self.offers()
        return ListToolsResult(tools=self._listed)

    async def _call(self, ctx: Ctx, params: CallToolRequestParams) -> Answer:
        headers = getattr(ctx.request, "headers", None)
        came = traceparent_of((ctx.meta or {}).get(HEADER)) or (None if headers is None else header_of(headers.items()))
        with arriving(came):
            return await called(self.offers(), ctx, params)

    async def _list_resources(self, ctx: Ctx, params: PaginatedRequestParams | None) -> ListResourcesResult:
        found = await self._resources.listed(self.door.principal(ctx))
        return ListResourcesResult(resources=[*found, *self.beside.resources])

    async def _list_templates(self, ctx: Ctx, params: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=[*TEMPLATES, *self.beside.templates])

    async def _read(self, ctx: Ctx, params: ReadResourceRequestParams) -> ReadResourceResult:
        found = self.beside.read(str(params.uri))
        return found or await self._resources.read(str(params.uri), self.door.principal(ctx))

    async def _list_prompts(self, ctx: Ctx, params: PaginatedRequestParams | None) -> ListPromptsResult:
        return ListPromptsResult(prompts=[*prompts.listed(self.door), *(p for p, _ in self.beside.prompts)])

    async def _get_prompt(self, ctx: Ctx, params: GetPromptRequestParams) -> GetPromptResult | InputRequiredResult:
        for prompt, prompted in self.beside.prompts:
            if prompt.name == params.name:
                return await prompted(ctx, params)
        return prompts.got(self.door, params.name, dict(params.arguments or {}))

    async def _complete(self, ctx: Ctx, params: CompleteRequestParams) -> CompleteResult:
        name, value = params.argument.name, params.argument.value
        if isinstance(params.ref, PromptReference):
            return CompleteResult(completion=prompts.completed(self.door, params.ref.name, name, value))
        found = await self._resources.completed(params.ref.uri, name, value, self.door.principal(ctx))
        return CompleteResult(completion=found)

    async def _subscribe(self, ctx: Ctx, params: SubscribeRequestParams) -> EmptyResult:
        self.subscribed.add(ctx, str(params.uri), self.door.principal(ctx))
        return EmptyResult()

    async def _unsubscribe(self, ctx: Ctx, params: UnsubscribeRequestParams) -> EmptyResult:
        self.subscribed.remove(ctx, str(params.uri))
        return EmptyResult()
