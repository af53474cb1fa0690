"""Writer: in whose hand a run's script is, and therefore whose words its literals are; see `planner.hand`."""

from __future__ import annotations

import json
from functools import lru_cache

from executor.run import Run
from planner.hand import Hand
from planner.labels import Label, Origin
from planner.parse import parse_script
from planner.syntax import FString, Literal_, walk

REPLAN = Origin("replan", trusted=False)  # what a planner has read that was shown what a run has met


def hand_of(run: Run) -> Hand:
    """Who wrote the run's script, or the revision of it that is proposed.

    A submitted script, a playbook and a plan from the goal alone are as trusted as whoever submitted the goal. What a replan
    has written is not, but for what stands verbatim in the goal, the parameters, or the script that it mends.
    """
    own = Label(frozenset((Origin(run.submission.principal.kind, trusted=True),)))
    proposed = run.proposed or run.origin
    if proposed is None or proposed.source != "replan":
        return Hand(own)
    said = "\n".join((run.submission.goal, *(_text(value) for value in proposed.params.values())))
    return Hand(own, Label(frozenset((REPLAN,))), literals_of(proposed.before), said)


@lru_cache(64)
def literals_of(script: str) -> frozenset[str]:
    """The texts of a script's literals, as they stand there; the script must be one that compiles."""
    found = set[str]()
    for statement in parse_script(script):
        for node in walk(statement):
            match node:
                case Literal_(value=value):
                    found.add(str(value))
                case FString(parts=parts):
                    found.update(part for part in parts if isinstance(part, str))
    return frozenset(found)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
