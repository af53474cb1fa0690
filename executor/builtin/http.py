"""The namespace `http`: read public pages, send to services. What comes back is untrusted."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from executor.builtin.http_settings import HttpSettings
from executor.builtin.page import Page
from executor.tool import ToolContext, ToolFailed, tool
from executor.toolset import Toolset
from planner.toolspec import Json

if TYPE_CHECKING:  # they load an HTTP client, which takes 0.2 s
    from executor.builtin.addresses import Resolve
    from executor.builtin.pages import Pages

_SPARE_S = 5.0  # what the tool's own time-out allows beyond the exchange's


def http_tools(settings: HttpSettings, *, resolve: Resolve | None = None) -> Toolset:
    """The tools of the namespace `http` under these settings; `resolve` stands in for the system's resolver."""

    @cache
    def pages() -> Pages:
        from executor.builtin.pages import Pages  # noqa: PLC0415  # loaded by the first call: a plan is checked without it

        return Pages(settings, resolve)

    time_out = settings.timeout_s + _SPARE_S

    @tool(
        effect="read", open_world=True, sensitive=("url",), labels={"": "untrusted"}, not_found=True,
        timeout_s=time_out, seconds=1.0, server_in="url",
    )  # fmt: skip
    async def fetch(url: str, context: ToolContext) -> Page | ToolFailed:
        """Fetch a public http(s) URL."""
        return await pages().fetch(url, context)

    @tool(
        effect="irreversible", open_world=True, sensitive=("url",), labels={"": "untrusted"}, not_found=True,
        timeout_s=time_out, seconds=1.0, server_in="url",
    )  # fmt: skip
    async def post(url: str, body: Json, context: ToolContext) -> Page | ToolFailed:
        """Post JSON to a public http(s) URL."""
        return await pages().post(url, body, context)

    tools: list[Callable[..., Any]] = [fetch, post]
    return Toolset.declared("http", tools)
