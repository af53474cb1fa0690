"""Doctor: the command that tells what the doctor has found."""

from __future__ import annotations

import asyncio
import os
from dataclasses import asdict
from pathlib import Path

from rich.text import Text
from sqlalchemy import make_url

from executor.objects import shown_url
from planrail.cli.errors import DONE, FAILED
from planrail.cli.output import Output
from planrail.cli.text import clean
from planrail.doctor import Finding, examined
from planrail.redactor import Redactor
from planrail.settings import Settings

MARKS = {"ok": ("✓", "green"), "note": ("–", "yellow"), "problem": ("✗", "bold red")}


def doctor(output: Output, *, live: bool) -> int:
    """Look at everything; exit code 1 if something needed is broken."""
    findings, settings = asyncio.run(examined(os.environ, Path.cwd(), live=live))
    if settings is not None:
        findings.append(Finding("settings", "ok", Redactor(settings)(_told(settings))))
    broken = any(f.level == "problem" for f in findings)
    if output.json:
        output.document({"ok": not broken, "findings": [asdict(f) for f in findings]})
    else:
        for f in findings:
            mark, style = MARKS[f.level]
            output.console.print(Text.assemble((f"{mark} ", style), (f"{f.what}: ", "bold"), clean(f.told)), soft_wrap=True)
            if f.remedy:
                output.console.print(Text(f"    {clean(f.remedy)}", style="yellow"), soft_wrap=True)
    return FAILED if broken else DONE


def _told(settings: Settings) -> str:
    """The settings in effect; secrets show as asterisks."""
    shown = settings.model_dump(mode="json", exclude={"database_url", "prices", "budget", "mcp_servers"}, exclude_none=True)
    shown |= {"database_url": make_url(settings.url).render_as_string(hide_password=True), "prices": list(settings.prices)}
    shown["artifacts_url"] = shown_url(settings.artifacts_url)
    shown["budget"] = settings.budget.model_dump(mode="json", exclude_defaults=True)
    flat = [(k, v) for k, v in shown.items() if not isinstance(v, dict)]
    flat += [(f"{k}.{inner}", v) for k, part in shown.items() if isinstance(part, dict) for inner, v in part.items()]
    return "".join(f"\n    {name} = {value}" for name, value in flat if value not in ("", [], None))
