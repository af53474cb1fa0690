"""Racing: one run, and workers, people and accidents that a test lets loose on it in any order, some of them at the same time.

A worker that is killed writes nothing more; a zombie is taken for dead and goes on.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from bench import BOUND_S, Bench, Clockwork
from racing_town import Hands, Stop, Town, Worker

from executor.errors import LostOwnership, NotAnswerable
from executor.events import Event, Question, QuestionAnswered, QuestionAsked, Recorded, RunEnded, RunParked, RunResumed

from executor.events import CallFailed, CallFinished, CallStarted  # isort: skip
from executor.journal.port import Journal
from executor.run import Run, is_over
from executor.submission import Principal
from executor.toolset import Toolset
from planner.toolspec import Json
from planrail.runs import Runs

ANN = Principal(id="local")
MOST_WORKERS = 12  # in one race
SCRIPT = """\
a = s.look(x=1)
p = s.price(x=2)
n = ask_user("How many?", returns=int)
b = s.add(x=p)
approve("send it")
c = s.send(x=4)
d = s.ring(x=5)
m = [s.add(x=i) for i in [6, 7]]
answer({"a": a, "n": n, "m": m})
"""
EFFECTS = Counter({("add", 2): 1, ("send", 4): 1, ("ring", 5): 1, ("add", 6): 1, ("add", 7): 1})


class Cut:
    """The journal of one worker; dead to one that was killed."""

    def __init__(self, journal: Journal, worker: Worker) -> None:
        self._journal, self._worker = journal, worker

    def __getattr__(self, name: str) -> Any:
        if self._worker.killed:
            raise ConnectionError("killed")
        return getattr(self._journal, name)


class Slow:
    """A journal whose writes take some turns of the loop, on the way there and on the way back."""

    def __init__(self, journal: Journal, seed: int) -> None:
        self._journal, self._chance = journal, random.Random(seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        await self._turns()
        seq = await self._journal.append(run, events, **more)
        await self._turns()
        return seq

    async def read(self, run: str, **more: Any) -> list[Recorded]:
        await self._turns()
        return await self._journal.read(run, **more)

    async def _turns(self) -> None:
        for _ in range(self._chance.choice((0, 0, 1, 3, 8))):
            await asyncio.sleep(0)


class Noted:
    """The journal of one answer: it knows where the answer stands."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.seq: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, run: str, events: Sequence[Event], **more: Any) -> int | None:
        seq = await self._journal.append(run, events, **more)
        self.seq = seq if seq is not None else self.seq
        return seq


