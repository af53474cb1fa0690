"""Ailments of models and of what they may cost."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tests.ailments.ailment import ailment
from tests.ailments.ward import Ward, answering
from tests.model_server import ModelServer, Script

PRICE = "[prices.big]\ninput = 2.5\ncached_input = 1.0\noutput = 10.0\n"
NOWHERE = "http://127.0.0.1:9/v1"


def _served(ward: Ward, server: ModelServer, **env: str) -> None:
    ward.env |= {"OPENAI_BASE_URL": server.url, "PLANRAIL_PLANNER_MODEL": "big", "PLANRAIL_EXECUTOR_MODEL": "small", **env}


@ailment("no model for plans", "planner model", "note", "goals match playbooks only", "Set OPENAI_API_KEY")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ModelServer() as server:
        yield
        _served(ward, server)
        yield


@ailment("no model for steps", "executor model", "note", "`ask` takes its otherwise=", "PLANRAIL_EXECUTOR_MODEL")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ModelServer() as server:
        ward.env |= {"PLANRAIL_PLANNER_BASE_URL": server.url, "PLANRAIL_PLANNER_MODEL": "big"}
        yield
        _served(ward, server)
        yield


@ailment("a model's address without a name", "planner model", "problem", "but no name", "Set PLANRAIL_PLANNER_MODEL.")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ModelServer() as server:
        ward.env["PLANRAIL_PLANNER_BASE_URL"] = server.url
        yield
        ward.env["PLANRAIL_PLANNER_MODEL"] = "big"
        yield


@ailment(
    "a model's name without key or address", "executor model", "problem", "neither key nor address", "Set PLANRAIL_EXECUTOR"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ModelServer() as server:
        ward.env["PLANRAIL_EXECUTOR_MODEL"] = "small"
        yield
        ward.env["PLANRAIL_EXECUTOR_BASE_URL"] = server.url
        yield


@ailment(
    "a model's endpoint that is down", "planner model", "problem", "cannot be reached", "correct PLANRAIL_PLANNER_BASE_URL"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env |= {"PLANRAIL_PLANNER_MODEL": "big", "OPENAI_BASE_URL": NOWHERE}
    yield
    async with ModelServer() as server:
        ward.env["OPENAI_BASE_URL"] = server.url
        yield


@ailment("a model's key that is refused (401)", "planner model", "problem", "refuses the key", "Set PLANRAIL_PLANNER_API_KEY")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("401 Unauthorized") as port, ModelServer() as server:
        _served(ward, server, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1", OPENAI_API_KEY="hush-hush")
        yield
        _served(ward, server)
        yield


@ailment("a model's endpoint that is ill (5xx)", "executor model", "problem", "is down (503)", "name another endpoint")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with answering("503 Service Unavailable") as port, ModelServer() as server:
        _served(ward, server, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
        yield
        _served(ward, server)
        yield


@ailment("a model that the endpoint does not have", "planner model", "note", "is not among the 2", "PLANRAIL_PLANNER_MODEL")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ModelServer(script=Script(models=("big", "small"))) as server:
        _served(ward, server, PLANRAIL_PLANNER_MODEL="bigger")
        yield
        ward.env["PLANRAIL_PLANNER_MODEL"] = "big"
        yield


@ailment("a model whose price nobody knows", "planner price", "note", "nobody knows what big costs", "Add [prices.big]")
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ModelServer() as server:
        _served(ward, server)
        yield
        ward.toml(PRICE)
        yield


@ailment("a key that is sent over the open network in clear", "planner key", "note", "in clear", "with https")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.env |= {"PLANRAIL_PLANNER_MODEL": "big", "OPENAI_API_KEY": "sesame", "OPENAI_BASE_URL": "http://models.invalid/v1"}
    yield
    ward.env["OPENAI_BASE_URL"] = "https://models.invalid/v1"


@ailment(
    "a ceiling that no plan can meet", "ceiling auth.limits.usd_per_day", "problem",
    "less than one plan", "Raise auth.limits.usd_per_day",
)  # fmt: skip
async def _(ward: Ward) -> AsyncIterator[None]:
    async with ModelServer() as server:
        _served(ward, server)
        ward.toml(f"[auth.limits]\nusd_per_day = 0.001\n{PRICE}")
        yield
        ward.toml(f"[auth.limits]\nusd_per_day = 10\n{PRICE}")
        yield
