"""Rival: LangGraph with its own savers, durability "sync": a superstep's checkpoint is written before the next one starts."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

_POOL = 10  # connections, as many as Planrail's pool keeps


class State(TypedDict):
    x: int
    xs: Annotated[list[int], operator.add]


async def _node(state: State) -> dict[str, int]:
    return {"x": state["x"]}


async def _item(state: State) -> dict[str, list[int]]:
    return {"xs": [state["x"]]}


def chain_graph(length: int = 10) -> StateGraph[Any]:
    """So many nodes in a row."""
    graph = StateGraph(State)
    for i in range(length):
        graph.add_node(f"n{i}", _node)
        graph.add_edge(START if i == 0 else f"n{i - 1}", f"n{i}")
    graph.add_edge(f"n{length - 1}", END)
    return graph


def fan_out_graph(width: int = 50) -> StateGraph[Any]:
    """So many nodes at once."""
    graph = StateGraph(State)
    graph.add_node("item", _item)
    graph.add_conditional_edges(START, lambda s: [Send("item", {"x": i}) for i in range(width)])
    graph.add_edge("item", END)
    return graph


class Rival:
    """Graphs on one saver; each invocation is a thread of its own."""

    def __init__(self, saver: BaseCheckpointSaver[Any], synchronous: str) -> None:
        self.synchronous = synchronous  # what the database says
        self._compiled = {
            "chain": chain_graph().compile(checkpointer=saver),
            "fan-out": fan_out_graph().compile(checkpointer=saver),
        }
        self._threads = 0

    async def run(self, name: str, count: int = 1) -> None:
        """Invoke the graph so many times at once."""
        await asyncio.gather(*(self._invoke(name) for _ in range(count)))

    async def _invoke(self, name: str) -> None:
        self._threads += 1
        config: RunnableConfig = {"configurable": {"thread_id": str(self._threads)}}
        await self._compiled[name].ainvoke({"x": 1, "xs": []}, config, durability="sync")


@asynccontextmanager
async def rival_on_sqlite(path: str) -> AsyncIterator[Rival]:
    """LangGraph on an SQLite file; its saver sets WAL, and we every commit to be synced, as Planrail does."""
    async with AsyncSqliteSaver.from_conn_string(path) as saver:
        await saver.setup()
        await saver.conn.execute("pragma synchronous=full")
        async with saver.conn.execute("pragma synchronous") as cursor:
            found = await cursor.fetchone()
        yield Rival(saver, str(found[0]) if found else "?")


@asynccontextmanager
async def rival_on_postgres(url: str) -> AsyncIterator[Rival]:
    """LangGraph on PostgreSQL, with a pool, as its documentation has it."""
    kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, min_size=_POOL, max_size=_POOL, kwargs=kwargs, open=False) as pool:
        saver = AsyncPostgresSaver(pool)  # type: ignore[arg-type]  # its rows are dicts by `row_factory`
        await saver.setup()
        async with pool.connection() as connection:
            cursor = await connection.execute("show synchronous_commit")
            found = await cursor.fetchone()
        yield Rival(saver, str(next(iter(found.values()))) if found else "?")  # type: ignore[attr-defined]
