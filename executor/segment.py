"""Segment: one owner's stretch of a run: take it, load its journal, go on, end or park it. Nothing is replayed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from executor.ahead import Ahead
from executor.artifacts import Artifacts
from executor.compiled import Ids
from executor.confidence import NO_FLOORS, Floors, told
from executor.drafting import NotPlanned
from executor.ending import end_run as _end
from executor.ending import end_unplanned as _unplanned
from executor.errors import ArtifactLost, ArtifactsUnreachable
from executor.events import (
    CallFailed,
    CallFinished,
    CancelRequested,
    Event,
    PlanCertified,
    ReceiptCounted,
    SegmentStarted,
    Surprised,
)
from executor.fallback import REPAIRS_USED_UP, Fallback
from executor.farewell import farewell
from executor.frame import Frame
from executor.gate import Gates
from executor.inherit import inherit_files
from executor.journal.port import Journal, Receipt
from executor.keyring import Keyring, unsaid
from executor.late import LateResults
from executor.opening import answer_of, bound_so_far, decoded, framed, loader, values_of
from executor.parameters import Unanswered
from executor.parking import park, park_for
from executor.perform import Ended, Performer, Secrets, Sleep
from executor.planning import Planning
from executor.probing import Probing
from executor.quota import ceiling_told
from executor.recorder import NO_CEILINGS, Recorder
from executor.replanning import Replanning
from executor.run import Run, fold
from executor.run_artifacts import RunArtifacts, fetched
from executor.schedule import End, Scheduler
from executor.session import SessionLimits, used_by, worst_share
from executor.shapes import Learner
from executor.surprise import Met
from executor.toolset import Toolset
from executor.values import LoadValue, Values
from planner.models import Models
from planner.policy import NO_POLICY
from planner.program import Program
from planner.toolspec import Json

log = logging.getLogger(__name__)
INLINE_BYTES = 64 * 1024  # of a value's JSON in an event; a larger value is an artifact


@dataclass(frozen=True)
class Segments:
    """Executes segments; holds what all runs of a process share. `advance` is what an engine calls."""

    journal: Journal
    artifacts: Artifacts
    toolset: Toolset
    models: Models
    planning: Planning
    secrets: Secrets
    now: Callable[[], datetime]
    worker: str
    version: str
    workspaces: Path | None = None
    question_timeout_s: float | None = None  # of questions whose step names none
    floors: Floors = NO_FLOORS  # how sure models have to be
    sleep: Sleep = asyncio.sleep  # between the attempts of a call
    gates: Gates = field(default_factory=Gates)
    read_ahead: bool = True  # whether reads start while a plan is being written
    late: LateResults = field(default_factory=LateResults)
    session: SessionLimits = NO_CEILINGS  # of each session
    usd_a_day: Callable[[str], float | None] = lambda principal: None  # that a principal may take
    how_to_set: Callable[[str], str] = unsaid  # a secret that is not, in a sentence
    learner: Learner = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "learner", Learner(self.journal.shapes))

    async def advance(self, run_id: str, epoch: int, nudge: asyncio.Event) -> bool:
        """Carry the run on until it ends or only people and timers are awaited; see `executor.engine.port.Advance`."""
        recorded = await self.journal.read(run_id)
        run = fold(Run(run_id), recorded)
        if run.ended is not None:
            return False
        a_day = self.usd_a_day(run.submission.principal.id)
        recorder = Recorder(self.journal, run, epoch=epoch, now=self.now, session=self.session, usd_a_day=a_day)
        recorder.note(SegmentStarted(epoch=epoch, worker=self.worker, version=self.version))
        ahead = Ahead(recorder, self._performer(run), keep=self.keep, nudge=nudge, now=self.now)
        seen = recorded[-1].seq
        try:
            while run.certified is None and not run.cancel_requested:
                heard = await self._planned(recorder, ahead, nudge, seen=seen)
                if heard is None:
                    return True
                seen = heard
        except NotPlanned as problem:
            await _unplanned(recorder, problem)
            return True
        if run.cancel_requested:
            await self._cancelled(recorder, "It was cancelled before it began." if run.certified is None else "")
            return True
        try:
            await self._execute(recorder, ahead, nudge, seen=seen)
        except (ArtifactsUnreachable, ArtifactLost) as problem:
            again = f"Then planrail resume {run_id} goes on from here."
            await _end(recorder, "failed", reason=problem.message, hint=f"{problem.hint} {again}".strip())
        return True

    async def _planned(self, recorder: Recorder, ahead: Ahead, nudge: asyncio.Event, *, seen: int) -> int | None:
        """Find a plan, unless the run is cancelled meanwhile; None where it parks, for there is none before an answer."""
        try:
            await self._unless_cancelled(recorder, nudge, self._plan(recorder, ahead, seen), seen=seen)
            return seen
        except Unanswered as first:
            return await park_for(recorder, first.question, seen=seen, now=self.now, timeout_s=self.question_timeout_s)
        finally:
            if recorder.run.certified is None:
                await ahead.end()
            ahead.hand_over()

    async def _plan(self, recorder: Recorder, ahead: Ahead, seen: int) -> None:
        probing = Probing(
            self.planning, recorder, self._performer(recorder.run), ahead, self.keep, self.load, self.now, self._keep_receipts
        )
        if probing.wanted():
            if recorder.epoch > 1:
                await self._adopt_receipts(recorder)
            await probing.probe(seen)
        await self.planning.plan(recorder, ahead if self.read_ahead else None)

    async def _unless_cancelled(
        self, recorder: Recorder, nudge: asyncio.Event, work: Coroutine[None, None, None], *, seen: int
    ) -> None:  # fmt: skip
        """Do the planner's work, unless the run is cancelled meanwhile."""
        planning = asyncio.create_task(work)
        nudged = asyncio.create_task(nudge.wait())
        try:
            await asyncio.wait((planning, nudged), return_when=asyncio.FIRST_COMPLETED)
            while not planning.done():
                nudge.clear()
                found, _ = await recorder.outside(seen)
                if any(isinstance(r.event, CancelRequested) for r in found):
                    recorder.absorb([r for r in found if isinstance(r.event, CancelRequested)])
                    return
                nudged = asyncio.create_task(nudge.wait())
                await asyncio.wait((planning, nudged), return_when=asyncio.FIRST_COMPLETED)
            planning.result()
        finally:
            nudged.cancel()
            planning.cancel()
            await asyncio.wait((planning,))
            _ = planning.cancelled() or planning.exception()

    async def _execute(self, recorder: Recorder, ahead: Ahead, nudge: asyncio.Event, *, seen: int) -> None:
        run = recorder.run
        assert run.certified is not None
        problem = self._changed(run.certified)
        if problem:
            await _end(recorder, "failed", reason=problem, hint="Submit the goal again: its plan will be checked anew.")
            return
        goes_on = True
        while goes_on:
            await recorder.cover(used_by(run) + worst_share(run.certified.certificate.worst_case, run.budget))
            scheduler, values = await self._scheduler(recorder, run.certified, ahead, nudge, seen)
            goes_on, seen = await self._carry(recorder, scheduler, values, nudge), scheduler.seen

    async def _carry(self, recorder: Recorder, scheduler: Scheduler, values: Values, nudge: asyncio.Event) -> bool:
        """Carry the run on by the plan that it has; whether it goes on by another revision of that."""
        unsaved: list[Event] = []
        try:
            end = await self._run(scheduler)
            while end == "parked" and not await park(recorder, quiet_after=scheduler.seen, until=scheduler.wake_at):
                nudge.set()  # an answer or a cancel came just now
                end = await self._run(scheduler)
            if end == "failed":
                return await self._surprised(recorder, scheduler, values, nudge)
            if end == "unsure":
                return await self._fallen(recorder, scheduler, told(recorder.run.fell[-1]))
            if end == "drained":
                await recorder.commit(status="queued", release=True)
            elif end != "parked":
                await self._close(recorder, values, end)
            return False
        except BaseException:
            unsaved = await recorder.unwritten()
            raise
        finally:
            unsaved += scheduler.unsaved
            await asyncio.shield(self._keep_receipts(recorder.run, unsaved))

    async def _surprised(self, recorder: Recorder, scheduler: Scheduler, values: Values, nudge: asyncio.Event) -> bool:
        """Have the plan mended, where that may be; else the run ends with what surprised. Whether it goes on."""
        run, replanning = recorder.run, Replanning(self.planning)
        met = Met(run, scheduler.frame, values, scheduler.surprises)
        note = replanning.why_not(met)
        if note is None:
            try:
                await self._unless_cancelled(recorder, nudge, replanning.replan(recorder, met), seen=scheduler.seen)
            except NotPlanned as problem:
                note = problem.message
                recorder.note(*([] if problem.ceiling is None else [problem.ceiling]))
                if run.fell and run.fell[-1] == REPAIRS_USED_UP:
                    return await self._fallen(recorder, scheduler, f"{_told(run.surprises[-1])}\n{note}")
            else:
                if run.cancel_requested:
                    await self._cancelled(recorder)
                return not run.cancel_requested
        self._judge(recorder, done=False)
        reason = f"{_told(run.surprises[-1])}\n{note}".rstrip()
        await _end(recorder, "failed", reason=reason, hint=f"planrail why {run.id} shows where it hurt.")
        return False

    async def _run(self, scheduler: Scheduler) -> End:
        """Run until nothing more can start, and store what the results told."""
        end = await scheduler.run()
        await self.learner.settle()
        return end

    async def _fallen(self, recorder: Recorder, scheduler: Scheduler, why: str) -> bool:
        """Go on by the fallback of the run's playbook; else the run ends and says why. Whether it goes on."""
        run = recorder.run
        why_not = await Fallback(self.planning).take(recorder, scheduler.frame)
        if why_not is not None:
            self._judge(recorder, done=False)
            hint = f"planrail why {run.id} shows which; planrail resume {run.id} goes on, and relies on them anew."
            await _end(recorder, "failed", reason=f"{why}\n{why_not}".rstrip(), hint=hint)
        return why_not is None

    def _changed(self, certified: PlanCertified) -> str:
        """Why the certificate does not hold here: a tool is missing, or is not what was certified."""
        for name, fingerprint in certified.certificate.tools.items():
            if name not in self.toolset:
                return f"The tool {name} is not here."
            if self.toolset[name].fingerprint != fingerprint:
                return f"The tool {name}, or what the policy says of it, has changed since the plan was certified."
        if certified.certificate.policy not in (NO_POLICY, self.planning.policy.digest(certified.certificate.tools)):
            return "The policy has changed since the plan was certified."
        return ""

    async def _scheduler(
        self, recorder: Recorder, certified: PlanCertified, ahead: Ahead, nudge: asyncio.Event, seen: int
    ) -> tuple[Scheduler, Values]:
        run = recorder.run
        if recorder.epoch > 1:  # an earlier owner may have left some
            await self._adopt_receipts(recorder)
        toolset = self.toolset.snapshot()  # a foreign server may change its tools while the segment goes
        keyring = Keyring(lambda name: self.secrets(name) is not None, self.how_to_set, toolset.secrets_of)
        frame = replace(self.frame(run, certified), tools=toolset.specs, keyring=keyring)
        values = self.values(run, frame.program, self._load_from(await fetched(run, self.artifacts)))
        performer = replace(self._performer(run), toolset=toolset)
        if (workspace := performer.workspace) is not None and run.forked is not None:
            await asyncio.to_thread(inherit_files, workspace.with_name(run.forked.run), workspace)
        nudge.set()  # what came between the load and now is looked at first
        scheduler = Scheduler(
            frame=frame,
            values=values,
            recorder=recorder,
            performer=performer,
            ahead=ahead,
            nudge=nudge,
            keep=self.keep,
            now=self.now,
            seen=seen,
        )
        return scheduler, values

    def _performer(self, run: Run) -> Performer:
        return Performer(
            run.id, self.toolset, self.models, RunArtifacts(run, self.artifacts), self.secrets,
            workspace=None if self.workspaces is None else self.workspaces / run.id, sleep=self.sleep, gates=self.gates,
            late=lambda receipt: self.late.keep(self._keep_receipt(run.id, receipt)), floors=self.floors,
            look=self.learner.look,
        )  # fmt: skip

    def frame(self, run: Run, certified: PlanCertified) -> Frame:
        """What the run's moves are decided by."""
        compiled = self.planning.scripts.compiled(certified.script, frozenset(certified.params), Ids(certified.ids))
        policy, limit = self.planning.policy, self.question_timeout_s
        return framed(run, certified, compiled, self.planning.tools, question_timeout_s=limit, policy=policy)

    def values(self, run: Run, program: Program, load: LoadValue) -> Values:
        """The run's values, as far as its calls are done."""
        assert run.certified is not None
        return values_of(run, run.certified, program, load)

    # -- large values

    def keep(self, ended: Ended) -> Ended:
        """The event with a large value moved into the artifact store."""
        if isinstance(ended, CallFailed) or ended.value is None:
            return ended
        text = json.dumps(ended.value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        if len(text) <= INLINE_BYTES:
            return ended
        artifact = self.artifacts.put(text, media_type="application/json")
        return ended.model_copy(update={"value": None, "artifact": artifact})

    def load(self, finished: CallFinished) -> Json:
        """The value of an event whose value is an artifact."""
        return loader(self.artifacts)(finished)

    def _load_from(self, at_hand: dict[str, bytes]) -> LoadValue:
        """The same, from what was fetched before: each once, then it is the values' own."""

        def load(finished: CallFinished) -> Json:
            content = None if finished.artifact is None else at_hand.pop(finished.artifact.hash, None)
            return self.load(finished) if content is None else decoded(content)

        return load

    # -- receipts

    async def _keep_receipts(self, run: Run, unsaved: Sequence[Event]) -> None:
        for ended in unsaved:
            if isinstance(ended, CallFinished) and run.call(ended.step, ended.item).started is not None:
                await self._keep_receipt(run.id, Receipt(key=_receipt_key(run, ended), finished=ended))

    async def _keep_receipt(self, run: str, receipt: Receipt) -> None:
        kept = await asyncio.to_thread(self._kept_or_whole, receipt.finished)
        await self.journal.keep_receipt(run, receipt.model_copy(update={"finished": kept}))

    def _kept_or_whole(self, ended: Ended) -> Ended:
        """The event as it is kept; where the artifact store is away, with its large value in it: it is paid for."""
        try:
            return self.keep(ended)
        except ArtifactsUnreachable:
            return ended

    async def _adopt_receipts(self, recorder: Recorder) -> None:
        """Take over what an earlier owner has paid for and could not write; its cost counts also where it comes too late."""
        events: list[Event] = []
        for receipt in await self.journal.receipts(recorder.run.id):
            if receipt.key in recorder.run.receipts:
                continue
            finished = receipt.finished
            call = recorder.run.call(finished.step, finished.item)
            if not receipt.part and call.finished is None and call.failed is None:
                events += [finished.model_copy(update={"how": "receipt"}), ReceiptCounted(key=receipt.key)]
            else:
                events.append(ReceiptCounted(key=receipt.key, usage=finished.usage))
        await recorder.commit(*events)

    # -- ends

    async def _close(self, recorder: Recorder, values: Values, end: End) -> None:
        run = recorder.run
        if end != "cancelled":
            self._judge(recorder, done=end == "done")
        match end:
            case "done":
                answer = answer_of(values)
                await _end(recorder, "done", answer=answer.value, labels=answer.labels.to_json())
            case "partial":
                ceiling = run.ceilings[-1]
                reason, hint = ceiling_told(run, ceiling.ceiling) or (
                    f"The ceiling {ceiling.ceiling} ({ceiling.limit:g}) was reached.",
                    f"planrail resume {run.id} --budget {ceiling.ceiling}=… goes on from here.",
                )
                await _end(recorder, "partial", reason=reason, hint=hint, answer=bound_so_far(values))
            case "cancelled":
                await self._cancelled(recorder)

    async def _cancelled(self, recorder: Recorder, reason: str = "") -> None:
        """The run ends, after other agents that have a task of it were told."""
        await farewell(recorder.run, self.toolset)
        await _end(recorder, "cancelled", reason=reason, hint=f"planrail resume {recorder.run.id} goes on from here.")

    def _judge(self, recorder: Recorder, *, done: bool) -> None:
        """Note what the end says of the plan, where plans are kept."""
        verdict = self.planning.verdict(recorder.run, done=done)
        recorder.note(*([] if verdict is None else [verdict]))


def _receipt_key(run: Run, ended: Ended) -> str:
    """The key of a call's receipt: its idempotency key, or step and item for a model's call."""
    started = run.call(ended.step, ended.item).started
    return started.key if started is not None and started.key else f"{ended.step}:{ended.item}"


def _told(surprise: Surprised) -> str:
    where = f"{surprise.step}[{surprise.item}]" if surprise.item else surprise.step
    return f"{where}: {surprise.message}"
