"""A node beside a newer one on the same database: what that has written and this does not know, it says; all else it does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.a2a_node.nodes import ASKS, DONE, Node, node, says, script, state
from tests.a2a_node.wire import BINDINGS, Binding, Fault

INTERNAL = (-32603, 500, "INTERNAL")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="module")
def older(home: Path) -> Iterator[Node]:
    with node(home) as started:
        yield started


def gone_on(home: Path, task: str) -> None:
    """Write an event of a kind that only a newer version knows, as that does when it goes on with the task."""
    with closing(sqlite3.connect(home / "planrail.db")) as database, database:
        (last,) = database.execute("SELECT seq FROM planrail_run WHERE id = ?", (task,)).fetchone()
        ((at,),) = database.execute("SELECT at FROM planrail_event WHERE run = ? AND seq = ?", (task, last)).fetchall()
        row = (task, last + 1, at, "step_dreamt_of", '{"type": "step_dreamt_of"}')
        database.execute("INSERT INTO planrail_event (run, seq, at, type, body) VALUES (?, ?, ?, ?, ?)", row)
        database.execute("UPDATE planrail_run SET seq = ? WHERE id = ?", (last + 1, task))


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_task_that_a_newer_node_goes_on_with_is_left_to_it_and_all_others_are_served(
    older: Node, home: Path, binding: Binding
) -> None:
    wire = older.wire(binding)
    known, newer = (wire.call("SendMessage", {"message": script(ASKS)})["task"]["id"] for _ in range(2))
    gone_on(home, newer)
    asked = [
        ("GetTask", {"id": newer}), ("SubscribeToTask", {"id": newer}), ("CancelTask", {"id": newer}),
        ("SendMessage", {"message": says("Ann", taskId=newer)}),
    ]  # fmt: skip
    for operation, params in asked:
        with pytest.raises(Fault, match="newer version of this agent") as refused:
            list(wire.stream(operation, params))
        assert refused.value.code == INTERNAL[BINDINGS.index(binding)], operation
    listed = {task["id"]: state(task) for task in wire.call("ListTasks")["tasks"]}
    assert (listed[known], listed[newer]) == ("INPUT_REQUIRED", "INPUT_REQUIRED")
    assert state(wire.call("SendMessage", {"message": says("Ann", taskId=known)})["task"]) == "COMPLETED"
    assert state(wire.call("SendMessage", {"message": script(DONE)})["task"]) == "COMPLETED"
