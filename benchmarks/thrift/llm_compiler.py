"""LLMCompiler: its planner, its task fetching and its joiner, written after https://github.com/SqueezeAILab/LLMCompiler.

The planner writes numbered lines; a task starts while the plan streams, as soon as the tasks it names as `$n` are done, and
`$n` becomes the whole text of that output. One strong call then joins: it reads every action, as it was called, and every
observation, and answers, or has the planner called again, which reads them all, too. Prompts and formats are the original's
with its shortest examples (HotpotQA's); here a task that waits is woken at once, where the original looks every 10 ms, and one
that fails is an observation, where the original hangs. It may start what has an effect while the plan streams: nothing is
checked.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from openai import AsyncOpenAI
from pydantic import validate_call

from benchmarks.thrift.form import Form
from benchmarks.thrift.perfect import END_OF_PLAN, ERROR, PREVIOUS
from benchmarks.thrift.workloads import FUNCTIONS
from executor.tool import ToolFailed

_ACTION = re.compile(r"\n*(\d+)\. (\w+)\((.*)\)")
_REFERENCE = re.compile(r"\$\{?(\d+)\}?")
_PLAN = """\
Given a user query, create a plan to solve it with the utmost parallelizability. Each plan should comprise an action from the \
following {number} types:
{tools}
{number}. join():
 - Collects and combines results from prior actions.
 - A LLM agent is called upon invoking join to either finalize the user query or wait until the plans are executed.
 - join should always be the last action in the plan, and will be called in two scenarios:
   (a) if the answer can be determined by gathering the outputs from tasks to generate the final response.
   (b) if the answer cannot be determined in the planning phase before you execute the plans. 

Guidelines:
 - Each action described above contains input/output types and description.
    - You must strictly adhere to the input and output types for each action.
    - The action descriptions contain the guidelines. You MUST strictly follow those guidelines when you use the actions.
 - Each action in the plan should strictly be one of the above types. Follow the Python conventions for each action.
 - Each action MUST have a unique ID, which is strictly increasing.
 - Inputs for actions can either be constants or outputs from preceding actions. In the latter case, use the format $id to \
