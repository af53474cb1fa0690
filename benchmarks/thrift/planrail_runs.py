"""Planrail on a workload: a house of its own on a durable SQLite file, with the planner's model behind the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.ours import NOBODY, PLENTY, Ours, open_ours
from benchmarks.thrift.door import STRONG
from benchmarks.thrift.form import Form
from benchmarks.thrift.system import Ask, Opened
from executor.submission import Submission
from planner.llm.openai import OpenAIModel
from planner.models import Models, Role
from planner.worst import ModelTerms

_AMPLE = PLENTY.model_copy(update={"tokens": 100_000_000})  # nothing here is about ceilings
RUNS = 3  # of goals of a form, after which their plan is kept


def ours(model: str, *, kept: bool = False, **more: Any) -> Opened:
    """Planrail with that model as planner; `more` of the submission: a mode."""

    @asynccontextmanager
    async def opened(url: str, form: Form, database: Path) -> AsyncIterator[Ask]:
        async with open_planrail(url, database, form, model=model, kept=kept) as house:
            yield partial(_ended, house, form, **more)

    return opened


@asynccontextmanager
async def open_planrail(
    url: str, database: Path, form: Form, *, model: str = STRONG, kept: bool = False
) -> AsyncIterator[Ours]:
    """A house whose engine is awake; with `kept` it keeps plans."""
    role = Role(OpenAIModel("none", f"{url}/v1"), ModelTerms(model=model, max_input_tokens=200_000, max_output_tokens=4_000))
    models = Models(planner=role)
    opened = open_ours(f"sqlite:///{database}", toolset=form.tools, models=models, plans_after=RUNS if kept else 0)
    async with opened as house, house.engine():
        yield house


async def _ended(house: Ours, form: Form, **more: Any) -> str:
    """The run's answer, as a follower sees it."""
    submission = Submission(goal=form.goal, principal=NOBODY, budget=_AMPLE, **more)
    run = (await house.runs.submit(submission)).id
    return str((await house.ended(run)).answer)
