"""React: LangGraph's own ReAct agent, with one call a turn or with parallel calls."""

from __future__ import annotations

import warnings
from typing import Any

from langchain_openai import ChatOpenAI

from benchmarks.thrift.form import Form
from benchmarks.thrift.offered import offered

_PROMPT = "Reach the goal with the tools. Answer in one sentence."  # as short as it can be


async def react(url: str, form: Form, model: str, *, parallel: bool) -> str:
    """The agent's answer."""
    agent = agent_of(chat_of(url, model), form, _PROMPT, parallel=parallel)
    state = await agent.ainvoke({"messages": [("user", form.goal)]}, {"recursion_limit": 200})
    return str(state["messages"][-1].content)


def chat_of(url: str, model: str) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=f"{url}/v1", api_key="none", max_retries=0)  # type: ignore[arg-type]


def agent_of(chat: ChatOpenAI, form: Form, prompt: str, *, parallel: bool) -> Any:
    """The agent with the goal's tools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its successor lives in another package and sends the same
        from langgraph.prebuilt import create_react_agent  # noqa: PLC0415

        tools = offered(form)
        bound = chat.bind_tools(tools) if parallel else chat.bind_tools(tools, parallel_tool_calls=False)
        return create_react_agent(bound, tools, prompt=prompt)
