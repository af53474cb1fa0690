"""Repeat: an effect that the run behind a fork had already: it is made again, or its result adopted, as a person says.

The n-th call of the fork with the same tool and the same bound arguments stands for the n-th such effect of the other run.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from executor.call_state import Address
from executor.events import CallFinished, CallStarted, Forked, Question, QuestionAnswered, SettledEffect
from executor.inner import place_of
from executor.run import Run
from executor.started import shown_arguments
from planner.toolspec import Json


@dataclass(frozen=True)
class Repeat:
    """A call that would repeat an effect; `answer` is None while nobody has decided."""

    item: str
    number: int  # of the effect among those that were inherited
    effect: SettledEffect
    arguments: dict[str, Json]
    asked: bool
    answer: QuestionAnswered | None


def repeat_of(
    run: Run, address: Address, tool: str, arguments: dict[str, Json], held: Collection[int]
) -> Repeat | None:  # fmt: skip
    """The effect that this call would repeat; None for a call that is new. `held` are effects that other calls stand for."""
    if run.inherited is None or run.call(*address).started is not None:
        return None
    question, number = run.repeats.get(address, ("", -1))
    if number < 0:
        taken = {n for _, n in run.repeats.values()} | set(held)
        alike = run.alike.get(run.same_call(tool, shown_arguments(arguments)), ())
        number = next((n for n in alike if n not in taken), -1)
    if number < 0:
        return None
    effect = run.inherited.effects[number]
    return Repeat(address[1], number, effect, arguments, question in run.questions, run.answers.get(question))


def repeat_question(run: Run, step: str, repeats: Sequence[Repeat]) -> Question:
    """The question whether these calls of a step are made again."""
    assert run.inherited is not None
    asked = sum(1 for q in run.questions.values() if q.kind == "repeat" and q.of == step)
    tool, many = repeats[0].effect.call, len(repeats)
    calls = f"{many} calls of {tool}, with these arguments, are" if many > 1 else f"{tool}, with these arguments, is"
    known = all(r.effect.finished is not None for r in repeats)
    unknown = "" if known else " Of some nobody knows how they ended: then no ends this run."
    return Question(
        id=f"repeat:{step}" + (f"#{asked + 1}" if asked else ""),
        kind="repeat",
        of=step,
        text=f"{calls} done already, by the run {run.inherited.run}. Do it again? No takes over what it gave then.{unknown}",
        answer_schema={"type": "boolean"},
        shown=[_shown(r) for r in sorted(repeats, key=lambda r: place_of(r.item))],
    )


def _shown(repeat: Repeat) -> dict[str, Json]:
    told: dict[str, Json] = {"tool": repeat.effect.call, "arguments": repeat.arguments, "item": repeat.item}
    note = {} if repeat.effect.finished is not None else {"note": "it was begun; nobody knows how it ended"}
    return {**told, "effect": repeat.number, **note}


def adopted(
    address: Address, started: CallStarted, finished: CallFinished, run: str, origin: Address
) -> tuple[CallStarted, CallFinished]:  # fmt: skip
    """A call of a fork that is settled by what the other run's call gave: nothing is called, and nothing is paid."""
    step, item = address
    how = finished.forked.how if finished.forked is not None else finished.how
    source = Forked(run=run, step=origin[0], item=origin[1], how=how)
    begun = CallStarted(step=step, item=item, call=started.call, model=started.model, arguments=started.arguments)
    ended = CallFinished(
        step=step, item=item, value=finished.value, artifact=finished.artifact, labels=finished.labels, how="fork",
        reason=finished.reason, forked=source, artifacts=finished.artifacts,
    )  # fmt: skip
    return begun, ended
