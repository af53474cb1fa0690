"""Writer: in whose hand a run's script is, and therefore whose words its literals are; see `planner.hand`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache

from executor.inner import inner_of
from executor.run import Run
from planner.flow import source_of
from planner.hand import Hand
from planner.labels import NO_LABEL, Label, Labels, Origin
from planner.parse import parse_script
from planner.syntax import FString, Literal_, walk

PROBE = "$probe"  # the step under which look-ups stand that were made before there was a plan
REPLAN = Origin("replan", trusted=False)  # what a planner has read that was shown what a run has met


def hand_of(run: Run) -> Hand:
    """Who wrote the run's script, or the revision of it that is proposed.

    What a planner writes that has read strangers, by its look-ups or in an earlier run that the submission refers to, is
    theirs, but for what stands verbatim in the goal, or in what the principal has said in those runs; they may have decided on
    each effect.
    A submitted script, a playbook and a plan from the goal alone are as trusted as whoever submitted the goal. What a replan
    has written is not, but for what stands verbatim in the goal, the parameters, or the script that it mends.
    """
    own = Label(frozenset((Origin(run.submission.principal.kind, trusted=True),)))
    proposed = run.proposed or run.origin
    source = "planner" if proposed is None else proposed.source
    looked = _looked(run) if run.submission.probes and source in ("planner", "replan") else NO_LABEL
    looked = looked.join(_earlier(run)) if run.earlier and source in ("planner", "replan") else looked
    goal = "\n".join((run.submission.goal, *_said_before(run)))
    if proposed is None or source != "replan":
        return Hand(own, looked, said=goal, deciding=looked) if looked.data else Hand(own)
    said = "\n".join((goal, *(_text(value) for value in proposed.params.values())))
    before = frozenset[str]() if looked.data else literals_of(proposed.before)  # which may be strangers' as well
    return Hand(own, Label(frozenset((REPLAN,))).join(looked), before, said, looked)


def _looked(run: Run) -> Label:
    """The strangers of whom the planner has read by its look-ups."""
    found: set[Origin] = set()
    for (step, item), call in run.calls.items():
        inner = inner_of(item)
        if step != PROBE or inner is None or not inner.number or call.started is None:
            continue
        if call.finished is not None:
            whole = Labels.from_json(call.finished.labels or {}).whole()
            found.update(o for o in (*whole.data, *whole.choice) if not o.trusted)
        elif call.failed is not None:
            found.add(Origin(source_of(call.started.call), trusted=False))  # its words
    return Label(frozenset(found)) if found else NO_LABEL


def _earlier(run: Run) -> Label:
    """The strangers who have a part in the earlier runs that the planner is shown."""
    return Label(frozenset().union(*(Labels.from_json(e.strangers or {}).whole().data for e in run.earlier)))


def _said_before(run: Run) -> Iterator[str]:
    """What the same principal has said in these, as a person or as an agent, as now."""
    for earlier in run.earlier:
        if earlier.kind == run.submission.principal.kind:
            yield from (earlier.goal, *(_text(value) for value in earlier.params.values()))


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
