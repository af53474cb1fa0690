"""Asking: a run's question to the person at the terminal."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from jsonschema import Draft202012Validator
from rich.text import Text

from executor.events import Question
from planner.toolspec import Json
from planrail.cli.output import Output
from planrail.cli.run_text import shown_text
from planrail.cli.text import clean

_YES, _NO = frozenset(("y", "yes", "true")), frozenset(("n", "no", "false"))


@dataclass(frozen=True)
class Reply:
    """What the person said."""

    answer: Json = None
    refused: bool = False


class NotAnAnswer(Exception):
    """What was written is none; the message says what would be."""


async def ask_person(output: Output, question: Question) -> Reply | None:
    """The person's reply; None if they want to decide later (an empty line, or the end of input)."""
    console = output.console
    console.print(Text.assemble("\n", ("? ", "yellow"), (clean(question.text), "bold")), shown_text(question))
    while True:
        console.print(Text(f"{prompt(question)} ", style="yellow"), end="")
        written = await read_line()
        if not written.strip():
            return None
        try:
            return reply_of(question, written.strip())
        except NotAnAnswer as problem:
            console.print(Text(str(problem), style="red"))


def prompt(question: Question) -> str:
    """What the person may write."""
    if question.kind == "flow":
        return "yes: all, no: none, or the numbers of those that may, like 1,3 (empty: decide later) >"
    if question.kind != "ask_user":
        return "yes or no (empty: decide later) >"
    choices = _choices(question.answer_schema)
    listed = f"{', '.join(json.dumps(c, ensure_ascii=False) for c in choices)}; " if choices else ""
    return clean(f"{listed}empty: decide later, !refuse: refuse >")


def reply_of(question: Question, written: str) -> Reply:
    """The reply that a line means; raises NotAnAnswer."""
    word = written.lower()
    if question.kind != "ask_user":
        if word in _YES | _NO:
            return Reply(word in _YES)
        if question.kind != "flow":
            raise NotAnAnswer("Write yes or no.")
        numbers = numbers_of(written)
        if _problem(numbers, question.answer_schema) is not None:
            raise NotAnAnswer(f"Write numbers of the list, from 1 to {len(question.shown)}.")
        return Reply(numbers)
    if word == "!refuse":
        return Reply(refused=True)
    for value in _meanings(written, question.answer_schema):
        if _problem(value, question.answer_schema) is None:
            return Reply(value)
    raise NotAnAnswer(f"That does not fit: {_problem(written, question.answer_schema)}.")


def numbers_of(written: str) -> list[int]:
    """The numbers of `1,3`, each once; raises NotAnAnswer."""
    parts = [p.strip() for p in written.replace(" ", ",").split(",") if p.strip()]
    if not parts or not all(p.isascii() and p.isdigit() and len(p) < 10 for p in parts):
        raise NotAnAnswer("Write yes, no, or numbers, like 1,3.")
    return list(dict.fromkeys(int(p) for p in parts))


def _meanings(written: str, schema: Json) -> list[Json]:
    """The values that a text may stand for, the likeliest first."""
    found: list[Json] = [written] if schema is None or (isinstance(schema, Mapping) and schema.get("type") == "string") else []
    found += [c for c in _choices(schema) if str(c).lower() == written.lower()]
    try:
        found.append(json.loads(written))
    except ValueError:
        found += [True] if written.lower() in _YES else [False] if written.lower() in _NO else []
    return [*found, written]


def _choices(schema: Json) -> list[Json]:
    return list(schema.get("enum", ())) if isinstance(schema, Mapping) else []


def _problem(value: Json, schema: Json) -> str | None:
    if schema is None:
        return None
    first = next(iter(Draft202012Validator(schema).iter_errors(value)), None)
    return None if first is None else clean(first.message[:200])


async def read_line() -> str:
    """A line of stdin, waited for without a thread, so that Ctrl-C ends the waiting; "" at its end."""
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    ready = asyncio.Event()
    try:
        loop.add_reader(terminal, ready.set)
    except NotImplementedError:  # Windows
        return await asyncio.to_thread(sys.stdin.readline)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(terminal)
    return os.read(terminal, 65_536).decode("utf-8", "replace")  # a terminal gives one line at a time
