"""Running: the commands that move a run: run, resume, answer, cancel, follow."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from executor.errors import NotAnswerable
from executor.journal.port import RunRecord
from executor.run import Run, fold, is_over
from planner.toolspec import Json
from planrail.answers import read_answer
from planrail.cli.asking import Reply, ask_person
from planrail.cli.errors import DONE, FAILED, Interrupted, UsageError
from planrail.cli.log import log_by
from planrail.cli.output import Output
from planrail.cli.request import Wish, budget_of, submission_of
from planrail.cli.screen import screen_of
from planrail.cli.session import run_session
from planrail.cli.watch import CODES, LOCAL, carry_on, tell_deadline, tell_end
from planrail.house import House, open_house
from planrail.settings import Settings, load_settings


def settings_here() -> Settings:
    """The settings of this process, and its log in their home."""
    settings = load_settings(os.environ, Path.cwd())
    log_by(settings)
    return settings


@dataclass
class Trip:
    """What a command carries on while it goes: a Ctrl-C names it."""

    run: str = ""


def in_house(settings: Settings, work: Callable[[House, Trip], Awaitable[int]]) -> int:
    """Do the work in the open house; raises Interrupted, which says how to resume what was carried on."""
    trip = Trip()

    async def session() -> int:
        async with open_house(settings) as house:
            return await work(house, trip)

    try:
        return run_session(session())
    except Interrupted as stopped:
        hint = f"planrail resume {trip.run} goes on from here." if trip.run else ""
        raise Interrupted(stopped.message, hint=hint) from None


def run(output: Output, wish: Wish, *, key: str | None) -> int:
    """Submit, carry on, show."""
    settings = settings_here()
    submission = submission_of(wish, settings.budget)

    async def work(house: House, trip: Trip) -> int:
        record = await house.runs.submit(submission, key=key)
        trip.run = record.id
        return await carry_on(house, record.id, output)

    return in_house(settings, work)


def submit(output: Output, wish: Wish, *, key: str | None) -> int:
    """Submit for a worker to carry on, and give the run's id."""
    settings = settings_here()
    submission = submission_of(wish, settings.budget)

    async def work(house: House, trip: Trip) -> int:
        return tell_submitted(output, await house.runs.submit(submission, key=key))

    return in_house(settings, work)


def tell_submitted(output: Output, record: RunRecord) -> int:
    """Say which run a worker is to carry on."""
    if output.json:
        output.document(record.model_dump(mode="json"))
    else:
        output.console.print(f"run    {record.id}\nfollow planrail follow {record.id}; a worker carries it on: planrail worker")
    return DONE


def resume(output: Output, name: str, *, budget: str | None) -> int:
    """Carry an interrupted or ended run on; one that is done is shown."""
    settings = settings_here()

    async def work(house: House, trip: Trip) -> int:
        state = await house.runs.get(name, LOCAL)
        if is_over(state.status) and state.status != "done":
            await house.runs.resume(state.id, LOCAL, budget=budget_of(budget, state.budget) if budget else None)
        elif budget:
            message = f"The run {state.id} is {state.status}: its ceilings can be changed when it has ended."
            raise NotAnswerable(message, hint=f"planrail cancel {state.id} ends it.")
        trip.run = state.id
        return await carry_on(house, state.id, output)

    return in_house(settings, work)


def answer(output: Output, name: str, question: str | None, reply: Reply | None) -> int:
    """Answer an open question, and carry the run on."""
    settings = settings_here()

    async def work(house: House, trip: Trip) -> int:
        state = await house.runs.get(name, LOCAL)
        said = reply if reply is not None else await _asked(output, state, question)
        if said is None:
            tell_end(output, house.viewer(state).view())
            return CODES.get(state.status, FAILED)
        await house.runs.answer(state.id, LOCAL, _meant(state, question, said), question=question, refused=said.refused)
        trip.run = state.id
        return await carry_on(house, state.id, output)

    return in_house(settings, work)


async def _asked(output: Output, state: Run, name: str | None) -> Reply | None:
    found = [q for q in state.open_questions if name in (None, q.id)]
    if not output.interactive or len(found) != 1:
        listed = ", ".join(q.id for q in state.open_questions) or "none"
        raise UsageError("Say what the answer is: --yes, --no, --only, --text, --value or --refuse.", hint=f"Open: {listed}.")
    return await ask_person(output, found[0])


def _meant(state: Run, name: str | None, said: Reply) -> Json:
    """The answer; a text is read by the question that it answers, where it can be. `Runs.answer` says what is wrong else."""
    found = [q for q in state.open_questions if name in (None, q.id)]
    if said.text is not None and len(found) == 1:
        with suppress(NotAnswerable):
            return read_answer(found[0], said.text)
    return said.answer


def reply_of_options(
    *, yes: bool, no: bool, text: str | None, value: str | None, refuse: bool, only: str | None = None
) -> Reply | None:
    """The reply that the options give; None without one; raises UsageError for several."""
    given: list[Reply] = []
    given += [Reply(True)] if yes else []
    given += [Reply(False)] if no else []
    given += [Reply(text, text=text)] if text is not None else []
    given += [Reply(_json(value))] if value is not None else []
    given += [Reply(refused=True)] if refuse else []
    given += [Reply(_numbers(only))] if only is not None else []
    if len(given) > 1:
        raise UsageError("Give one answer: --yes, --no, --only, --text, --value or --refuse.")
    return given[0] if given else None


def _numbers(text: str) -> Json:
    parts = [p.strip() for p in text.replace(" ", ",").split(",") if p.strip()]
    if not parts or not all(p.isascii() and p.isdigit() and len(p) < 10 for p in parts):
        raise UsageError("--only: Write numbers of the list, like 1,3.")
    return list(dict.fromkeys(int(p) for p in parts))


def _json(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"--value is no JSON: {error}.", hint="--text takes a text as it is.") from None


def cancel(output: Output, name: str) -> int:
    """Stop a run."""
    settings = settings_here()

    async def work(house: House, trip: Trip) -> int:
        record = await house.runs.cancel(name, LOCAL)
        if output.json:
            output.document(house.viewer(await house.runs.get(record.id, LOCAL)).view().model_dump(mode="json"))
        else:
            output.console.print(Text(f"{record.id} is {record.status}."), soft_wrap=True)
        return 0 if record.status == "cancelled" else FAILED

    return in_house(settings, work)


def follow(output: Output, name: str) -> int:
    """Show a run until it ends, whoever carries it on."""
    settings = settings_here()

    async def work(house: House, trip: Trip) -> int:
        record = await house.runs.record(name, LOCAL)
        run = Run(record.id)
        viewer = house.viewer(run)
        with screen_of(output) as screen:
            async for recorded in house.runs.events(record.id, LOCAL):
                fold(run, [recorded])
                if output.json:
                    output.document(recorded.model_dump(mode="json"))
                if recorded.event.type == "run_resumed":
                    viewer = house.viewer(run)
                tell_deadline(screen, run, recorded.event)
                screen.moved(viewer)
            if not output.json:
                screen.flush()
        if not output.json:
            tell_end(output, viewer.view())
        return CODES.get(run.status, FAILED)

    return in_house(settings, work)
