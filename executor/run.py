"""Run: what the journal says of a run, folded into one state. Nothing else decides what a run is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from executor.call_state import CEILING, CallState
from executor.early_reads import AHEAD
from executor.events import (
    TERMINAL,
    CallFailed,
    CallFinished,
    CallHeld,
    CallRetried,
    CallStarted,
    CancelRequested,
    CeilingReached,
    ClaimRenewed,
    ConfidenceFell,
    EarlierShown,
    EffectsInherited,
    Event,
    GoalRouted,
    PlanCertified,
    PlannerCalled,
    PlanProposed,
    PlanRefused,
    Question,
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    QuestionReminded,
    QuotaGranted,
    ReceiptCounted,
    Recorded,
    RunEnded,
    RunForked,
    RunParked,
    RunResumed,
    RunStatus,
    RunSubmitted,
    SegmentStarted,
    SessionGranted,
    StepSkipped,
    Surprised,
    TaskDelegated,
    TimerStarted,
)
from executor.inner import Inner, forget_answers, inner_of, is_told
from executor.started import shown_arguments
from executor.state import Revision, Run, Said
from executor.thread import forget_cancelled, forget_thread
from planner.program import statement_of
from planner.toolspec import Json

__all__ = ["Revision", "Run", "Said", "approved_call", "fold", "is_over"]

_ROUGH = (Surprised, ConfidenceFell, CeilingReached, RunResumed, RunForked)  # after these a run proves nothing of its plan
_REFUSABLE = ("approve", "repeat", "flow", "credential")  # kinds where false is a refusal, which a resume asks about again


def fold(run: Run, recorded: Iterable[Recorded]) -> Run:
    """The same run after further events, which must follow its own without a gap."""
    for record in recorded:
        run.seq = max(run.seq, record.seq)
        run.folded += 1
        _clock(run, record)
        _apply(run, record)
    return run


def _clock(run: Run, record: Recorded) -> None:
    """Count the time that segments have held the run; waiting for people or workers does not count."""
    match record.event:
        case SegmentStarted():
            run._segment_at = record.at
            run.seconds_before = run.seconds
        case RunParked(seconds=measured) | RunEnded(seconds=measured) if run._segment_at is not None:
            run.seconds += max((record.at - run._segment_at).total_seconds(), 0.0)
            if measured is not None:  # the machine's clock may have been set meanwhile
                run.seconds = run.seconds_before + measured
            run._segment_at = None
        case _ if run._segment_at is not None:
            run.seconds += max((record.at - run._segment_at).total_seconds(), 0.0)
            run._segment_at = max(record.at, run._segment_at)


def _apply(run: Run, record: Recorded) -> None:
    """What one event changes."""
    if isinstance(record.event, _ROUGH):
        run.smooth, run.blame = False, run.blame or _blame(record.event)
    match record.event:
        case CallStarted() | CallRetried() | CallFinished() | CallFailed() | StepSkipped() as event:
            _apply_call(run, event, record.at)
        case GoalRouted() as event:
            run.routed = event
        case PlannerCalled() | PlanProposed() | PlanRefused() | PlanCertified() as event:
            _apply_plan(run, event)
        case TimerStarted() as event:
            run.timers.setdefault((event.step, event.item), event)
        case QuestionAsked() | QuestionAnswered() | QuestionReminded() | QuestionExpired() as event:
            _apply_question(run, event)
            if isinstance(event, QuestionAnswered) and run.status == "waiting":
                run.status = "queued"  # as its row is since then
        case ReceiptCounted(key=key, usage=usage):
            run.receipts.add(key)
            run.usage += usage
        case CallHeld() as event if (event.step, event.item) in run.calls:
            run.calls[event.step, event.item].held = event.reason
        case ClaimRenewed() as event if (started := run.call(event.step, event.item).started) is not None:
            run.calls[event.step, event.item].started = started.model_copy(update={"deadline": event.deadline})
        case TaskDelegated() as event:
            run.delegated[event.step, event.item] = event
        case Surprised() as event:
            run.surprises.append(event)
        case ConfidenceFell() as event:
            run.fell.append(event)
            run.uncounted.update({(event.step, event.item)} if event.step else ())
        case CeilingReached() as event:
            run.ceilings.append(event)
        case EarlierShown() as event:
            run.earlier.append(event)
        case SessionGranted() as event:
            run.granted = event
        case QuotaGranted() as event:
            run.drawn = event
        case _:
            _apply_life(run, record)


def _blame(event: Event) -> str:
    """What an event says against the run's plan; nothing where a person refused, and of ceilings, resumes and forks."""
    match event:
        case Surprised(step=step, kind=kind, message=message) if kind != "refused":
            return f"{step}: {message}"[:300]
        case ConfidenceFell(measure=measure, step=step):
            return f"{step or 'the run'}: {measure}"
        case _:
            return ""


