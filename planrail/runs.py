"""Runs: the one service between the house and its doors. Every door is a translation of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from executor.artifacts import Artifacts
from executor.deadlines import has_expired
from executor.errors import LostOwnership, NotAnswerable, SessionSpent, UnknownRun
from executor.events import (
    CancelRequested,
    EarlierShown,
    Event,
    Question,
    QuestionAnswered,
    Recorded,
    RunEnded,
    RunResumed,
    RunStatus,
)
from executor.farewell import left_behind
from executor.journal.port import Journal, Recent, RunRecord
from executor.opening import loader
from executor.planning import Planning
from executor.quota import NO_QUOTA, Quota
from executor.recorder import NO_CEILINGS
from executor.run import Run, fold, is_over
from executor.run_artifacts import RunArtifacts
from executor.session import CEILINGS, SessionLimits, SessionUse
from executor.submission import Principal, Submission
from planner.budget import Budget
from planner.prices import Prices
from planner.toolspec import Json
from planrail.answers import check_answer
from planrail.arrival import as_it_came
from planrail.forking import ForkWish, forked
from planrail.preview import Charge, previewed
from planrail.refinement import refined
from planrail.replay import ReplayGround, replay
from planrail.replay_report import Replayed

_CANCEL_GRACE_S = 0.8  # for the owner to stop by itself; then the run is taken away from it
_SHORTEST_ID = 4  # characters of a run's id that may stand for it, where no other run's begins with them
ID_LENGTH = 16
_PAGE = 200
_ATTEMPTS = 10  # at catching a run in one status
_HELD_BY_NOBODY: tuple[RunStatus, ...] = ("waiting", "queued")
_ANSWERABLE: tuple[tuple[RunStatus | None, tuple[RunStatus, ...]], ...] = (
    ("queued", ("waiting",)),  # the status that an answer brings about, and where
    (None, ("running", "queued")),
)
_RESUMABLE: tuple[RunStatus, ...] = ("cancelled", "failed", "partial")
APPROVALS = frozenset(("approve", "reconcile", "repeat", "flow", "credential"))  # that no agent answers for itself


Farewell = Callable[[Run], Awaitable[None]]  # tells other agents that the run, of which they have tasks, is cancelled


async def nobody_to_tell(run: Run) -> None:
    """There are no other agents."""


class Runs:
    """Submit, watch, answer, cancel and resume runs. A principal sees its own runs only."""

    def __init__(
        self,
        journal: Journal,
        *,
        artifacts: Artifacts,
        planning: Planning,
        now: Callable[[], datetime],
        new_id: Callable[[], str],
        prices: Prices | None = None,
        session: SessionLimits = NO_CEILINGS,
        farewell: Farewell = nobody_to_tell,
        quota: Callable[[str], Quota] = lambda principal: NO_QUOTA,
    ) -> None:
        self._journal = journal
        self._artifacts = artifacts
        self._planning = planning
        self._now = now
        self._new_id = new_id
        self._prices = prices  # of a replay; None where nobody knows any
        self._session = session
        self._quota = quota  # of a principal
        self._farewell = farewell

    async def submit(self, submission: Submission, *, key: str | None = None) -> RunRecord:
        """A new run; the same one for the same key.

        Raises KeyTaken where the key was used for something else, SessionSpent where the session has nothing left, UnknownRun
        for an earlier run that it refers to and that is none of the principal's in that session, and QuotaExceeded where the
        principal has as much as it may.
        """
        run = self._new_id()
        submission, earlier = await self._refined(as_it_came(submission))
        if submission.session is not None and self._session != NO_CEILINGS:
            await self._may_go_on(submission.session, submission.principal, key)
        quota = self._quota(submission.principal.id)
        return await self._journal.create(
            submission, run=run, key=key or run, now=self._now(), events=earlier, quota=quota
        )  # fmt: skip

    async def _refined(self, submission: Submission) -> tuple[Submission, list[EarlierShown]]:
        return await refined(submission, partial(self.get, principal=submission.principal))

    async def _may_go_on(self, session: str, principal: Principal, key: str | None) -> None:
        use = await self.session(session, principal)
        ceiling = use.spent()
        if not ceiling or (key is not None and await self._has_key(session, principal, key)):
            return
        of = f"{use.used.calls} calls" if ceiling == "session_calls" else f"${use.used.usd:g}"
        message = f"The session {session} has nothing left: its runs took {of}, which is the ceiling {ceiling}."
        raise SessionSpent(message, hint=f"Begin another session, or raise {CEILINGS[ceiling]}.")

    async def _has_key(self, session: str, principal: Principal, key: str) -> bool:
        """Whether one of the session's runs was submitted with that key."""
        before: str | None = None
        while page := await self._journal.find(principal=principal.id, session=session, before=before, limit=_PAGE):
            if any(record.key == key for record in page):
                return True
            before = page[-1].id
        return False

    async def session(self, name: str, principal: Principal) -> SessionUse:
        """What the runs of a session have used and reserved of its ceilings; empty for one that has no run."""
        use = await self._journal.session(principal.id, name)
        return use.model_copy(update={"limits": self._session})

    async def preview(self, submission: Submission) -> Run:
        """The plan of a submission, certified; nothing of it runs or stays. Raises QuotaExceeded.

        The model's calls, if any, are billed: they stand in the run's `usage`. Where the plan is refused, the last of the
        run's `refusals` says why.
        """
        submission, earlier = await self._refined(submission)
        usd = self._quota(submission.principal.id).usd
        charge = None if usd is None else Charge(self._journal, submission.principal.id, f"preview {self._new_id()}", usd)
        return await previewed(submission, earlier, self._planning, self._now, charge)

    async def record(self, run: str, principal: Principal) -> RunRecord:
        """The run's row; raises UnknownRun. An unambiguous beginning of at least four characters of an id will do."""
        found = await self._journal.get(run)
        if found is not None and found.principal == principal.id:
            return found
        alike = await self._beginning(run, principal) if _SHORTEST_ID <= len(run) < ID_LENGTH else []
        if len(alike) > 1:
            raise UnknownRun(f"Several runs begin with {run}: {', '.join(r.id for r in alike)}, …", hint="Write more of it.")
        if not alike and (gone := await self._journal.gone(run, principal.id)) is not None:
            raise UnknownRun(f"{gone.told()}.", hint="`planrail runs` lists those that are there.")
        if not alike:
            raise UnknownRun(f"There is no run {run}.", hint="`planrail runs` lists them.")
        return alike[0]

    async def _beginning(self, start: str, principal: Principal) -> list[RunRecord]:
        """The principal's runs whose ids begin so, at most two. Ids sort by time, so later pages hold lower ones."""
        found: list[RunRecord] = []
        before: str | None = None
        while page := await self._journal.find(principal=principal.id, before=before, limit=_PAGE):
            found += [r for r in page if r.id.startswith(start)]
            before = page[-1].id
            if len(found) > 1 or before[: len(start)] < start:
                break
        return found[:2]

    async def get(self, run: str, principal: Principal) -> Run:
        """The run's state as its journal tells; raises UnknownRun."""
        run = (await self.record(run, principal)).id
        return fold(Run(run), await self._journal.read(run))

    async def find(
        self,
        principal: Principal,
        *,
        statuses: Sequence[RunStatus] | None = None,
        before: str | None = None,
        limit: int = 50,
        session: str | None = None,
    ) -> list[RunRecord]:
        """The principal's runs, newest first; with `session` those of one conversation."""
        return await self._journal.find(
            principal=principal.id, statuses=statuses, before=before, limit=limit, session=session
        )  # fmt: skip

    async def recent(self, principal: Principal, wish: Recent, *, limit: int = 50) -> tuple[list[RunRecord], int]:
        """A page of the principal's runs, the last changed first, and how many there are of them in all."""
        return await self._journal.recent(principal.id, wish, limit=limit)

    async def counts(self, principal: Principal) -> Mapping[RunStatus, int]:
        """How many runs the principal has, by status."""
        return await self._journal.counts(principal.id)

    async def events(self, run: str, principal: Principal, *, after: int = 0, follow: bool = True) -> AsyncIterator[Recorded]:
        """The run's events with seq > after, in order; with `follow` also those to come, until the run has ended."""
        record = await self.record(run, principal)
        over = is_over(record.status)
        async for batch in self._journal.follow(record.id, after=after):
            for recorded in batch:
                yield recorded
            if batch:
                over = isinstance(batch[-1].event, RunEnded)
            if over or not follow:
                return

    async def answer(
        self,
        run: str,
        principal: Principal,
        answer: Json = None,
        *,
        question: str | None = None,
        refused: bool = False,
        received: Json = None,
    ) -> Question:
        """Answer an open question (the only one, if none is named) and give it back; raises NotAnswerable.

        Approvals are given by a person or a principal with the scope `approve`, never by the agent that submitted the goal.
        The first answer to a question counts; whoever comes second, or after its time is over, is told so.
        """
        state = await self.get(run, principal)
        run = state.id
        found = _open(state, question, self._now())
        if found.kind in APPROVALS and not may_approve(principal, state.submission.principal):
            who = "a person, or a principal with the scope approve that did not submit the goal"
            raise NotAnswerable(f"{found.id} is answered by {who}.", hint="On the command line: planrail answer.")
        if not refused:
            check_answer(found, answer)
        event = QuestionAnswered(
            question=found.id, answer=answer, refused=refused, by=principal.id, kind=principal.kind, received=received
        )
        for _ in range(_ATTEMPTS):  # the run may be parked or taken just now
            for status, only_if in _ANSWERABLE:
                seq = await self._journal.append(run, [event], epoch=None, status=status, only_if=only_if)
                if seq is not None:
                    await self._counts(run, found, seq)
                    return found
        raise NotAnswerable(f"The run {run} is over.", hint=f"planrail show {run} tells how it ended.")

    async def _counts(self, run: str, question: Question, seq: int) -> None:
        """Raise NotAnswerable unless the answer of that number is the one that counts."""
        recorded = await self._journal.read(run)
        state = fold(Run(run), (r for r in recorded if r.seq <= seq))
        counted = state.answers.get(question.id)
        if question.id in state.expired:
            raise _too_late(run, question)
        if not any(r.seq == seq and r.event is counted for r in recorded):
            by = "somebody" if counted is None else counted.by
            raise NotAnswerable(f"{question.id} was answered by {by} before.", hint=f"planrail show {run} tells the answer.")

    async def cancel(self, run: str, principal: Principal) -> RunRecord:
        """Stop the run: declared when this returns, within a second. What is in flight ends as a receipt."""
        before = await self.get(run, principal)
        run = before.id
        asked = CancelRequested(by=principal.id)
        ended = RunEnded(
            status="cancelled", reason=f"{principal.id} cancelled it.", hint=f"planrail resume {run} goes on from here."
        )
        told = left_behind(before)  # by whoever ends the run: a worker, which has time, if there is any
        for _ in range(0 if is_over(before.status) else _ATTEMPTS):  # the run may be parked or taken just now
            if not told and await self._append(run, [asked, ended], "cancelled", _HELD_BY_NOBODY):
                break
            if await self._append(run, [asked], None, ("running",)) or (
                told and await self._append(run, [asked], "queued", _HELD_BY_NOBODY)
            ):
                await self._stopped(run, principal, ended)
                break
        return await self.record(run, principal)

    async def _stopped(self, run: str, principal: Principal, ended: RunEnded) -> None:
        """Wait for a worker to end the run; take it away from one that does not."""
        try:
            async with asyncio.timeout(_CANCEL_GRACE_S):
                async for _ in self._journal.changes(run):
                    if is_over((await self.record(run, principal)).status):
                        return
        except TimeoutError:
            record = await self.record(run, principal)
            epoch = await self._journal.take(run, "cancel", dead=[] if record.owner is None else [record.owner])
            if epoch is not None:
                try:
                    await self._journal.append(run, [ended], epoch=epoch, status="cancelled", release=True)
                except LostOwnership:
                    return  # somebody took it on once more: the request to cancel stands in its journal
                await self._farewell(await self.get(run, principal))

    async def _append(self, run: str, events: Sequence[Event], status: RunStatus | None, only_if: Sequence[RunStatus]) -> bool:
        """Write events into a run that is of one of these statuses; whether it was."""
        return await self._journal.append(run, events, epoch=None, status=status, only_if=only_if) is not None

    async def resume(self, run: str, principal: Principal, *, budget: Budget | None = None) -> RunRecord:
        """Let an ended run go on: what is done stays, what failed is tried again. A run that has not ended is left as it is."""
        before = await self.record(run, principal)
        run = before.id
        if before.status == "done":
            raise NotAnswerable(f"The run {run} is done.", hint=f"planrail show {run} has its answer.")
        event = RunResumed(by=principal.id, budget=budget)
        await self._journal.append(run, [event], epoch=None, status="queued", only_if=_RESUMABLE)
        return await self.record(run, principal)

    async def fork(self, run: str, principal: Principal, wish: ForkWish, *, key: str | None = None) -> RunRecord:
        """A new run that begins with the settled work of another one, which is left as it is; the same run for the same key.

        Raises UnknownRun, NotForkable, CompileError and PlanRefused, KeyTaken where the key was used for something else, and
        QuotaExceeded.
        """
        original = await self.get(run, principal)
        load = loader(self._artifacts)
        submission, events, tools = await asyncio.to_thread(
            forked, original, principal, wish, self._planning, load, self._now()
        )
        new = self._new_id()
        return await self._journal.create(
            as_it_came(submission),
            run=new,
            key=key or new,
            now=self._now(),
            events=events,
            tools=tools,
            quota=self._quota(principal.id),
        )

    async def replay(self, run: str, principal: Principal) -> Replayed:
        """The run worked out again from its journal by today's code, tools and prices; nothing is called or written."""
        record = await self.record(run, principal)
        recorded = await self._journal.read(record.id)
        ground = ReplayGround(self._planning, self._prices, loader(self._artifacts))
        return await asyncio.to_thread(replay, record.id, recorded, ground)

    async def artifact(self, run: str, content_hash: str, principal: Principal) -> bytes:
        """The bytes of an artifact that the run or its tools made; raises UnknownRun, UnknownArtifact and ArtifactLost."""
        state = await self.get(run, principal)
        return await asyncio.to_thread(RunArtifacts(state, self._artifacts).get, content_hash)


def may_approve(principal: Principal, submitter: Principal) -> bool:
    """Whether its word is an approval: a person's is, and that of an agent with the scope, unless it submitted the goal."""
    return principal.kind == "user" or ("approve" in principal.scopes and principal != submitter)


def _open(run: Run, name: str | None, now: datetime) -> Question:
    """The question that is meant; raises NotAnswerable."""
    questions = run.open_questions
    meant = questions[0].id if name is None and len(questions) == 1 else name
    for question in run.questions.values():
        if question.id == meant and (question.id in run.expired or (question in questions and has_expired(question, now))):
            raise _too_late(run.id, question)
        if question.id == meant and question in questions:
            return question
    listed = ", ".join(q.id for q in questions) or "none"
    message = f"Run {run.id} has no open question {name}." if name else f"Run {run.id} has {len(questions)} open questions."
    raise NotAnswerable(message, hint=f"Open: {listed}.")


def _too_late(run: str, question: Question) -> NotAnswerable:
    until = "" if question.expires_at is None else f" at {question.expires_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return NotAnswerable(f"{question.id} has expired{until}.", hint=f"planrail show {run} tells how the run goes on.")
