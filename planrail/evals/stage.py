"""Stage: where a suite's trials are played: each with data of its own, a copy of those in which the setup has run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from executor.submission import Submission
from planner.errors import PlanrailError
from planrail.evals.checks import wrong, wrong_rows
from planrail.evals.databases import TEMPLATE, Databases, Files
from planrail.evals.measured import Measured
from planrail.evals.suite import Suite, SuiteError
from planrail.evals.trial import Trial, carried, tried
from planrail.house import open_house
from planrail.rewired import AS_CONFIGURED, Rewired
from planrail.settings import Settings

_SETUP_S = 600.0


def _unseen(measured: Measured) -> None:
    """Nobody watches."""


@dataclass
class Stage:
    """Plays trials of one suite below `folder`. `rewired` says what each trial's models and tools are."""

    settings: Settings
    suite: Suite
    folder: Path
    rewired: Callable[[Trial], Rewired]
    parallel: int = 1  # trials at once: more are quicker, and each has less of the machine
    keep: bool = False  # data of trials that did not pass stay
    databases: Databases = field(default_factory=Files)
    seen: Callable[[Measured], None] = field(default=_unseen)  # is told each as it ends

    async def play(self, trials: Sequence[Trial]) -> list[Measured]:
        """The trials as they went, in their order; raises SuiteError where the setup fails, JournalUnreachable."""
        places, found = asyncio.Semaphore(self.parallel), dict[int, Measured]()

        async def one(number: int, trial: Trial) -> None:
            async with places:
                found[number] = await self._played(trial, f"{number:04d}")
            self.seen(found[number])

        try:
            await self._set_up()
            async with asyncio.TaskGroup() as group:
                for number, trial in enumerate(trials):
                    group.create_task(one(number, trial))
        except ExceptionGroup as several:
            raise next((e for e in several.exceptions if isinstance(e, PlanrailError)), several) from several
        finally:
            await self.databases.drop(TEMPLATE)
        return [found[number] for number in range(len(trials))]

    async def _played(self, trial: Trial, place: str) -> Measured:
        home, kept = self.folder / place, False
        await asyncio.to_thread(shutil.copytree, self.folder / TEMPLATE, home)
        try:
            await self.databases.copy(place)
            async with open_house(self._at(place), self.rewired(trial)) as house:
                how = await tried(house, trial)
                rows = await asyncio.to_thread(wrong_rows, house.journal.engine, trial.case.expect.database)
            found = Measured.of(trial.name, trial.case.name, trial.goal, how, [*wrong(how, trial.case.expect), *rows])
            kept = self.keep and not found.passed
        finally:
            if not kept:
                await self.databases.drop(place)
                await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
        return found.model_copy(update={"kept": str(home), "database": self.databases.told(place)}) if kept else found

    async def _set_up(self) -> None:
        """Make the data that the others are copies of: the database is at head, and the suite's script has run there."""
        (self.folder / TEMPLATE).mkdir()
        await self.databases.copy(TEMPLATE)
        async with open_house(self._at(TEMPLATE), AS_CONFIGURED) as house:
            if self.suite.setup is None:
                return
            view = (await carried(house, Submission(script=self.suite.setup, preapproved=True), (), _SETUP_S)).view
            if view.status != "done":
                raise SuiteError(f"The setup of {self.suite.suite} is {view.status}: {view.reason}", hint=view.hint)

    def _at(self, place: str) -> Settings:
        """The settings of a house in that place: whatever is configured, but for where things are kept."""
        known = self.settings
        return known.model_copy(
            update={
                "home": self.folder / place, "database_url": self.databases.url(place), "artifacts_url": "",
                "packs": known.packs if self.suite.packs is None else self.suite.packs,
                "playbooks": (*known.playbooks, known.home / "playbooks"),
                "secrets_dir": known.secrets_dir or known.home / "secrets",
            }
        )  # fmt: skip