def _apply_question(run: Run, event: QuestionAsked | QuestionAnswered | QuestionReminded | QuestionExpired) -> None:
    """The first of answer and expiry counts."""
    match event:
        case QuestionAsked(question=question):
            run.flow_questions += question.kind == "flow" and question.id not in run.questions
            run.questions.setdefault(question.id, question)
            if question.kind == "repeat":
                run.repeats |= {(question.of, s["item"]): (question.id, s["effect"]) for s in question.shown}
        case QuestionAnswered(question=name) if name in run.questions and name not in run.expired and name not in run.answers:
            run.answers[name] = event
            _said(run, run.questions[name], event)
        case QuestionExpired(question=name) if name in run.questions and name not in run.answers:
            run.expired.add(name)
            _said(run, run.questions[name], None)
        case QuestionReminded(question=name, number=number):
            run.reminders[name] = number


def _said(run: Run, question: Question, answer: QuestionAnswered | None) -> None:
    """What an answer, or None in time, says of each thing that was shown."""
    if question.kind == "flow":
        for row in question.shown:
            which = [] if answer is None or answer.refused else answer.answer
            allowed = which is True or (isinstance(which, list) and row["number"] in which)
            run.consents[row["binding"]] = Said(allowed, "" if answer is None else answer.by)
    elif question.kind == "approve" and answer is not None and answer.answer is True and not answer.refused:
        for shown in question.shown or ():
            if "note" not in shown and "step" in shown:  # its arguments were known, and it says whose they are
                run.shown.add(run.same_call(shown["tool"], shown_arguments(shown["arguments"])))
                run.approved.add(approved_call(run, shown["step"], shown["item"], shown["tool"], shown["arguments"]))


def approved_call(run: Run, step: str, item: str, tool: str, arguments: dict[str, Json]) -> str:
    """By which a call is known to be one that an approval has shown, with these arguments."""
    return f"{step}:{item} {run.same_call(tool, shown_arguments(arguments))}"


def _apply_life(run: Run, record: Recorded) -> None:
    match record.event:
        case RunSubmitted() as event:
            run.submission, run.now, run.started_at = event.submission, event.now, record.at
            run.budget = event.submission.budget
        case RunForked() as event:
            run.forked, run.now = event, event.now
        case EffectsInherited() as event:
            run.inherited = event
            for number, effect in enumerate(event.effects):
                run.alike.setdefault(run.same_call(effect.call, effect.arguments), []).append(number)
        case SegmentStarted() as event:
            run.epoch, run.status, run.wake_at = event.epoch, "running", None
            _reopen(run, lambda failed: failed.kind == CEILING)  # the segment that met the ceiling could not end the run
        case CancelRequested():
            run.cancel_requested = True
        case RunParked(until=until):
            run.status, run.wake_at = "waiting", until
            run.early.forget()
        case RunEnded() as event:
            run.ended, run.status, run.ended_at, run.wake_at = event, event.status, record.at, None
        case RunResumed() as event:
            _go_on_with_questions(run, record.at)
            _resume(run, event)


def _go_on_with_questions(run: Run, at: datetime) -> None:
    """Forget those that were refused or expired; for those that stand open the time while the run was over does not count."""
    gone = timedelta() if run.ended_at is None else max(at - run.ended_at, timedelta())
    for question in run.open_questions:
        moved = {name: None if then is None else then + gone for name, then in _moments(question)}
        run.questions[question.id] = question.model_copy(update=moved)
    refused = {q for q, a in run.answers.items() if a.refused or (a.answer is False and run.questions[q].kind in _REFUSABLE)}
    for question_id in refused | run.expired:
        for known in (run.answers, run.questions, run.reminders):
            known.pop(question_id, None)
    run.expired.clear()
    run.consents = {binding: said for binding, said in run.consents.items() if said.allowed}


def _moments(question: Question) -> Iterable[tuple[str, datetime | None]]:
    return (("asked_at", question.asked_at), ("expires_at", question.expires_at))


def _resume(run: Run, event: RunResumed) -> None:
    """Forget why the run ended; failed calls are open to be made again, finished ones stay."""
    if run.ended is not None and run.ended.status == "cancelled":
        forget_cancelled(run)
    run.ended, run.ended_at, run.cancel_requested, run.status = None, None, False, "queued"
    run.budget = event.budget or run.budget
    run.surprises.clear()
    run.early.forget()
    run.fell = [f for f in run.fell if run.call(f.step, f.item).finished is not None]
    run.counted, run.uncounted = 0, set()
    run.ceilings.clear()
    if run.certified is None:
        run.refusals.clear()
        run.proposed = None
        run.routed = run.routed if run.routed is not None and run.routed.specialist else None
    else:  # what was proposed to mend it is forgotten with what it should have mended
        run.refusals = [(p, r) for p, r in run.refusals if p.revision <= run.certified.revision]
        run.proposed = run.origin
    _poll_anew(run)
    forget_answers(run.calls)
    _reopen(run, lambda failed: not is_told(run.calls, failed.step, failed.item))


