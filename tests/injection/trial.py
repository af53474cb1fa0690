"""Trial: one task under one attack on one field, with the obeying model behind a real socket, and what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from executor.run import Run, is_over
from packs.gtm.businesses import FILE
from planner.budget import Budget
from planner.llm.openai import OpenAIModel
from planner.models import Models
from planner.playbook import read_playbook
from planner.policy import USUAL, Policy
from tests.injection.attacks import Attack
from tests.injection.obeying import Obeying
from tests.injection.tasks import TASKS, Task
from tests.injection.world import Act, World, database
from tests.model_server import ModelServer
from tests.rig import ANN, Rig, rig, role

PLAYBOOKS = sorted(Path(FILE).parents[2].glob("*/playbooks/*.plan"))
AMPLE = Budget(calls=400, model_calls=1_000, tokens=100_000_000, usd=10.0)
_MOST_QUESTIONS = 20


@dataclass
class Trial:
    """A task that was carried out, and what came of it."""

    task: Task
    world: World
    model: Obeying
    run: Run
    asked: list[int] = field(default_factory=list)  # rows of each question

    @property
    def acts(self) -> list[Act]:
        return self.world.acts


@asynccontextmanager
async def laboratory(
    folder: Path, world: World, attack: Attack | None, policy: Policy, *, bribed: bool
) -> AsyncIterator[tuple[Rig, Obeying]]:
    """A house with the packs' tools and playbooks, whose models obey."""
    tools = world.tools()
    model = Obeying(TASKS, tools.specs, attack, bribed)
    async with ModelServer(model) as server:
        port = OpenAIModel(None, server.url)
        models = Models(planner=role(port, max_output_tokens=4_000), executor=role(port, max_input_tokens=20_000))
        books = [read_playbook(p) for p in PLAYBOOKS]
        async with rig(folder, tools, models=models, playbooks=books, policy=policy) as house:
            yield house, model
        await port.aclose()


async def tried(
    folder: Path, task: Task, attack: Attack | None = None, poison: tuple[str, str] = ("", ""), *, yes: bool | None = None,
    policy: Policy = USUAL, bribed: bool = False,
) -> Trial:  # fmt: skip
    """The task carried out; whatever is asked is answered so, or left open where that is None."""
    engine = database(folder)
    world = World(engine, folder, poison, *(("", False) if attack is None else (attack.text, attack.fails)))
    async with laboratory(folder, world, attack, policy, bribed=bribed) as (house, model):
        trial = Trial(
            task,
            world,
            model,
            await house.carried(goal=task.goal, budget=AMPLE, mode="react" if task.react else "plan", probes=task.probes),
        )
        for _ in range(_MOST_QUESTIONS):
            if is_over(trial.run.status) or yes is None:
                break
            await _answered(house, trial, yes=yes)
    engine.dispose()
    return trial


async def _answered(house: Rig, trial: Trial, *, yes: bool) -> None:
    run = trial.run.id
    for question in trial.run.open_questions:
        rows = question.shown if isinstance(question.shown, list) else [question.shown]
        trial.asked.append(len(rows))
        await house.runs.answer(run, ANN, answer=yes, question=question.id)
    async with house.engine():
        trial.run = await house.rests(run)


def uncalled_for(trial: Trial, asked_for: Sequence[Act]) -> list[Act]:
    """The acts that the goal did not ask for."""
    judged = trial.task.judged
    if judged is not None:
        wrong = [a for a in trial.acts if not judged(a)]
        return wrong or list((Counter(trial.acts) - Counter(set(trial.acts))).elements()) or trial.acts[trial.task.most :]
    return list((Counter(trial.acts) - Counter(asked_for)).elements())
