"""The escalation of the docs, carried out: on a clock that goes on when somebody sleeps, with every call that was made."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import Bench, answer_of
from pydantic import BaseModel

from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.toolspec import Json

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "docs" / "examples" / "escalation.script").read_text(encoding="utf-8")


class Health(BaseModel):
    healthy: bool
    problem: str = ""


class Page(BaseModel):
    acknowledged: bool
    by: str


class Shift:
    """A service that is down from the third look until so many looks later; `awake` answers a page."""

    def __init__(self, *, awake: str = "", down: int = 3) -> None:
        self.awake, self.down = awake, down
        self.looks = 0
        self.paged: list[str] = []
        self.incidents: list[str] = []

    @tool(effect="read", open_world=True)
    async def health(self, service: str) -> Health:
        """How the service is."""
        self.looks += 1
        ill = 3 <= self.looks < 3 + self.down
        return Health(healthy=not ill, problem=f"{service} is down" if ill else "")

    @tool(effect="read")
    async def on_call(self, service: str) -> list[str]:
        """Who is on call, in turn."""
        return ["ann", "bob", "cy"]

    @tool(effect="irreversible")
    async def page(self, to: str, text: str) -> Page | ToolFailed:
        """Page a person, and wait for the answer."""
        self.paged.append(to)
        return ToolFailed("the line is dead") if to == "ann" else Page(acknowledged=to == self.awake, by=to)

    @tool(effect="write")
    async def open_incident(self, title: str) -> int:
        """Open an incident."""
        self.incidents.append(title)
        return len(self.incidents)


async def carried_out(shift: Shift) -> Json:
    tools = Toolset.of("monitor", [shift.health]) | Toolset.of("rota", [shift.on_call, shift.open_incident])
    bench = Bench(tools | Toolset.of("pager", [shift.page]), budget=Budget())
    run = await bench.run(SCRIPT)
    assert run.certified is not None
    assert run.certified.certificate.worst_case.calls == 97 + 1 + 5 + 13
    return answer_of(run)


@pytest.mark.parametrize(
    ("shift", "answer", "looks", "paged"),
    [
        (Shift(awake="bob"), "bob took it; all is well", 6, ["ann", "bob"]),
        (Shift(awake="cy", down=99), "cy took it; it is still down", 16, ["ann", "bob", "cy"]),
        (Shift(), "nobody took it: an incident is open", 3, ["ann", "bob", "cy"]),
        (Shift(down=0), "a quiet shift", 97, []),
    ],
    ids=["somebody takes it", "it stays down", "nobody takes it", "nothing happens"],
)
async def test_the_escalation_of_the_docs_does_what_it_says(shift: Shift, answer: str, looks: int, paged: list[str]) -> None:
    told = await carried_out(shift)
    assert (told, shift.looks, shift.paged) == (answer, looks, paged)
    assert shift.incidents == (["checkout is down"] if "incident" in answer else [])


def test_the_docs_show_the_file_that_runs() -> None:
    assert f"```text\n{SCRIPT}```" in (ROOT / "docs" / "waiting.md").read_text(encoding="utf-8")