denote the ID of the previous action whose output will be the input.
 - Always call join as the last action in the plan. Say '{end}' after you call join
 - Ensure the plan maximizes parallelizability.
 - Only use the provided action types. If a query cannot be addressed using these, invoke the join action for the next steps.
 - Never explain the plan with comments (e.g. #).
 - Never introduce new actions other than the ones provided.
{replanning}
Here are some examples:

Question: Which magazine was started first Arthur's Magazine or First for Women?
1. search("Arthur's Magazine")
2. search("First for Women (magazine)")
Thought: I can answer the question now.
3. join(){end}
###

Question: Were Pavel Urysohn and Leonid Levin known for the same type of work?
1. search("Pavel Urysohn")
2. search("Leonid Levin")
Thought: I can answer the question now.
3. join(){end}
###

Question: {goal}"""  # noqa: W291  # the original's own text
_REPLANNING = """\
 - You are given "Previous Plan" which is the plan that the previous agent created along with the execution results (given \
as Observation) of each plan and a general thought (given as Thought) about the executed results.You MUST use these \
information to create the next plan under "Current Plan".
 - When starting the Current Plan, you should start with "Thought" that outlines the strategy for the next plan.
 - In the Current Plan, you should NEVER repeat the actions that are already executed in the Previous Plan.
"""
_JOIN = """\
Solve a question answering task with interleaving Observation, Thought, and Action steps. Here are some guidelines:
  - You will be given a Question and some observations.
  - Thought needs to reason about the question based on the Observations in 1-2 sentences.
  - There are cases where the Observations are unclear or irrelevant. In such a case you must make a best guess.

Action can be only two types:
 (1) Finish(answer): returns the answer and finishes the task.
 (2) Replan(reason): has another plan made.

Here are some examples:

Question: Which magazine was started first Arthur's Magazine or First for Women?

search(Arthur's Magazine)
Observation: Arthur's Magazine (1844-1846) was an American literary periodical published in Philadelphia in the 19th century.
search(First for Women (magazine))
Observation: First for Women is a magazine published by Bauer Media Group in the USA. The magazine was started in 1989.
Thought: First for Women was started in 1989. 1844 (Arthur's Magazine) < 1989 (First for Women), so Arthur's was first.
Action: Finish(Arthur's Magazine)
###

Question: {goal}

{scratchpad}
"""


@dataclass
class Task:
    """One line of the plan. `arguments` hold, once it has run, what it was called with."""

    number: int
    tool: str
    arguments: tuple[Any, ...]
    needs: frozenset[int]
    thought: str = ""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    observation: str = ""

    async def run(self, tasks: dict[int, Task]) -> None:
        for need in self.needs:
            await tasks[need].done.wait()
        self.arguments = tuple(_substituted(a, tasks) for a in self.arguments)
        function = FUNCTIONS[self.tool]
        output = await validate_call(function)(*_typed(function, self.arguments))
        self.observation = f"{ERROR}{output.message}" if isinstance(output, ToolFailed) else output.model_dump_json()
        self.done.set()

    def told(self, *, numbered: bool = False) -> str:
        """The action and its observation, as the joiner and the replanner read them."""
        given = str(self.arguments[0]) if len(self.arguments) == 1 else str(self.arguments)
        number = f"{self.number}. " if numbered else ""
        return f"{self.thought}{number}{self.tool}{given}\nObservation: {self.observation}\n"


async def llm_compiler(url: str, form: Form, model: str) -> str:
    """The joiner's answer."""
    scratchpad = previous = ""
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        while True:
            tasks = await _carried_out(client, model, plan_prompt(form, previous))
            scratchpad = f"{scratchpad}\n\n{''.join(t.told() for t in tasks)}".strip()
            prompt = _JOIN.format(goal=form.goal, scratchpad=scratchpad)
            joined = await client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}])
            thought, _, action = str(joined.choices[0].message.content).partition("\nAction: ")
            if action.startswith("Finish("):
                return action.removeprefix("Finish(").rpartition(")")[0]
            told = "\n".join(t.told(numbered=True) for t in tasks)
            previous += f"{PREVIOUS}\n{told}\n\n{thought}\n\n"


async def _carried_out(client: AsyncOpenAI, model: str, prompt: str) -> list[Task]:
    """The plan's tasks, each started as soon as it can be."""
    tasks: dict[int, Task] = {}
    thought = ""
    async with asyncio.TaskGroup() as group:
        async for line in _streamed_lines(client, model, prompt):
            task = _task(line, thought)
            thought = f"{line}\n" if line.startswith("Thought: ") else ""
            if task is not None:
                tasks[task.number] = task
                group.create_task(task.run(tasks))
    return list(tasks.values())


def plan_prompt(form: Form, previous: str = "") -> str:
    """What the planner is sent; `previous` are the plans that were not enough, with what came of them."""
    names = [name.replace(".", "_") for name in form.tools.specs]
    tools = "\n".join(f"{n}. {_described(name)}" for n, name in enumerate(names, 1))
    replanning, current = (_REPLANNING, f"{previous}Current Plan:\n\n") if previous else ("", "")
    return _PLAN.format(
        number=len(names) + 1, tools=tools, end=END_OF_PLAN, replanning=replanning, goal=f"{form.goal}{current}"
    )


def _described(name: str) -> str:
    function = FUNCTIONS[name]
    return f"{name}{inspect.signature(function, eval_str=False)}:\n - {function.__doc__}".replace("'", "")


async def _streamed_lines(client: AsyncOpenAI, model: str, prompt: str) -> AsyncIterator[str]:
    chunks = await client.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt}], stream=True)
    text = ""
    async for chunk in chunks:
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        *lines, text = text.split("\n")
        for line in lines:
            yield line
    yield text


def _task(line: str, thought: str) -> Task | None:
    """The task of a line, after that thought; None for the join and for a thought."""
    found = _ACTION.match(line)
    if found is None or found[2] == "join":
        return None
    arguments = ast.literal_eval(f"({found[3]},)")
    return Task(int(found[1]), found[2], arguments, frozenset(int(n) for n in _REFERENCE.findall(found[3])), thought)


def _substituted(argument: Any, tasks: dict[int, Task]) -> Any:
    if not isinstance(argument, str):
        return argument
    return _REFERENCE.sub(lambda m: tasks[int(m[1])].observation, argument)


def _typed(function: Any, arguments: tuple[Any, ...]) -> list[Any]:
    """What the tool takes: where it is handed a whole output, it finds the value that it needs in there."""
    wanted = list(inspect.signature(function).parameters)
    return [_found(name, a) for name, a in zip(wanted, arguments, strict=False)]


def _found(name: str, argument: Any) -> Any:
    if not (isinstance(argument, str) and argument.startswith("{")):
        return argument
    output = json.loads(argument)
    return output["next"] if name == "id" else output[name]
