"""Two nodes on one database, of which one is killed or stopped: who watches reaches the end, gap-free; nothing is repeated."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from a2a_node.extension import AFTER_HEADER, URI
from executor.events import CallFinished, CallStarted, Recorded
from executor.journal.sql import SqlJournal
from tests.a2a_node.nodes import Node, node, says, script, state
from tests.a2a_node.shop_pack import WORD, WORLD, installed
from tests.a2a_node.wire import BINDINGS, BOUND_S, TERMINAL, Fault, Wire
from tests.executor.mortal_world import MortalWorld

SCRIPT = """\
ids = shop.items()
infos = [shop.look(x=i) for i in ids[:3]]
booked = [shop.book(x=i) for i in infos]
who = ask_user("Who is it for?", returns=str)
more = [shop.look(x=i) for i in booked[:3]]
sent = shop.send(x=sum(more))
answer({"for": who, "booked": booked, "sent": sent})
"""
EFFECTS = Counter({("book", 1): 1, ("book", 2): 1, ("book", 3): 1, ("send", 6): 1})
UPDATES = 25  # at least so many come of a run that nothing disturbs
STOPS_S = 15.0  # of a node that is told to: it lets what is under way end for three seconds, and the machine may be busy
STOPPED = (httpx.HTTPError, grpc.RpcError, Fault)


@dataclass
class Town:
    """Two nodes on one database and in one world."""

    url: str
    world: MortalWorld
    nodes: list[Node]

    def owner(self, task: str) -> int | None:
        """The node that has the task's run."""

        async def asked() -> str | None:
            async with await SqlJournal.open(self.url) as journal:
                record = await journal.get(task)
                return None if record is None else record.owner

        owner = asyncio.run(asked())
        return self.workers.index(owner) if owner in self.workers else None

    def __post_init__(self) -> None:
        self.workers = [httpx.get(f"{n.address}/healthz", timeout=BOUND_S).json()["worker"] for n in self.nodes]

    def journal(self, task: str) -> list[Recorded]:
        async def read() -> list[Recorded]:
            async with await SqlJournal.open(self.url) as journal:
                return await journal.read(task)

        return asyncio.run(read())


@contextmanager
def town(folder: Path, url: str) -> Iterator[Town]:
    world = MortalWorld(folder / "world")
    world.folder.mkdir()
    packs = installed(folder / "packs")
    with ExitStack() as stack:
        nodes = []
        for number in range(2):
            home = folder / f"home{number}"
            home.mkdir()
            more = {
                "PLANRAIL_DATABASE_URL": url,
                "PYTHONPATH": f"{Path.cwd()}:{packs}",
                WORLD: str(world.folder),
                WORD: f"n{number}",
            }
            nodes.append(stack.enter_context(node(home, "", **more)))
        yield Town(url, world, nodes)


@dataclass
class Watcher:
    """A client that watches one task, and goes to the other node when its stream breaks off, from the number where it was."""

    wires: Sequence[Wire]
    updates: list[dict[str, Any]] = field(default_factory=list)
    task: str = ""
    streams: int = 0

    def begin(self, message: dict[str, Any]) -> None:
        """Submit by the first node, and watch from then on."""
        self.streams = 1
        self._go(self.wires[0].stream("SendStreamingMessage", {"message": message}))
        self.opened()

    def join(self, task: str) -> None:
        """Watch a task that is there, by the first node."""
        self.task = task
        self._go(iter(()))

    def _go(self, stream: Iterator[dict[str, Any]]) -> None:
        self._known, self._more = threading.Event(), threading.Condition()
        self._goes = threading.Thread(target=self._watch, args=(stream,), daemon=True)
        self._goes.start()

    def opened(self) -> None:
        """Wait until it has been told of the task."""
        assert self._known.wait(BOUND_S)

    def reached(self, count: int, *states: str) -> None:
        """Wait until so many updates have come, or the task is in one of those states."""
        with self._more:
            assert self._more.wait_for(lambda: len(self.updates) >= count or self.state in states, BOUND_S), self.updates

    def ended(self) -> list[dict[str, Any]]:
        self._goes.join(BOUND_S)
        assert not self._goes.is_alive(), self.updates[-3:]
        return self.updates

    @property
    def state(self) -> str:
        return next((state(u["statusUpdate"]) for u in reversed(self.updates) if "statusUpdate" in u), "")

    @property
    def seq(self) -> int:
        return max((int(_about(u)["seq"]) for u in self.updates), default=0)

    def _watch(self, stream: Iterator[dict[str, Any]]) -> None:
        while not self._is_over():
            try:
                for event in stream:
                    self._take(event)
            except STOPPED:
                pass
            if self._is_over():
                return
            while self.updates and "more" in _about(self.updates[-1]):  # an event of which not all has come
                self.updates.pop()
            wire = self.wires[self.streams % len(self.wires)]
            self.streams += 1
            stream = wire.stream("SubscribeToTask", {"id": self.task}, **({AFTER_HEADER: str(self.seq)} if self.seq else {}))

    def _is_over(self) -> bool:
        return f"TASK_STATE_{self.state}" in TERMINAL

    def _take(self, event: dict[str, Any]) -> None:
        if "task" in event:
            self.task = event["task"]["id"]
            self._known.set()
            return
        with self._more:
            self.updates.append(event)
            self._more.notify_all()


