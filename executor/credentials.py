"""Credentials: a call whose secret is not set here waits until somebody says that it is, and is looked for again then. Pure.

    call is ready ─► its secrets ─┬─ all are set here ──────────────► it starts
                                  ├─ asked, and nobody has answered ► it waits
                                  ├─ refused, or out of time ───────► it fails, "refused"
                                  └─ not asked, or said to be set ──► asked (once more): one question a secret

The answer is yes or no, never the secret. Each worker has its own: one that has what another lacked answers by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from executor.consent import Verdict, refusal
from executor.events import Question, QuestionAnswered
from executor.frame import Frame, Moves, Start
from executor.run import Run
from planner.toolspec import Json

_FOUND = "the worker"  # who answers where the secret is set by now
_ID = "secret:"  # and the name begin a question's id
_NUMBER = re.compile(r"#[0-9]+$")  # ends it, from the second time on
_SHOWN = 50  # calls that wait for a secret, in its question


def lacks_secret(start: Start, frame: Frame, run: Run, moves: Moves) -> bool:
    """Whether the call is held back by a secret; what comes of that is in `moves`."""
    held = False
    for name in _names(start, frame, run):
        asked = _asked(run, name)
        last = asked[-1] if asked else None
        is_open = last is not None and last.id not in run.answers and last.id not in run.expired
        refused = "" if last is None or is_open else _refused(run, last, name)
        if refused if frame.keyring is None else not frame.keyring.has(name):
            held = True
            if refused:
                moves.events.append(refusal(start, Verdict(refused=refused, by=_by(run, last))))
                return True
            if not is_open:
                moves.secrets.setdefault(name, []).append(start)
        elif is_open and frame.keyring is not None:
            assert last is not None
            moves.answered.setdefault(last.id, QuestionAnswered(question=last.id, answer=True, by=_FOUND))
    return held


def _names(start: Start, frame: Frame, run: Run) -> Iterable[str]:
    """The secrets that the call takes: by the plan, by its tool, and those that were asked for it before."""
    taken = () if frame.keyring is None else frame.keyring.taken(start.step.tool)
    asked = [q for q in run.questions.values() if q.kind == "credential" and not q.agent]
    before = [_NUMBER.sub("", q.id.removeprefix(_ID)) for q in asked if _is_about(q, start)]
    return dict.fromkeys((*start.bound.secrets.values(), *taken, *before))


def _is_about(question: Question, start: Start) -> bool:
    return any((row["step"], row["item"]) == start.address for row in question.shown)


def credentials_asked(secrets: Mapping[str, Sequence[Start]], frame: Frame, run: Run) -> Iterator[Question]:
    """The questions about secrets that calls lack, one a secret."""
    for name, starts in secrets.items():
        number, first = len(_asked(run, name)) + 1, starts[0]
        tools = ", ".join(dict.fromkeys(start.step.tool for start in starts))
        verb = "needs" if len({start.step.tool for start in starts}) == 1 else "need"
        before = "It was said to be, and where the run goes on now it is not: every worker has to have it. "
        how = "" if frame.keyring is None else frame.keyring.how(name)
        yield Question(
            id=_name(name, number),
            kind="credential",
            of=first.step.id,
            text=f"{tools} {verb} the secret `{name}`, which is not set. {before if number > 1 else ''}{how}".strip()
            + " Answer yes once it is set; the secret itself is no answer.",
            answer_schema={"type": "boolean"},
            shown=[_row(start, name) for start in starts[:_SHOWN]],
        )


def _row(start: Start, name: str) -> dict[str, Json]:
    """A call that waits, with the argument that is lacking."""
    given = {argument: {"secret": name} for argument, of in start.bound.secrets.items() if of == name}
    return {"step": start.step.id, "item": start.item, "tool": start.step.tool, "arguments": given}


def _name(secret: str, number: int) -> str:
    return f"{_ID}{secret}" if number == 1 else f"{_ID}{secret}#{number}"


def _asked(run: Run, secret: str) -> list[Question]:
    """The questions about a secret so far, the last one last."""
    found: list[Question] = []
    while (question := run.questions.get(_name(secret, len(found) + 1))) is not None:
        found.append(question)
    return found


def _refused(run: Run, question: Question, secret: str) -> str:
    """Why the secret will not be set; "" where it was said that it is."""
    answer = run.answers.get(question.id)
    if answer is None:
        return f"The secret `{secret}` is not set, and nobody set it in time."
    if answer.refused or answer.answer is not True:
        return f"The secret `{secret}` is not set, and {answer.by} will not set it."
    return ""


def _by(run: Run, question: Question | None) -> str:
    answer = None if question is None else run.answers.get(question.id)
    return "" if answer is None else answer.by