class Race:
    """The run and everybody around it."""

    def __init__(self, journal: Journal, town: Town, *, turns: int) -> None:
        self.journal: Any = journal
        self.town, self._turns = town, turns
        self.run = ""
        self.workers: list[Worker] = []
        self.accepted: set[int] = set()  # answers: where they stand in the journal
        self._numbers = itertools.count(100)
        self._count = itertools.count()
        self._bench = Bench(Toolset.of("s", Hands(town, Worker("nobody", -1))), journal=journal)

    async def submit(self) -> None:
        self.run = await self._bench.submit(SCRIPT)

    def runs(self, journal: Any = None) -> Runs:
        bench = self._bench
        return Runs(
            journal or self.journal, artifacts=bench.artifacts, planning=bench.planning, now=bench.now, new_id=lambda: ""
        )

    async def state(self) -> Run:
        return await self.runs().get(self.run, ANN)

    async def status(self) -> tuple[str, str | None]:
        record = await self.journal.get(self.run)
        assert record is not None
        return record.status, record.owner

    async def options(self) -> list[Callable[[], Awaitable[None]]]:
        """Everything that may happen now; what carries the run on comes more often."""
        status, _ = await self.status()
        found: list[Callable[[], Awaitable[None]]] = []
        if status in ("queued", "running") and len(self.workers) < MOST_WORKERS:
            found += [self.begin] * 4
        found += [partial(self.let_go, stop) for stop in self.town.stops for _ in range(6)]
        for worker in (w for w in self.workers if w.lives):
            found += [partial(self.kill, worker)] + ([] if worker.zombie else [partial(self.bury_alive, worker)])
        for question in (await self.state()).open_questions:
            found += [partial(self.answer, question)] * 3 + [partial(self.refuse, question)]
            found += [partial(self.answer_while_one_begins, question)] * 3
        over = is_over(status)  # type: ignore[arg-type]  # it is one
        return [*found * 2, self.cancel, *[self.resume] * (6 if over else 1)]

    # -- what may happen

    async def begin(self) -> None:
        """A worker takes the run, if it is free, and begins a segment."""
        worker = Worker(f"w{len(self.workers)}", next(self._count))
        self.workers.append(worker)
        gone = [w.name for w in self.workers if w.zombie or not w.lives]
        epoch = await self.journal.take(self.run, worker.name, dead=gone)
        if epoch is None:
            worker.over = next(self._count)
            return
        worker.task = asyncio.create_task(self._segment(worker, epoch))

    async def _segment(self, worker: Worker, epoch: int) -> bool:
        journal: Any = Cut(self.journal, worker)
        segments = self._bench.segments(journal, worker.name)
        segments = replace(segments, toolset=Toolset.of("s", Hands(self.town, worker)), sleep=partial(self._sleep, worker))
        try:
            released = await segments.advance(self.run, epoch, worker.nudge)
            record = await self.journal.get(self.run)
            held = record is not None and (record.status, record.owner, record.epoch) == ("running", worker.name, epoch)
            self.town.wrong += [f"{worker.name} left the run"] if held and not released else []
            return released
        except LostOwnership:
            return False
        except (ConnectionError, asyncio.CancelledError):
            assert worker.killed
            return False
        except Exception as error:
            self.town.wrong.append(f"the segment of {worker.name} failed: {error!r}")
            raise
        finally:
            worker.over = next(self._count)

    async def _sleep(self, worker: Worker, seconds: float) -> None:
        """Until a claim's deadline: the time of whoever made it is up."""
        self.town.time_is_up([w for w in self.workers if w is not worker])
        assert isinstance(self._bench.now, Clockwork)
        self._bench.now.now += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    async def let_go(self, stop: Stop) -> None:
        if not stop.going.done():
            stop.going.set_result(None)

    async def kill(self, worker: Worker) -> None:
        worker.killed = True
        if worker.task is not None:
            worker.task.cancel()
            await asyncio.wait((worker.task,))

    async def bury_alive(self, worker: Worker) -> None:
        """Others take it for dead from now on, and no news reach it; it goes on."""
        worker.zombie = True

    async def answer(self, question: Question) -> None:
        match question.kind:
            case "ask_user":
                await self._answered(question, next(self._numbers))
            case "approve":
                await self._answered(question, True)
            case "reconcile":
                await self._answered(question, await self._looked_up(question))

    async def answer_while_one_begins(self, question: Question) -> None:
        """A worker that finds nothing to do parks at once: the answer may come just then."""
        await asyncio.gather(self.begin(), self.answer(question))

    async def refuse(self, question: Question) -> None:
        await self._answered(question, None, refused=True)

    async def _answered(self, question: Question, answer: Json, *, refused: bool = False) -> None:
        noted = Noted(self.journal)
        with suppress(NotAnswerable):
            await self.runs(noted).answer(self.run, ANN, answer, question=question.id, refused=refused)
            assert noted.seq is not None
            self.accepted.add(noted.seq)
        self._tell()

    async def _looked_up(self, question: Question) -> bool:
        """Whether the call took effect; nobody is at it any more when the person looks."""
        _, owner = await self.status()
        self.town.time_is_up([w for w in self.workers if w.name != owner])
        for _ in range(self._turns):
            await asyncio.sleep(0)
        started = (await self.state()).call(question.of, question.item).started
        assert started is not None
        return started.key in self.town.done

    async def cancel(self) -> None:
        asked = asyncio.create_task(self.runs().cancel(self.run, ANN))
        await self.quiet()
        self._tell()
        await asked

    async def resume(self) -> None:
        with suppress(NotAnswerable):  # it is done
            await self.runs().resume(self.run, ANN)

    def _tell(self) -> None:
        for worker in self.workers:
            if not worker.zombie:
                worker.nudge.set()

    # -- between

    async def quiet(self) -> None:
        """Let everybody get as far as they can."""
        for _ in range(self._turns):
            await asyncio.sleep(0)
            await self.journal.get(self.run)

    async def end(self) -> Run:
        """Bring the run to its end: nobody is in the way any more."""
        async with asyncio.timeout(BOUND_S):
            while True:
                await self.quiet()
                status, owner = await self.status()
                if status == "done":
                    break
                for stop in list(self.town.stops):
                    await self.let_go(stop)
                for question in (await self.state()).open_questions if not is_over(status) else ():
                    await self.answer(question)
                if is_over(status):
                    await self.resume()
                elif status == "queued" or (status == "running" and not self._at_work(owner)):
                    await self.begin()
                self._tell()
        for worker in self.workers:
            await self.kill(worker)
        return await self.state()

    def _at_work(self, owner: str | None) -> bool:
        return any(w.name == owner and w.lives and not w.zombie for w in self.workers)

    async def check(self) -> None:
        """What holds at any time."""
        assert not self.town.wrong, self.town.wrong
        assert not Counter(self.town.effects) - EFFECTS, "an effect was repeated"
        events = await self.journal.read(self.run)
        assert told_once(events) == self.accepted, "an answer that was accepted does not count, or one that was not does"
        nothing_is_settled_twice(events)
        status, _ = await self.status()
        last = (await self.journal.read(self.run))[-1].event
        if len(await self.journal.read(self.run)) == len(events):
            assert (last.status if isinstance(last, RunEnded) else None) == (status if is_over(status) else None)  # type: ignore[arg-type]  # it is one
            assert isinstance(last, RunParked) == (status == "waiting")


def told_once(events: Sequence[Recorded]) -> set[int]:
    """The answers that count; every question is asked once, and once more where a resumed run forgets a refusal."""
    asked: dict[str, Question] = {}
    answers: dict[str, QuestionAnswered] = {}
    counted: set[int] = set()
    for recorded in events:
        match recorded.event:
            case QuestionAsked(question=question):
                assert question.id not in asked, f"{question.id} was asked twice"
                asked[question.id] = question
            case QuestionAnswered(question=name) as answer if name in asked and name not in answers:
                answers[name] = answer
                counted.add(recorded.seq)
            case RunResumed():
                for name in [name for name, answer in answers.items() if answer.refused]:
                    del asked[name], answers[name]
    return counted


def nothing_is_settled_twice(events: Sequence[Recorded]) -> None:
    """A finished call stays as it is; an ended run stays ended until it is resumed."""
    finished: set[tuple[str, str]] = set()
    ended = False
    for event in (r.event for r in events):
        assert not ended or isinstance(event, RunResumed), f"{event.type} after the end"
        ended = isinstance(event, RunEnded)
        if isinstance(event, CallStarted | CallFinished | CallFailed):
            assert (event.step, event.item) not in finished, f"{event.step} was settled before"
        if isinstance(event, CallFinished):
            finished.add((event.step, event.item))
