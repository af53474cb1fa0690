"""What ends a command early."""

from __future__ import annotations

from planner.errors import PlanrailError

DONE, FAILED, USAGE, WAITING, PARTIAL, INTERRUPTED = 0, 1, 2, 3, 4, 130


class UsageError(PlanrailError):
    """The command line asks for something that cannot be meant: exit code 2."""

    fault = "user"


class Interrupted(PlanrailError):
    """Ctrl-C: exit code 130. The hint says how to go on."""

    fault = "user"