def _poll_anew(run: Run) -> None:
    """Forget the calls and the times of polls that failed: their time begins again."""
    failed = {step for step, item in run.timers if item == "" and run.call(step).failed is not None}
    for address in [a for a in (*run.timers, *run.calls) if a[0] in failed]:
        run.timers.pop(address, None)
        run.calls.pop(address, None)


def _reopen(run: Run, which: Callable[[CallFailed], bool]) -> None:
    for address, call in run.calls.items():
        if call.failed is not None and which(call.failed):
            call.reopen()
            forget_thread(run, address)


def _apply_plan(run: Run, event: PlannerCalled | PlanProposed | PlanRefused | PlanCertified) -> None:
    match event:
        case PlannerCalled():
            run.planner_calls.append(event)
            run.usage += event.usage
        case PlanProposed():
            run.proposed = event
            run.template = event.template if event.revision == 1 else run.template
        case PlanRefused():
            if run.proposed is not None:
                run.refusals.append((run.proposed, event))
            run.proposed = None
        case PlanCertified():
            _certify(run, event)


def _certify(run: Run, event: PlanCertified) -> None:
    """The plan goes on as this revision: what surprised is mended, and nobody is asked any more for what is gone."""
    if run.certified is not None:
        run.early.forget()
    run.revisions.append(Revision(event, run.proposed, tuple(run.surprises)))
    run.certified, run.origin = event, run.proposed
    run.surprises.clear()
    run.dropped |= event.dropped
    run.gone = run.gone.union(statement_of(step) for step in event.dropped)
    run.counted, run.uncounted = 0, set()
    for question in [q for q in run.open_questions if q.of in event.dropped]:
        del run.questions[question.id]


def _apply_call(run: Run, event: CallStarted | CallRetried | CallFinished | CallFailed | StepSkipped, at: datetime) -> None:
    if isinstance(event, StepSkipped):
        run.skipped.add(event.step)
        return
    call = run.calls.setdefault((event.step, event.item), CallState())
    call.held = ""
    match event:
        case CallStarted():
            _apply_start(run, call, event, at)
        case CallRetried():
            call.retries.append(event)
            run.usage += event.usage
            _count(run, event.step, 1 if event.tool_call else 0)
        case CallFinished():
            call.finished, call.failed, call.ended_at = event, None, at
            run.counted += 1 if event.how == "call" and _is_answer(run, call.started, event) else 0
            run.artifacts.update(event.artifacts, () if event.artifact is None else (event.artifact.hash,))
            _ended(run, event)
        case CallFailed():
            call.failed, call.ended_at = event, at
            _ended(run, event)


def _apply_start(run: Run, call: CallState, event: CallStarted, at: datetime) -> None:
    """A call that takes another one's place is none of its own: it is not counted again."""
    same = run.same_call(event.call, event.arguments)
    own = bool(event.key) and event.of is None
    if call.started is None:  # one that takes another one's place too: it is what the next revision finds
        run.made.setdefault(same, []).append((event.step, event.item))
    if (call.started is None or not call.started.key) and own:
        run.ordinals[same] = run.ordinals.get(same, 0) + 1
    if event.ahead or event.step == AHEAD:
        run.early.started(event, same)
    if event.of is not None:
        run.taken.add(event.of)
    if event.claim:
        run.acted[event.call.partition(".")[0]] = at
    call.started, call.started_at, call.again = event, at, False
    call.starts += 1
    _count(run, event.step, 1 if own else 0)


def _is_answer(run: Run, started: CallStarted | None, event: CallFinished) -> bool:
    """Whether a model has answered a step: at once, or at the end of a `do`, whose turns are no answers."""
    if event.step.startswith("$"):  # before there was a plan
        return False
    if started is None:
        return (event.step, Inner(event.item, 1).item) in run.calls
    return bool(started.model) and inner_of(event.item) is None


def _ended(run: Run, event: CallFinished | CallFailed) -> None:
    run.settled.setdefault(event.step, []).append(event.item)
    run.usage += event.usage
    _count(run, event.step, event.further_calls)


def _count(run: Run, step: str, calls: int) -> None:
    run.tool_calls += calls
    run.calls_of[step] = run.calls_of.get(step, 0) + calls


def is_over(status: RunStatus) -> bool:
    """Whether a run of that status has ended."""
    return status in TERMINAL
