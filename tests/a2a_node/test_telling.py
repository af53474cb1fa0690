"""What a client is told, whenever it comes: the task as it is and the updates after it are one story."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from a2a.types.a2a_pb2 import Artifact, Task, TaskArtifactUpdateEvent, TaskState
from google.protobuf.json_format import MessageToDict

from a2a_node.extension import URI
from a2a_node.telling import Audience, Ground, Telling
from executor.compiled import Scripts
from executor.events import Recorded
from executor.opening import loader
from executor.run import Run
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.worst import Terms
from tests.rig import ANN, Rig, rig


@tool(effect="read")
async def double(n: int) -> int:
    """Twice the number; none of the number 3."""
    if n == 3:
        return ToolFailed("three is too many")  # type: ignore[return-value]
    return 2 * n


TOOLS = Toolset.of("sums", [double])
RUNS = {
    "a chain": "a = sums.double(n=1)\nb = sums.double(n=a)\nanswer(b)",
    "maps over maps": "a = [sums.double(n=n) for n in [1, 2, 4]]\nb = [sums.double(n=n) for n in a if n > 2]\nanswer(b)",
    "a map of nothing": "a = [sums.double(n=n) for n in [1, 2] if n > 9]\nanswer(len(a))",
    "a failed item": "a = [sums.double(n=n) for n in [1, 3, 5]]\nanswer(a)",
    "an item that has its otherwise": "a = [sums.double(n=n, otherwise=0) for n in [1, 3]]\nanswer(a)",
    "a branch not taken": "a = sums.double(n=1)\nif a > 9:\n    b = sums.double(n=7)\nanswer(a)",
    "a question": 'who = ask_user("Who?", returns=str)\nanswer(who)',
    "no plan": "a = sums.nothing()",
    "an exact number": "answer(1152921504606846977)",
}


class Client:
    """A client that puts together what it is told."""

    def __init__(self, task: Task) -> None:
        self.state = task.status.state
        self.artifacts = {a.artifact_id: a for a in task.artifacts}

    def hear(self, update: Any) -> None:
        if not isinstance(update, TaskArtifactUpdateEvent):
            self.state = update.status.state
            return
        name = update.artifact.artifact_id
        if not update.append:
            self.artifacts[name] = update.artifact
            return
        whole = Artifact()
        whole.CopyFrom(self.artifacts[name])  # one may append only to what there is
        whole.parts.extend(update.artifact.parts)
        self.artifacts[name] = whole

    def knows(self) -> tuple[str, dict[str, Any]]:
        """The state, and what is in the artifacts; not by which event they were last told."""
        parts = {name: [MessageToDict(p) for p in a.parts] for name, a in self.artifacts.items()}
        return TaskState.Name(self.state), parts


async def journal_of(run: str, here: Rig) -> list[Recorded]:
    await here.carried(run)
    return await here.journal.read((await here.runs.find(ANN))[0].id)


@pytest.mark.parametrize("audience", [Audience(), Audience(extended=True)], ids=["plain", "extended"])
@pytest.mark.parametrize("script", RUNS.values(), ids=list(RUNS))
async def test_whoever_comes_at_any_event_is_told_the_same_as_one_who_was_there(
    script: str, audience: Audience, tmp_path: Path
) -> None:
    async with rig(tmp_path, TOOLS) as here:
        recorded = await journal_of(script, here)
        ground = Ground(Scripts(here.toolset.specs, Terms()), loader(here.artifacts))

        def at(events: list[Recorded]) -> Telling:
            telling = Telling(Run("r"), ground, audience)
            telling.fold(events)
            return telling

        for cut in range(1, len(recorded) + 1):
            telling = at(recorded[:cut])
            client = Client(telling.task())
            for now, record in enumerate(recorded[cut:], cut + 1):
                for update in telling.take(record):
                    client.hear(update)
                assert client.knows() == Client(at(recorded[:now]).task()).knows()


async def test_an_integer_that_no_double_holds_is_told_as_text(tmp_path: Path) -> None:
    async with rig(tmp_path, TOOLS) as here:
        recorded = await journal_of("answer({'n': 1152921504606846977, 'm': 3})", here)
        telling = Telling(Run("r"), Ground(Scripts(here.toolset.specs, Terms()), loader(here.artifacts)))
        telling.fold(recorded)
    assert MessageToDict(telling.task().artifacts[0].parts[0].data) == {"n": "1152921504606846977", "m": 3}


async def test_the_numbers_of_events_tell_where_a_client_has_to_go_on(tmp_path: Path) -> None:
    """An event's last update is the one without `more`: who has it has the event."""
    async with rig(tmp_path, TOOLS) as here:
        recorded = await journal_of(RUNS["maps over maps"], here)
        telling = Telling(
            Run("r"), Ground(Scripts(here.toolset.specs, Terms()), loader(here.artifacts)), Audience(extended=True)
        )
        told = [(r.seq, [MessageToDict(u.metadata)[URI] for u in telling.take(r)]) for r in recorded]
    for seq, updates in told:
        assert {u["seq"] for u in updates} <= {str(seq)}
        assert [u.get("more", False) for u in updates] == [True] * (len(updates) - 1) + [False] * bool(updates)
