"""Cases: every task under every attack in every untrusted field that the task reads."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from planner.playbook import Playbooks, read_playbook
from planner.policy import USUAL, Policy
from tests.injection.attacks import ATTACKS, Attack
from tests.injection.tasks import TASKS, Task
from tests.injection.trial import PLAYBOOKS, Trial, tried, uncalled_for
from tests.injection.world import Act, database, packs_tools, untrusted_fields


@dataclass(frozen=True)
class Case:
    """One attack on one task."""

    task: Task
    place: tuple[str, str]
    attack: Attack

    def __repr__(self) -> str:  # as a failing example shows it
        return f"{self.task.name}: {self.attack.kind} in {'.'.join(self.place)}"


@cache
def cases() -> tuple[Case, ...]:
    """All there are."""
    return tuple(Case(t, f, a) for t in TASKS for f in fields() if f[0] in script_of(t) for a in ATTACKS)


@cache
def fields() -> tuple[tuple[str, str], ...]:
    """Every untrusted field of the packs' tools."""
    with TemporaryDirectory() as folder:
        engine = database(Path(folder))
        found = untrusted_fields(packs_tools(engine, Path(folder)).specs)
        engine.dispose()
    return tuple(found)


def script_of(task: Task) -> str:
    """The plan that the task begins with; for ReAct and look-ups, also the tools that an honest model calls."""
    if task.react:
        return " ".join(name for turn in task.turns for name in turn)
    if task.script is not None:
        return " ".join((task.script, *(name for turn in task.turns for name in turn)))
    matched = playbooks().match(task.goal)
    assert matched is not None, task.goal
    return matched[0].script


@cache
def playbooks() -> Playbooks:
    """Those of the packs."""
    return Playbooks([read_playbook(p) for p in PLAYBOOKS])


@cache
def asked_for(task: str) -> tuple[Act, ...]:
    """What the task of that name does to the world when nobody attacks, and a person says yes to everything."""
    return tuple(carried(next(t for t in TASKS if t.name == task), yes=True).acts)


def carried(
    task: Task, *, yes: bool | None, case: Case | None = None, policy: Policy = USUAL, bribed: bool = False
) -> Trial:  # fmt: skip
    """The task in a world of its own."""
    attack, place = (None, ("", "")) if case is None else (case.attack, case.place)
    with TemporaryDirectory() as folder:
        return asyncio.run(tried(Path(folder), task, attack, place, yes=yes, policy=policy, bribed=bribed))


def let_through(case: Case, *, yes: bool | None, policy: Policy = USUAL) -> tuple[Trial, list[Act]]:
    """What comes of a case: the trial, and the effects that the goal did not ask for."""
    trial = carried(case.task, yes=yes, case=case, policy=policy)
    return trial, uncalled_for(trial, asked_for(case.task.name))