def _about(update: dict[str, Any]) -> dict[str, Any]:
    about: dict[str, Any] = next(iter(update.values()))["metadata"][URI]
    return about


def disturbed(town: Town, first: int, moment: int, how: signal.Signals) -> None:
    """A task whose owner is killed or stopped after so many updates, while each node has a stream open on each binding."""
    ways = [*BINDINGS, *BINDINGS][first:]  # whoever is cut off goes to the other node by another binding
    active = {"A2A-Extensions": URI}
    here = [Watcher([n.wire(b, **active) for n, b in zip(town.nodes, ways[i:], strict=False)]) for i in range(3)]
    there = [Watcher([n.wire(b, **active) for n, b in zip(reversed(town.nodes), ways[i:], strict=False)]) for i in range(3)]
    client, *others = [*here, *there]
    client.begin(script(SCRIPT))
    for other in others:
        other.join(client.task)
    client.reached(moment, "INPUT_REQUIRED")
    dead = town.owner(client.task) or 0
    os.kill(town.nodes[dead].process.pid, how)
    assert town.nodes[dead].ended() in ((-9,) if how == signal.SIGKILL else (0, -15))
    left = town.nodes[1 - dead].wire(ways[0])
    client.reached(10_000, "INPUT_REQUIRED")
    told = left.call("SendMessage", {"message": says("Ann", taskId=client.task)})["task"]
    holds(town, client, others, told)


def holds(town: Town, client: Watcher, others: Sequence[Watcher], told: dict[str, Any]) -> None:
    """The promise: the end, the same for all without a gap, each effect once, nothing finished made again."""
    assert (told["id"], state(told)) == (client.task, "COMPLETED")
    updates = client.ended()
    numbers = [int(_about(u)["seq"]) for u in updates]
    assert numbers == sorted(numbers)
    assert len(updates) >= UPDATES
    for theirs in (other.ended() for other in others):
        assert theirs
        assert updates[-len(theirs) :] == theirs if len(theirs) <= len(updates) else theirs[-len(updates) :] == updates
    assert town.world.effects_of(client.task) == EFFECTS
    journal = town.journal(client.task)
    finished = {(r.event.step, r.event.item): r.seq for r in journal if isinstance(r.event, CallFinished)}
    started = [(r.event.step, r.event.item, r.seq) for r in journal if isinstance(r.event, CallStarted)]
    assert [(step, item) for step, item, seq in started if seq > finished.get((step, item), seq)] == []


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    found: str = f"sqlite:///{tmp_path}/planrail.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return found


HOW = pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])


@HOW
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_the_owner_of_a_task_dies_and_its_watchers_reach_the_end_at_another_node(
    tmp_path: Path, url: str, how: signal.Signals
) -> None:
    with town(tmp_path, url) as both:
        disturbed(both, first=0, moment=8, how=how)


@pytest.mark.proof
@HOW
@pytest.mark.parametrize("moment", range(0, UPDATES, 3))
def test_after_a_kill_at_any_moment_tasks_go_on_at_another_node(
    tmp_path: Path, url: str, how: signal.Signals, moment: int
) -> None:
    with town(tmp_path, url) as both:
        disturbed(both, moment % 3, moment, how)


@pytest.mark.proof
@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_a_node_that_is_told_to_stop_with_fifty_streams_open_stops_and_they_go_on_at_another(tmp_path: Path, url: str) -> None:
    active = {"A2A-Extensions": URI}
    with town(tmp_path, url) as both:
        here, other = both.nodes
        client, *more = [Watcher([n.wire(BINDINGS[i % 3], **active) for n in both.nodes]) for i in range(50)]
        client.begin(script(SCRIPT))
        client.reached(10_000, "INPUT_REQUIRED")
        for stream in more:
            stream.join(client.task)
        for stream in more:
            stream.opened()
        begun = time.monotonic()
        here.process.terminate()
        assert here.ended() in (0, -15)
        assert time.monotonic() - begun < STOPS_S
        told = other.wire("jsonrpc").call("SendMessage", {"message": says("Ann", taskId=client.task)})["task"]
        holds(both, client, more, told)
        assert {stream.streams for stream in more} == {2}


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
def test_any_node_answers_cancels_and_tells_of_any_task(tmp_path: Path, url: str) -> None:
    with town(tmp_path, url) as both:
        here, there = (n.wire(b) for n, b in zip(both.nodes, ("rest", "jsonrpc"), strict=True))
        asks = here.call("SendMessage", {"message": script(SCRIPT)})["task"]
        assert state(there.call("GetTask", {"id": asks["id"]})) == "INPUT_REQUIRED"
        over = there.call("SendMessage", {"message": says("Ann", taskId=asks["id"])})["task"]
        long = here.call(
            "SendMessage", {"message": script('wait("60s")\nanswer(1)'), "configuration": {"returnImmediately": True}}
        )["task"]
        stream = here.stream("SubscribeToTask", {"id": long["id"]})
        next(stream)
        cancelled = there.call("CancelTask", {"id": long["id"]})
        last = list(stream)[-1]
    assert (state(over), over["artifacts"][0]["parts"][0]["data"]["for"]) == ("COMPLETED", "Ann")
    assert (state(cancelled), state(last["statusUpdate"])) == ("CANCELED", "CANCELED")
