"""Frame: what a run is decided by, besides its journal, and the forms of what may happen next; `executor.moves` decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from executor.bind import Bound
from executor.call_state import Address
from executor.events import CallFailed, CallFinished, Event, Question, QuestionAnswered, QuestionExpired, QuestionReminded
from executor.keyring import Keyring
from executor.outcomes import Failed
from executor.repeat import Repeat
from executor.talk import Talk
from executor.want import Want
from planner.errors import ExpressionError
from planner.expression import to_json
from planner.labels import NO_LABEL, Label, Tagged
from planner.order import soon
from planner.policy import Policy
from planner.program import Program, Step
from planner.toolspec import ToolSpec

Otherwise = Callable[[], Tagged]


@dataclass(frozen=True)
class Frame:
    """What a run is decided by, besides its journal."""

    program: Program
    waits: Mapping[str, Sequence[str]]
    tools: Mapping[str, ToolSpec]
    fan_out: int
    preapproved: bool = False
    bounds: Mapping[str, int] = field(default_factory=dict)  # map → the most calls that its certificate counts
    question_timeout_s: float | None = None  # of questions whose step names none
    policy: Policy | None = None  # None: nobody is asked of flows, as where calls are taken over that were asked for before
    ahead: Sequence[tuple[str, str]] = ()  # (step, argument) that the certificate says are asked for before anything runs
    controls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # step → who decides on its call, where that is asked
    revision: int = 1
    fresh: frozenset[str] = frozenset()  # steps that a revision has brought
    mended: bool = False  # it was a replan that brought them
    approved: bool = False  # a person had approved effects of the plan before it was revised
    keyring: Keyring | None = None  # None: nobody is asked for secrets, as where it is only worked out what has happened

    @cached_property
    def soon(self) -> frozenset[str]:
        """The steps that may take the results of early reads."""
        return soon(self.program, self.waits, self.tools)


@dataclass(frozen=True)
class Start:
    """A call that may start. `otherwise` gives the script's own answer for when it fails.

    `decided_by` is what a model had read that decided on this call, rather than the script (`do`, ReAct); `talk` is what the
    model of a `do` is told at this turn.
    """

    step: Step
    item: str
    bound: Bound
    otherwise: Otherwise | None = None
    decided_by: Label = NO_LABEL
    early: str = ""  # the early read in flight whose result it takes, see `executor.early`
    talk: Talk | None = None

    @property
    def address(self) -> Address:
        return (self.step.id, self.item)


@dataclass
class Moves:
    """What may happen now. `questions` are to be asked at once, `approvals` when nothing else can go on.

    `deadlines` are what the clock does to questions, unless somebody has answered meanwhile. At `wake_at` something becomes
    possible by the clock alone.
    """

    events: list[Event] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    approvals: list[Question] = field(default_factory=list)
    surprises: list[tuple[Step, Failed]] = field(default_factory=list)
    repeats: dict[str, list[Repeat]] = field(default_factory=dict)  # of a fork: step → calls that a person has to decide on
    early: set[str] = field(default_factory=set)  # early reads that these calls take
    wanted: list[Want] = field(default_factory=list)  # what of calls that are ready a policy wants a person's consent for
    secrets: dict[str, list[Start]] = field(default_factory=dict)  # name → calls that lack it, of which nobody was asked yet
    answered: dict[str, QuestionAnswered] = field(default_factory=dict)  # questions about secrets that are set by now
    changed: list[Step] = field(default_factory=list)  # effects that wait for a word on the changed plan
    taken: set[Address] = field(default_factory=set)  # calls of earlier revisions that others take over now
    complete: bool = False
    wake_at: datetime | None = None
    deadlines: list[QuestionExpired | QuestionReminded] = field(default_factory=list)


def unbound(step: Step, item: str, error: ExpressionError, otherwise: Otherwise | None, decided: Label) -> Event:
    """What becomes of a call whose arguments have no value."""
    if otherwise is not None:
        return instead(step.id, item, otherwise, str(error), decided)
    return CallFailed(step=step.id, item=item, kind="expression", message=str(error))


def instead(step: str, item: str, otherwise: Otherwise, reason: str, decided: Label) -> CallFinished | CallFailed:
    """The script's own value for a call that failed; that it did was decided by what `decided` names."""
    try:
        value = otherwise()
        labels = value.labels.with_choice(decided).to_json()
        return CallFinished(step=step, item=item, value=to_json(value.value), labels=labels, how="otherwise", reason=reason)
    except ExpressionError as error:
        return CallFailed(step=step, item=item, kind="expression", message=f"{reason} Its otherwise failed: {error}")
