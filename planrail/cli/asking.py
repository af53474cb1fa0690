"""Asking: a run's question to the person at the terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text

from executor.errors import NotAnswerable
from executor.events import Question
from planner.toolspec import Json
from planrail.answers import how_to_answer, read_answer
from planrail.cli.output import Output
from planrail.cli.run_text import shown_text
from planrail.cli.text import clean


@dataclass(frozen=True)
class Reply:
    """What the person said."""

    answer: Json = None
    refused: bool = False
    text: str | None = None  # what was written, where the question that it answers is still to read it


async def ask_person(output: Output, question: Question) -> Reply | None:
    """The person's reply; None if they want to decide later (an empty line, or the end of input).

    What a record wants is asked one field after the other.
    """
    console = output.console
    console.print(Text.assemble("\n", ("? ", "yellow"), (clean(question.text), "bold")), shown_text(question))
    fields = _fields(question)
    if not fields:
        return await _asked(output, question)
    answer: dict[str, Json] = {}
    for name, field in fields.items():
        console.print(Text(f"  {clean(name)}", style="bold"))
        said = await _asked(output, field)
        if said is None or said.refused:
            return said
        answer[name] = said.answer
    return Reply(answer)


def _fields(question: Question) -> dict[str, Question]:
    """The fields of a record, each as a question of its own; none where the answer is no record of several."""
    schema = question.answer_schema if isinstance(question.answer_schema, Mapping) else {}
    properties = schema.get("properties")
    if schema.get("type") != "object" or not isinstance(properties, Mapping) or len(properties) < 2:
        return {}
    return {name: question.model_copy(update={"answer_schema": inner}) for name, inner in properties.items()}


async def _asked(output: Output, question: Question) -> Reply | None:
    """What the person writes, once it is an answer."""
    while True:
        output.console.print(Text(f"{prompt(question)} ", style="yellow"), end="")
        written = await read_line()
        if not written.strip():
            return None
        try:
            return reply_of(question, written.strip())
        except NotAnswerable as problem:
            output.console.print(Text(clean(str(problem)), style="red"))


def prompt(question: Question) -> str:
    """What the person may write."""
    how = clean(how_to_answer(question)).removesuffix(".")
    return f"{how}; empty: decide later, !refuse: refuse >" if question.kind == "ask_user" else f"{how} (empty: decide later) >"


def reply_of(question: Question, written: str) -> Reply:
    """The reply that a line means; raises NotAnswerable."""
    if question.kind == "ask_user" and written.lower() == "!refuse":
        return Reply(refused=True)
    return Reply(read_answer(question, written))


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
