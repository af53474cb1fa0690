"""Plan, execute: the classic graph on LangGraph, as its plan-and-execute tutorial has it: plan → carry out one step → replan.

The strong model plans in words and, after each step, writes the steps that are left, or answers; the cheap one carries out a
step as a ReAct agent that sees the plan and no earlier step. Nodes, edges, what each is shown and the structured answers are
the tutorial's; the prompts say in fewer words what its prompts say. `together`: the planner is told that what can be done at
once is one step, which the tutorial leaves open and is the best for it.
"""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field

from benchmarks.thrift.form import Form
from benchmarks.thrift.perfect import DONE, TASK, TOGETHER
from benchmarks.thrift.react import agent_of, chat_of

PLANNING = """\
For the objective, write a simple plan, step by step, of single tasks that give the answer when they are carried out. No step \
too many; the last one's result is the answer. Each step has all that it needs to know."""
_OBJECTIVE = "\n\nObjective: "
_REPLAN = """\
{planning}{objective}{goal}

The plan was:
{plan}

{done}
{past}

Bring the plan up to date. If no step is needed any more, respond with the answer. Else write only the steps that still have \
to be done."""
_EXECUTOR = "You are a helpful assistant."


class State(TypedDict):
    plan: list[str]
    past: Annotated[list[tuple[str, str]], operator.add]
    response: str


class Plan(BaseModel):
    """Plan to follow."""

    steps: list[str] = Field(description="the steps, in their order")


class Response(BaseModel):
    """Answer to the user."""

    response: str


class Act(BaseModel):
    """What to do next."""

    action: Response | Plan = Field(description="Response to answer the user; Plan if tools are still needed for the answer")


async def plan_execute(url: str, form: Form, planner: str, executor: str, *, together: bool) -> str:
    """The replanner's answer."""
    graph = Graph(url, form, planner, executor, together=together).compiled()
    state = await graph.ainvoke({"plan": [], "past": [], "response": ""}, {"recursion_limit": 300})
    return str(state["response"])


class Graph:
    """The nodes of one goal."""

    def __init__(self, url: str, form: Form, planner: str, executor: str, *, together: bool) -> None:
        self._goal = form.goal
        self._planning = f"{PLANNING} {TOGETHER}" if together else PLANNING
        self._planner = chat_of(url, planner).with_structured_output(Plan, method="function_calling")
        self._replanner = chat_of(url, planner).with_structured_output(Act, method="function_calling")
        self._agent = agent_of(chat_of(url, executor), form, _EXECUTOR, parallel=True)

    def compiled(self) -> Any:
        graph = StateGraph(State)
        graph.add_node("planner", self._plan)
        graph.add_node("agent", self._execute)
        graph.add_node("replan", self._replan)
        graph.add_edge(START, "planner")
        graph.add_edge("planner", "agent")
        graph.add_edge("agent", "replan")
        graph.add_conditional_edges("replan", lambda state: END if state["response"] else "agent")
        return graph.compile()

    async def _plan(self, state: State) -> dict[str, Any]:
        plan = await self._planner.ainvoke([SystemMessage(self._planning), HumanMessage(self._goal)])
        return {"plan": plan.steps}  # type: ignore[union-attr]  # it is a Plan

    async def _execute(self, state: State) -> dict[str, Any]:
        plan = "\n".join(f"{n}. {step}" for n, step in enumerate(state["plan"], 1))
        task = state["plan"][0]
        told = f"For the following plan:\n{plan}\n\n{TASK}{task}"
        done = await self._agent.ainvoke({"messages": [("user", told)]})
        return {"past": [(task, done["messages"][-1].content)]}

    async def _replan(self, state: State) -> dict[str, Any]:
        told = _REPLAN.format(
            planning=self._planning, objective=_OBJECTIVE, goal=self._goal, plan=state["plan"], done=DONE, past=state["past"]
        )
        act = await self._replanner.ainvoke([HumanMessage(told)])
        action = act.action  # type: ignore[union-attr]  # it is an Act
        return {"response": action.response} if isinstance(action, Response) else {"plan": action.steps}
