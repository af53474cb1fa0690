"""Options: what a call says beside its arguments, read from how it is written. They are settled when it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from planner.duration import seconds_of
from planner.program import MAX_STANDING_S, Options
from planner.refusal import Refusal
from planner.syntax import Expr, Literal_

NO_OPTIONS = Options()
MAX_LIMIT = 1_000_000
MAX_CALLS = 1_000  # of one `do`
V = TypeVar("V", bool, int, str)


def options_of(given: Mapping[str, Expr], fallback: Callable[[Expr], Expr]) -> Options:
    """What a call says beside its arguments, `otherwise` lowered by `fallback`; raises Refusal."""
    if not given:
        return NO_OPTIONS
    otherwise = given.get("otherwise")
    return Options(
        otherwise=None if otherwise is None else fallback(otherwise),
        limit=_whole(given.get("limit"), "limit", 0, MAX_LIMIT),
        timeout_s=duration(given.get("timeout")),
        remind_s=duration(given.get("remind")),
        retry=_whole(given.get("retry"), "retry", 0, 10),
        again=_literal(given.get("again"), "again", bool) or False,
        planner_model=_model(given.get("model")),
        sure=_sure(given.get("sure")),
        cursor=_literal(given.get("cursor"), "cursor", str) or "next",
        items=_literal(given.get("items"), "items", str) or "items",
        max_calls=_whole(given.get("max_calls"), "max_calls", 1, MAX_CALLS),
        parallel=_literal(given.get("parallel"), "parallel", bool) is not False,
    )


def _literal(node: Expr | None, name: str, kind: type[V]) -> V | None:
    if node is None:
        return None
    if isinstance(node, Literal_) and type(node.value) is kind:
        return node.value
    raise Refusal.of(node, "option", f"`{name}` is written out, as a {kind.__name__}.")


def _whole(node: Expr | None, name: str, least: int, most: int) -> int | None:
    value = _literal(node, name, int)
    if value is not None and node is not None and not least <= value <= most:
        raise Refusal.of(node, "option", f"`{name}` is a number from {least} to {most:,}.")
    return value


def duration(node: Expr | None) -> float | None:
    """Seconds of a text like "30s", "10m", "1h"."""
    if node is None:
        return None
    seconds = seconds_of(node.value) if isinstance(node, Literal_) else None
    if not seconds:
        raise Refusal.of(node, "option", "This is no length of time.", 'Write it like "30s", "10m" or "1h".')
    return seconds


def check_standing(options: Mapping[str, Expr]) -> None:
    """Raise Refusal for a question that would stand for longer than anybody remembers it."""
    for name in ("timeout", "remind"):
        node = options.get(name)
        if node is not None and (duration(node) or 0) > MAX_STANDING_S:
            raise Refusal.of(node, "option", f"`{name}` of a question is a year at most.", 'Write it like "2h" or "30d".')


def _model(node: Expr | None) -> bool:
    value = _literal(node, "model", str)
    if node is not None and value not in ("planner", "executor"):
        raise Refusal.of(node, "option", "`model` names a role.", 'Write model="planner" for the strong one, or leave it out.')
    return value == "planner"


def _sure(node: Expr | None) -> float | None:
    if node is None:
        return None
    value = node.value if isinstance(node, Literal_) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Refusal.of(node, "option", "`sure` is a number from 0 to 1.", "Write it like sure=0.8.")
    return float(value)
