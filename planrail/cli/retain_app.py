"""Retain app: the commands by which runs leave a database; what carries them out is imported when they are called."""

# ruff: noqa: PLC0415  # every import below the top is late on purpose

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from planrail.cli.output import output_of

AsJson = Annotated[bool, Option("--json", help="Print one JSON document and nothing else.")]
DryRun = Annotated[bool, Option("--dry-run", help="Show what would be removed, and how many; remove nothing.")]
Yes = Annotated[bool, Option("--yes", help="Do not ask before anything is removed.")]
_PRINCIPAL = "SUBJECT is the id of a principal: what is theirs goes, and what tells of them."
_LOOK = "Look into the files of this folder, too, like recorded evaluations; they are named and left."
_RECEIPTS = "List what was erased, when and by whom; with SUBJECT, of that one alone."
_OLDER = "Runs that are over and were not changed for so long, like 90d; by default what [retention] says."
_STATUS = "Only runs of this status (done, failed, partial, cancelled); may be repeated."


def prune(
    context: typer.Context,
    older_than: Annotated[str | None, Option("--older-than", metavar="TIME", help=_OLDER)] = None,
    keep_failed: Annotated[bool, Option("--keep-failed", help="Leave those that failed, or ended at a ceiling.")] = False,
    status: Annotated[list[str] | None, Option("--status", help=_STATUS)] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Remove old runs, of every principal; sums of what they cost stay."""
    output = output_of(context, as_json)
    from planrail.cli import retaining

    return retaining.prune(output, older_than, keep_failed=keep_failed, statuses=status or [], dry_run=dry_run, yes=yes)


def erase(
    context: typer.Context,
    subject: Annotated[str | None, Argument(help="A name, an e-mail address or a phone number.", show_default=False)] = None,
    principal: Annotated[bool, Option("--principal", help=_PRINCIPAL)] = False,
    cancel: Annotated[bool, Option("--cancel", help="Cancel runs that hold it and are not over.")] = False,
    also: Annotated[list[Path] | None, Option("--look", metavar="FOLDER", help=_LOOK)] = None,
    receipts: Annotated[bool, Option("--receipts", help=_RECEIPTS)] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> int:
    """Remove everything that names a person: runs, what was made of them, schedules, keys, kept plans."""
    output = output_of(context, as_json)
    from planrail.cli import erasing

    if receipts:
        return erasing.receipts(output, subject, principal=principal)
    how = erasing.How(principal=principal, cancel=cancel, also=tuple(also or ()), dry_run=dry_run, yes=yes)
    return erasing.erase(output, subject, how)
