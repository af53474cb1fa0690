"""Request: what the command line asks for, read and checked before anything is opened."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from executor.submission import Submission
from planner.budget import Budget
from planner.toolspec import Json
from planrail.cli.errors import UsageError

MAX_GOAL = 50_000  # characters; more is a script or a file, not a goal
MAX_FILE = 4_000_000  # bytes of a script; the compiler's own bound on scripts is far below


@dataclass(frozen=True)
class Wish:
    """What somebody wants planned, as the command line has it."""

    goal: str | None
    script: str | None = None
    playbook: str | None = None
    params: Sequence[str] = ()
    budget: str | None = None
    yes: bool = False
    session: str | None = None
    after: Sequence[str] = ()
    fresh: bool = False
    mode: str = "plan"
    one_call: bool = False
    probes: int = 0
    skill: str | None = None


def submission_of(wish: Wish, usual: Budget) -> Submission:
    """What is submitted, with the ceilings that are usual here unless it names others; raises UsageError."""
    words = goal_of(wish.goal, needed=wish.script is None and wish.playbook is None)
    if wish.script is not None and wish.playbook is not None:
        raise UsageError("Give a script or a playbook, not both.")
    if wish.params and wish.playbook is None and wish.script is None:
        raise UsageError("-p gives a playbook its parameters: name one with --playbook.")
    if wish.mode not in ("plan", "react"):
        raise UsageError(f"There is no mode {wish.mode}.", hint="There are: plan (the usual one), react.")
    text = None if wish.script is None else read_text(wish.script)
    budget, params = budget_of(wish.budget, usual), params_of(wish.params)
    try:
        return Submission(
            goal=words, script=text, playbook=wish.playbook, skill=wish.skill, params=params, budget=budget,
            preapproved=wish.yes, session=wish.session, fresh=wish.fresh, refers_to=tuple(wish.after),
            mode=wish.mode, one_call=wish.one_call, probes=wish.probes,  # type: ignore[arg-type]  # one of them, as was looked at
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = {"session": "--session: ", "refers_to": "--after: "}.get(str(first["loc"][0]) if first["loc"] else "", "")
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{option}{message}.") from None


def goal_of(goal: str | None, *, needed: bool = True) -> str:
    """The goal as a text that is one; raises UsageError."""
    words = goal or ""
    if needed and not words.strip():
        raise UsageError("The goal is empty.", hint='Say what is to be done: planrail run "Find dental leads in Austin".')
    if len(words) > MAX_GOAL:
        message = f"The goal has {len(words):,} characters; {MAX_GOAL:,} are allowed."
        raise UsageError(message, hint="Put the data into a file that a tool reads, and name it in the goal.")
    if any("\ud800" <= c <= "\udfff" for c in words):
        raise UsageError("The goal is not UTF-8.", hint="Check the encoding of the terminal or the file that it comes from.")
    return words


def read_text(name: str) -> str:
    """The text of a file, or of stdin for `-`; raises UsageError."""
    try:
        raw = sys.stdin.buffer.read(MAX_FILE + 1) if name == "-" else _bytes(Path(name))
    except OSError as error:
        raise UsageError(f"{os.fsencode(name).decode(errors='replace')} cannot be read: {error.strerror}.") from error
    if len(raw) > MAX_FILE:
        raise UsageError(f"{name} has more than {MAX_FILE:,} bytes: that is no script.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8: byte {error.start} is {raw[error.start]:#04x}.") from None


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE + 1)


def params_of(pairs: Sequence[str]) -> dict[str, Json]:
    """`key=value` pairs; a value that is a JSON list or object is one, any other is text for the parameter's type."""
    found: dict[str, Json] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"-p {pair}: write key=value.")
        if key.strip() in found:
            raise UsageError(f"-p gives {key.strip()} twice.")
        found[key.strip()] = _value(value)
    return found


def _value(text: str) -> Json:
    if text[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def budget_of(written: str | None, base: Budget) -> Budget:
    """The budget with the ceilings that are written as `usd=0.50,calls=40` in it; raises UsageError."""
    given: dict[str, str] = {}
    for part in (written or "").split(","):
        name, equals, value = (p.strip() for p in part.partition("="))
        if not part.strip():
            continue
        if not equals or not value:
            raise UsageError(f"--budget {part.strip()}: write ceiling=number, like usd=0.50,calls=40.")
        if name not in Budget.model_fields:
            near = difflib.get_close_matches(name, Budget.model_fields, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            raise UsageError(f"There is no ceiling {name}.", hint=f"{hint}There are: {', '.join(Budget.model_fields)}.")
        given[name] = value
    try:
        return Budget.model_validate({**base.model_dump(), **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"--budget {first['loc'][0]}: {first['msg']}.") from None
