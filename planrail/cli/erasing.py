"""Erasing: the command `planrail erase`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table
from rich.text import Text

from executor.subject import Subject
from executor.submission import Principal
from planrail.cli.errors import DONE, FAILED, UsageError
from planrail.cli.output import Output
from planrail.cli.retaining import agreed, by_whom, counted, tell_space
from planrail.cli.run_text import STATUS_STYLES
from planrail.cli.running import Trip, in_house, settings_here
from planrail.cli.text import line, moment, plural
from planrail.erasing import Erased, Holding
from planrail.house import House

_SHOWN = 20  # runs and files that are told one by one


@dataclass(frozen=True)
class How:
    """What the options say."""

    principal: bool
    cancel: bool
    also: tuple[Path, ...]
    dry_run: bool
    yes: bool


def erase(output: Output, text: str | None, how: How) -> int:
    """Remove all that names the subject; raises UsageError and SubjectError."""
    subject = _subject(text, principal=how.principal)
    settings = settings_here()

    async def work(house: House, _: Trip) -> int:
        begun = datetime.now(UTC)
        holding = await house.erasing.look(subject, also=how.also)
        if not output.json:
            _tell(output, holding)
        before = await house.erasing.receipts(subject)  # the newest first: it was stopped in the middle, or finished
        unfinished = bool(before) and before[0].done_at is None
        if how.dry_run or (holding.empty and not unfinished):
            return _end(output, holding, None)
        if holding.going_on and not how.cancel:
            return _refused(output, holding)
        if not how.yes and not await agreed(output, "Remove all of it?"):
            return FAILED
        for run in holding.going_on:
            await house.runs.cancel(run.id, Principal(id=run.principal))
        return _end(output, holding, await house.erasing.erase(subject, by=by_whom(), begun=begun))

    return in_house(settings, work)


def _subject(text: str | None, *, principal: bool) -> Subject:
    if text is None:
        raise UsageError("Say what is to be erased: a name, an e-mail address or a phone number.")
    return Subject(text, principal=principal)


def _refused(output: Output, holding: Holding) -> int:
    """Nothing is removed while a run goes on that would bring it back."""
    ids = ", ".join(run.id for run in holding.going_on[:_SHOWN])
    message = f"{plural(len(holding.going_on), 'run')} that hold it are not over: {ids}. Nothing was removed."
    if output.json:
        output.document({**holding.model_dump(mode="json"), "erased": None, "problem": message})
    else:
        output.console.print(message, "--cancel ends them first.", soft_wrap=True)
    return FAILED


def _tell(output: Output, holding: Holding) -> None:
    console = output.console
    if holding.empty:
        console.print("Nothing here holds it.")
    for run in holding.runs[:_SHOWN]:
        why = "" if run.names_it else "made of the words of one that does"
        console.print(Text.assemble(run.id, "  ", (f"{run.status:9}", STATUS_STYLES[run.status]), "  ", why), soft_wrap=True)
    if len(holding.runs) > _SHOWN:
        console.print(f"… and {len(holding.runs) - _SHOWN:,} runs more")
    rest = {"artifacts": holding.artifacts, "folders": holding.folders, **holding.rows}
    told = counted({"runs": len(holding.runs), **rest})
    if told:
        console.print(f"\nto be removed: {told}", soft_wrap=True)
    for note in _left(holding):
        console.print(f"not touched: {note}", soft_wrap=True)


def _left(holding: Holding) -> list[str]:
    """What is somebody else's to remove."""
    notes = [f"{plural(count, 'row')} of {table}, which are your records" for table, count in holding.packs.items()]
    notes += [f"the file {line(name)}" for name in holding.files[:_SHOWN]]
    if len(holding.files) > _SHOWN:
        notes.append(f"{len(holding.files) - _SHOWN:,} files more")
    notes += [f"the task {line(task)} of the agent {line(agent)}" for agent, task in holding.tasks[:_SHOWN]]
    if holding.unread:
        notes.append(f"{plural(holding.unread, 'artifact or file')} that cannot be looked into (pictures, PDF, …)")
    return notes


def _end(output: Output, holding: Holding, erased: Erased | None) -> int:
    if output.json:
        told = None if erased is None else erased.model_dump(mode="json")
        output.document({**holding.model_dump(mode="json"), "erased": told})
    elif erased is not None:
        console = output.console
        console.print(f"removed {counted(erased.removed) or 'nothing'}", soft_wrap=True)
        for run in erased.left:
            console.print(f"left    {run}: it came, or went on, meanwhile; run it once more", soft_wrap=True)
        if erased.artifacts_left:
            told_artifacts = plural(erased.artifacts_left, "artifact")
            console.print(f"left    {told_artifacts} that a call may be about to use; run it once more later", soft_wrap=True)
        tell_space(output, erased.space)
        console.print(f"receipt {erased.receipt}")
    return FAILED if erased is not None and (erased.left or erased.artifacts_left) else DONE


def receipts(output: Output, text: str | None, *, principal: bool) -> int:
    """What was erased, when, by whom; of that subject, if one is given."""
    subject = None if text is None else Subject(text, principal=principal)

    async def work(house: House, _: Trip) -> int:
        found = await house.erasing.receipts(subject)
        if output.json:
            output.document([r.model_dump(mode="json") for r in found])
        elif not found:
            output.console.print("Nothing was erased." if subject is None else "Nothing of it was erased.")
        else:
            table = Table(box=None, pad_edge=False)
            for head in ("receipt", "begun", "done", "by"):
                table.add_column(head, no_wrap=True)
            table.add_column("removed", ratio=1)
            for r in found:
                done = moment(r.done_at) or "not finished"
                table.add_row(r.id, moment(r.begun_at), done, line(r.by), counted(dict(r.counts)) or "nothing")
            output.console.print(table)
        return DONE

    return in_house(settings_here(), work)
