"""Stage: where a suite's trials are played: each in a data folder of its own, a copy of one in which the setup has run."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from executor.submission import Submission
from planrail.evals.checks import wrong, wrong_rows
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
    keep: bool = False  # folders of trials that did not pass stay
    seen: Callable[[Measured], None] = field(default=_unseen)  # is told each as it ends

    async def play(self, trials: Sequence[Trial]) -> list[Measured]:
        """The trials as they went, in their order; raises SuiteError where the setup fails."""
        await self._set_up()
        places, found = asyncio.Semaphore(self.parallel), dict[int, Measured]()

        async def one(number: int, trial: Trial) -> None:
            async with places:
                found[number] = await self._played(trial, self.folder / f"{number:04d}")
            self.seen(found[number])

        async with asyncio.TaskGroup() as group:
            for number, trial in enumerate(trials):
                group.create_task(one(number, trial))
        return [found[number] for number in range(len(trials))]

    async def _played(self, trial: Trial, home: Path) -> Measured:
        await asyncio.to_thread(shutil.copytree, self._template, home)
        async with open_house(self._at(home), self.rewired(trial)) as house:
            how = await tried(house, trial)
            rows = await asyncio.to_thread(wrong_rows, house.journal.engine, trial.case.expect.database)
        found = Measured.of(trial.name, trial.case.name, trial.goal, how, [*wrong(how, trial.case.expect), *rows])
        if self.keep and not found.passed:
            return found.model_copy(update={"kept": str(home)})
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)
        return found

    async def _set_up(self) -> None:
        """Make the folder that the others are copies of: its database is at head, and the suite's script has run there."""
        async with open_house(self._at(self._template), AS_CONFIGURED) as house:
            if self.suite.setup is None:
                return
            view = (await carried(house, Submission(script=self.suite.setup, preapproved=True), (), _SETUP_S)).view
            if view.status != "done":
                raise SuiteError(f"The setup of {self.suite.suite} is {view.status}: {view.reason}", hint=view.hint)

    @property
    def _template(self) -> Path:
        return self.folder / "template"

    def _at(self, home: Path) -> Settings:
        """The settings of a house in that folder: whatever is configured, but for where things are kept."""
        known = self.settings
        return known.model_copy(
            update={
                "home": home, "database_url": "", "artifacts_url": "",
                "packs": known.packs if self.suite.packs is None else self.suite.packs,
                "playbooks": (*known.playbooks, known.home / "playbooks"),
                "secrets_dir": known.secrets_dir or known.home / "secrets",
            }
        )  # fmt: skip
