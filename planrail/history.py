"""History: what happened around a run's calls: planner, people, how near its ceilings came. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from executor.events import Surprised
from executor.run import Run
from executor.writer import PROBE
from planner.toolspec import Json
from planner.usage import NO_USAGE, Usage
from planrail.statements import rows


class _View(BaseModel):
    model_config = ConfigDict(frozen=True)


class PlannerUse(_View):
    """One call of the planner's model; `error` says why it gave no plan."""

    purpose: str
    model: str
    usage: Usage
    seconds: float
    error: str = ""


class Looked(_View):
    """What a planner looked up before it wrote its plan, and what the turns in between took."""

    calls: int = 0
    usage: Usage = NO_USAGE


class Said(_View):
    """A question that is over: answered, refused, or, where `by` is empty, expired."""

    question: str
    kind: str
    of: str
    text: str
    answer: Json = None
    refused: bool = False
    by: str = ""
    asked_at: datetime | None = None
    effects: int = 0  # that it was about

    @property
    def no(self) -> bool:
        """Whether somebody would not have it so."""
        return bool(self.by) and (self.refused or self.answer is False)


class RevisionView(_View):
    """A plan that the run has had, or has: where it came from, what it mended, what of the plan before it it replaced."""

    revision: int
    source: str
    playbook: str = ""
    mended: tuple[str, ...] = ()  # the surprises, each with its step
    removed: tuple[str, ...] = ()  # statements
    added: tuple[str, ...] = ()


class CeilingUse(_View):
    """How much of a ceiling the run has taken."""

    ceiling: str
    used: float
    limit: float

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 1.0


def planner_uses(run: Run) -> tuple[PlannerUse, ...]:
    """What the planner was asked, in order."""
    return tuple(
        PlannerUse(purpose=c.purpose, model=c.model, usage=c.usage, seconds=c.seconds, error=c.error) for c in run.planner_calls
    )


def looked(run: Run) -> Looked:
    """What the planner looked up."""
    made = [call for (step, _), call in run.calls.items() if step == PROBE]
    ends = [end for call in made for end in (*call.retries, call.finished, call.failed) if end is not None]
    calls = sum(1 for call in made if call.started is not None and call.started.key)
    return Looked(calls=calls, usage=sum((end.usage for end in ends), NO_USAGE))


def said(run: Run) -> tuple[Said, ...]:
    """What people said, in the order in which they were asked."""
    found = []
    for question in run.questions.values():
        answer = run.answers.get(question.id)
        if answer is None and question.id not in run.expired:
            continue
        shown = question.shown if isinstance(question.shown, list) else []
        base = Said(
            question=question.id, kind=question.kind, of=question.of, text=question.text, asked_at=question.asked_at,
            effects=len(shown),
        )  # fmt: skip
        told = {} if answer is None else {"answer": answer.answer, "refused": answer.refused, "by": answer.by}
        found.append(base.model_copy(update=told))
    return tuple(found)


def revisions(run: Run) -> tuple[RevisionView, ...]:
    """The plans that the run has had, the last one last."""
    found: list[RevisionView] = []
    texts = [_statements(r.certified.script) for r in run.revisions] if len(run.revisions) > 1 else []
    for number, revision in enumerate(run.revisions):
        proposed = revision.proposed
        base = RevisionView(
            revision=revision.certified.revision, source="" if proposed is None else proposed.source,
            playbook="" if proposed is None else proposed.playbook, mended=tuple(_told(s) for s in revision.mended),
        )  # fmt: skip
        if number:
            gone, new = texts[number - 1] - texts[number], texts[number] - texts[number - 1]
            base = base.model_copy(update={"removed": tuple(gone.elements()), "added": tuple(new.elements())})
        found.append(base)
    return tuple(found)


def _statements(script: str) -> Counter[str]:
    return Counter(row.text.strip() for row in rows(script))


def _told(surprise: Surprised) -> str:
    where = f"{surprise.step}[{surprise.item}]" if surprise.item else surprise.step
    return f"{where}: {surprise.message}"


def ceiling_uses(run: Run) -> tuple[CeilingUse, ...]:
    """How near the run came to its ceilings, the nearest first; those that it took nothing of are left out."""
    budget, usage = run.budget, run.usage
    taken: Iterable[tuple[str, float, float]] = (
        ("calls", run.tool_calls, budget.calls),
        ("calls_per_step", max(run.calls_of.values(), default=0), budget.calls_per_step),
        ("model_calls", usage.model_calls, budget.model_calls),
        ("tokens", usage.tokens, budget.tokens),
        ("usd", usage.usd, budget.usd),
        ("seconds", round(run.seconds, 3), budget.seconds),
    )
    used = [CeilingUse(ceiling=name, used=used, limit=limit) for name, used, limit in taken if used]
    return tuple(sorted(used, key=lambda c: c.share, reverse=True))
