"""React: LangGraph's own ReAct agent, with one call a turn or with parallel calls."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Coroutine
from typing import Any

from langchain_core.tools import StructuredTool
from langchain_openai import ChatOpenAI

from benchmarks.thrift.workloads import FUNCTIONS, Workload

_PROMPT = "Reach the goal with the tools. Answer in one sentence."  # as short as it can be


async def react(url: str, workload: Workload, model: str, *, parallel: bool) -> str:
    """The agent's answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its successor lives in another package and sends the same
        from langgraph.prebuilt import create_react_agent  # noqa: PLC0415

        chat = ChatOpenAI(model=model, base_url=f"{url}/v1", api_key="none", max_retries=0)  # type: ignore[arg-type]
        tools = [_offered(name.replace(".", "_")) for name in workload.tools.specs]
        bound = chat.bind_tools(tools) if parallel else chat.bind_tools(tools, parallel_tool_calls=False)
        agent = create_react_agent(bound, tools, prompt=_PROMPT)
    state = await agent.ainvoke({"messages": [("user", workload.goal)]}, {"recursion_limit": 200})
    return str(state["messages"][-1].content)


def _offered(name: str) -> StructuredTool:
    function: Callable[..., Coroutine[Any, Any, Any]] = FUNCTIONS[name]

    async def called(**arguments: Any) -> str:
        return str((await function(**arguments)).model_dump_json())

    described = StructuredTool.from_function(coroutine=function, name=name, description=function.__doc__ or "")
    return StructuredTool(name=name, description=described.description, args_schema=described.args_schema, coroutine=called)
