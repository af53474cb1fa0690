"""Checks: what is wrong with how a trial went, sentence by sentence. Pure but for the look into the database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from executor.call_state import CallState
from planner.clock import Clock
from planner.errors import ExpressionError
from planner.expression import evaluate, truth
from planner.labels import NO_LABELS, Tagged
from planner.llm.function import compact
from planner.parse import parse_expression
from planner.toolspec import Json, digest
from planrail.evals.suite import CallsMade, Expected, Most, Rows
from planrail.evals.trial import Tried

_SHOWN = 200  # characters of a value


def wrong(tried: Tried, expected: Expected) -> list[str]:
    """Everything that the run is expected to be and is not."""
    return [*_ended(tried, expected), *_said(tried, expected), *_asked(tried, expected), *_called(tried, expected.calls),
            *_over(tried, expected.most)]  # fmt: skip


def _ended(tried: Tried, expected: Expected) -> Iterator[str]:
    if tried.late:
        yield f"It was not over after {tried.seconds:.1f} s."
    elif tried.view.status != expected.status:
        reason = f": {tried.view.reason}" if tried.view.reason else ""
        asked = f"; it waits for {tried.view.questions[0].text!r}" if tried.view.questions else ""
        yield f"It is {tried.view.status} instead of {expected.status}{reason}{asked}"


def _said(tried: Tried, expected: Expected) -> Iterator[str]:
    answer = tried.view.answer
    if "answer" in expected.model_fields_set and digest(answer) != digest(expected.answer):
        yield f"Its answer is {_shown(answer)} instead of {_shown(expected.answer)}."
    told = answer if isinstance(answer, str) else compact(answer)
    for part in expected.contains:
        if part not in told:
            yield f"Its answer has no {part!r}: {_shown(answer)}."
    for source in expected.holds:
        try:
            held = truth(
                evaluate(parse_expression(source), {"answer": Tagged(answer, NO_LABELS)}, clock=Clock(datetime.now(UTC)))
            )
        except ExpressionError as error:
            yield f"`{source}` has no value for {_shown(answer)}: {error.message}."
        else:
            if not held:
                yield f"`{source}` does not hold for {_shown(answer)}."


def _asked(tried: Tried, expected: Expected) -> Iterator[str]:
    texts = [question.text for question in tried.run.questions.values()]
    for pattern in expected.asked:
        if not any(re.search(pattern, asked) for asked in texts):
            yield f"Nobody was asked {pattern!r}; asked was: {_shown(texts)}."


def _called(tried: Tried, wanted: Sequence[CallsMade]) -> Iterator[str]:
    calls = [call for call in tried.run.calls.values() if call.started is not None]
    for want in wanted:
        made = sum(_is(call, want) for call in calls)
        least = want.times if want.times is not None else want.at_least or 0
        most = want.times if want.times is not None else want.at_most
        if made < least or (most is not None and made > most):
            of = f" with {compact(dict(want.arguments))}" if want.arguments else ""
            often = (
                f"{least} times" if most == least else f"at least {least} times" if made < least else f"at most {most} times"
            )
            yield f"{want.tool} was called {made} times{of} instead of {often}."


def _is(call: CallState, want: CallsMade) -> bool:
    assert call.started is not None
    given = call.started.arguments or {}
    return call.started.call == want.tool and all(
        name in given and digest(given[name]) == digest(value) for name, value in want.arguments.items()
    )


def _over(tried: Tried, most: Most) -> Iterator[str]:
    cost = tried.view.cost
    took: dict[str, float] = {
        "seconds": tried.seconds, "usd": cost.usage.usd, "tokens": cost.usage.tokens, "calls": cost.tool_calls,
        "model_calls": cost.usage.model_calls, "steps": len(tried.view.steps), "replans": max(len(tried.view.revisions) - 1, 0),
    }  # fmt: skip
    for name, used in took.items():
        ceiling = getattr(most, name)
        if ceiling is not None and used > ceiling:
            yield f"It took {used:g} {name}; {ceiling:g} is the most."


def wrong_rows(database: Engine, wanted: Sequence[Rows]) -> list[str]:
    """What the database gives otherwise than wanted; nothing can be written by asking."""
    if not wanted:
        return []
    found: list[str] = []
    with database.connect() as connection:
        connection.execute(text("PRAGMA query_only = ON" if database.dialect.name == "sqlite" else "SET TRANSACTION READ ONLY"))
        try:
            for want in wanted:
                try:
                    rows = [[_plain(value) for value in row] for row in connection.execute(text(want.sql)).all()]
                except SQLAlchemyError as error:
                    found.append(f"The database does not answer `{want.sql}`: {str(error.__cause__ or error)[:_SHOWN]}.")
                    break
                if digest(rows) != digest([list(row) for row in want.gives]):
                    found.append(f"`{want.sql}` gives {_shown(rows)} instead of {_shown([list(r) for r in want.gives])}.")
        finally:
            connection.rollback()
            if database.dialect.name == "sqlite":
                connection.execute(text("PRAGMA query_only = OFF"))
    return found


def _plain(value: object) -> Json:
    if isinstance(value, Decimal):
        return float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _shown(value: Json) -> str:
    told = compact(value)
    return told if len(told) <= _SHOWN else told[:_SHOWN] + "…"
