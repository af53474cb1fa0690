"""Trial: one case, tried once in a house of its own, and what is known of it afterwards."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from executor.errors import NotAnswerable
from executor.events import RunParked
from executor.run import Run, fold, is_over
from executor.submission import Principal, Submission
from planner.budget import Budget
from planrail.evals.noise import Noise, garbled
from planrail.evals.suite import Answered, Case
from planrail.house import House
from planrail.view import RunView

_PERSON = Principal()


@dataclass(frozen=True)
class Trial:
    """One case under one noise; `number` counts its repetitions, each of which has a seed of its own."""

    case: Case
    number: int = 0
    noise: Noise | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        return self.case.name if self.noise is None else f"{self.case.name} [{self.noise}]"

    @property
    def goal(self) -> str:
        """The goal's words as they are submitted."""
        goal = self.case.goal
        return goal if self.noise is None else garbled(goal, self.noise, self.seed + self.number)

    def submission(self, usual: Budget) -> Submission:
        """What is submitted, by a person."""
        case = self.case
        return Submission(
            goal=self.goal, script=case.script, playbook=case.playbook, params=dict(case.params), budget=case.budget or usual
        )


@dataclass(frozen=True)
class Tried:
    """How a trial went: the run as it is, and as people see it. `seconds` from the submission until nothing went on."""

    run: Run
    view: RunView
    seconds: float
    late: bool = False  # it was not over in the case's time


async def tried(house: House, trial: Trial) -> Tried:
    """Submit the trial's goal, answer what is asked, and wait until it is over, waits for nobody, or is late."""
    return await carried(house, trial.submission(house.settings.budget), trial.case.answers, trial.case.timeout_s)


async def carried(house: House, submission: Submission, answers: Sequence[Answered], timeout_s: float) -> Tried:
    """The same of any submission."""
    begun = time.monotonic()
    record = await house.runs.submit(submission)
    run, late = Run(record.id), False
    async with house.engine(only=frozenset((record.id,))):
        try:
            async with asyncio.timeout(timeout_s):
                await _still(house, run, answers)
        except TimeoutError:
            late = True
    seconds = time.monotonic() - begun
    if late:
        await house.runs.cancel(run.id, _PERSON)
    whole = await house.runs.get(run.id, _PERSON)
    return Tried(whole, house.viewer(whole).view(), seconds, late)


async def _still(house: House, run: Run, answers: Sequence[Answered]) -> None:
    """Follow the run until it has ended, or is parked on a question that the case does not answer."""
    async for recorded in house.runs.events(run.id, _PERSON):
        fold(run, [recorded])
        if is_over(run.status):
            return
        if isinstance(recorded.event, RunParked) and run.open_questions and not await _answered(house, run, answers):
            return


async def _answered(house: House, run: Run, answers: Sequence[Answered]) -> bool:
    """Whether one of the open questions has been answered."""
    found = False
    for question in run.open_questions:
        answer = next((a for a in answers if re.search(a.asks, question.text)), None)
        if answer is None:
            continue
        try:
            await house.runs.answer(run.id, _PERSON, answer.answer, question=question.id, refused=answer.refused)
            found = True
        except NotAnswerable:  # an answer that does not fit: the run stays parked, and the check of its status says so
            continue
    return found
