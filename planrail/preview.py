"""Preview: a plan drawn up and certified, of which nothing runs or stays but what its model's calls have cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from executor.drafting import NotPlanned
from executor.events import Event, Recorded, RunEnded
from executor.journal.memory import MemoryJournal
from executor.journal.port import Journal
from executor.planning import Planning
from executor.quota import Quota, check
from executor.recorder import Recorder
from executor.run import Run, fold
from executor.submission import Submission

_RUN = "preview"


@dataclass(frozen=True)
class Charge:
    """Whose day a preview takes of, under which name; and how much a day is."""

    journal: Journal
    principal: str
    name: str
    usd_a_day: float


class _Charged(MemoryJournal):
    """A journal of one preview, which takes its $ where they are counted."""

    def __init__(self, charge: Charge | None, clock: Callable[[], datetime]) -> None:
        super().__init__(clock=clock)
        self._charge = charge

    async def draw(self, run: str, wanted: float, *, used: float, limit: float, epoch: int) -> Recorded:
        of = self._charge
        assert of is not None
        event = await of.journal.hold(of.principal, of.name, wanted, used=used, limit=limit)
        seq = await self.append(run, [event], epoch=epoch)
        assert seq is not None
        return Recorded(seq=seq, at=self._clock(), event=event)


async def previewed(
    submission: Submission,
    earlier: Sequence[Event],
    planning: Planning,
    now: Callable[[], datetime],
    charge: Charge | None,
) -> Run:
    """A run that has a plan, or has ended without; raises QuotaExceeded where the day is used up."""
    usd_a_day = None if charge is None else charge.usd_a_day
    if charge is not None:
        check(charge.principal, Quota(usd=usd_a_day), await charge.journal.quota(charge.principal), now())
    journal = _Charged(charge, now)
    record = await journal.create(submission, run=_RUN, key=_RUN, now=now(), events=earlier)
    epoch = await journal.take(record.id, _RUN)
    assert epoch is not None
    run = fold(Run(record.id), await journal.read(record.id))
    recorder = Recorder(journal, run, epoch=epoch, now=now, usd_a_day=usd_a_day)
    try:
        await planning.plan(recorder)
    except NotPlanned as problem:
        await recorder.commit(RunEnded(status="failed", reason=problem.message, hint=problem.hint))
    finally:
        if charge is not None and run.drawn is not None:
            await charge.journal.settle(charge.name, run.usage.usd)
    return run
