"""What can go wrong while a plan runs, and whose fault it is.

PlanrailError (planner.errors)
├── ToolDeclarationError           a function cannot be a tool as it is declared          (user: the tool's author)
├── UnknownTool                    no such tool in the toolset                            (plan)
├── UnknownAgent                   no such agent was made known                           (user)
├── AgentRefused                   an agent's card is not the pinned one, or cannot be had (environment)
│   └── AgentAway                  an agent cannot be reached now                         (environment)
├── UnknownRun                     no such run for this principal                         (user)
├── NotAnswerable                  the question is not open, or this answer does not fit  (user)
├── NotForkable                    the run has no plan yet, or its fork's script no such step (user)
├── SessionSpent                   the session's ceiling is used up                       (user)
├── QuotaExceeded                  the principal has as many runs, or $, as it may        (user)
├── KeyTaken                       the idempotency key belongs to another submission      (user)
├── LostOwnership                  another worker owns the run now; what was paid is a receipt
├── JournalNewer                   the database was written by a newer Planrail           (environment)
├── JournalUnreachable             the database is missing, locked, unreadable or full    (environment)
├── ServerLeftAlone                a server failed again and again: it is not asked now   (environment)
├── UnknownArtifact                no bytes with that hash                                (data)
│   └── ArtifactLost               bytes that were stored are gone, or are not what they were (environment)
├── ArtifactTooLarge               more bytes than one artifact may hold                  (data)
└── ArtifactsUnreachable           the artifact store cannot be reached, read or written  (environment)
"""

from __future__ import annotations

from typing import ClassVar, Literal

from planner.errors import Fault, PlanrailError


class ToolDeclarationError(PlanrailError):
    """A function cannot be a tool as it is declared."""

    fault: ClassVar[Fault] = "user"


class UnknownTool(PlanrailError):
    """No tool of that name; the hint names the nearest ones."""

    fault: ClassVar[Fault] = "plan"


class UnknownAgent(PlanrailError):
    """No agent of that name was made known."""

    fault: ClassVar[Fault] = "user"


class AgentRefused(PlanrailError):
    """An agent's card cannot be had, cannot be used, or is not what was pinned; the message says which."""

    fault: ClassVar[Fault] = "environment"


class AgentAway(AgentRefused):
    """An agent cannot be reached now."""


class UnknownRun(PlanrailError):
    """No such run, or not this principal's: the two are not told apart."""

    fault: ClassVar[Fault] = "user"


class NotAnswerable(PlanrailError):
    """The question is not open (any more), or the answer does not fit its type."""

    fault: ClassVar[Fault] = "user"


class NotForkable(PlanrailError):
    """There is no plan to fork yet, or the script has no such step."""

    fault: ClassVar[Fault] = "user"


class SessionSpent(PlanrailError):
    """The runs of the session have used up one of its ceilings: no further run is taken."""

    fault: ClassVar[Fault] = "user"


class QuotaExceeded(PlanrailError):
    """The principal has as many runs at once, or has used as many $ today, as it may: no further run is taken for a while."""

    fault: ClassVar[Fault] = "user"

    def __init__(self, message: str, *, what: Literal["runs", "usd"], again_in_s: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.what = what
        self.again_in_s = again_in_s


class KeyTaken(PlanrailError):
    """The idempotency key was used for another submission."""

    fault: ClassVar[Fault] = "user"


class LostOwnership(PlanrailError):
    """Another worker has taken the run over: this one may write nothing more into it."""


class JournalNewer(PlanrailError):
    """The database's tables, or a run's event with the number `seq`, are of a newer Planrail than this one."""

    fault: ClassVar[Fault] = "environment"

    def __init__(self, message: str, *, hint: str = "", seq: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.seq = seq


class JournalUnreachable(PlanrailError):
    """The database cannot be opened, read or written; the hint says what to look at."""

    fault: ClassVar[Fault] = "environment"


class ServerLeftAlone(PlanrailError):
    """A server has failed again and again and is not asked for `again_in_s`; the call was not made."""

    fault: ClassVar[Fault] = "environment"

    def __init__(self, message: str, *, again_in_s: float) -> None:
        super().__init__(message)
        self.again_in_s = again_in_s


class UnknownArtifact(PlanrailError):
    """No bytes with that hash are stored."""

    fault: ClassVar[Fault] = "data"


class ArtifactLost(UnknownArtifact):
    """Bytes that were stored are gone, or are not what they were; the message says whose data is lost."""

    fault: ClassVar[Fault] = "environment"


class ArtifactTooLarge(PlanrailError):
    """The bytes are more than one artifact may hold."""

    fault: ClassVar[Fault] = "data"


class ArtifactsUnreachable(PlanrailError):
    """The artifact store cannot be opened, reached, read or written; the hint says what to look at."""

    fault: ClassVar[Fault] = "environment"
