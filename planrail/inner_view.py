"""Inner view: the turns and calls of a `do` as people see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict

from executor.call_state import Address, CallState
from executor.inner import inner_of, place_of
from planner.toolspec import Json
from planner.usage import NO_USAGE, Usage


class InnerView(BaseModel):
    """A call that the model of a `do` made, or (`call` is "do") a turn of the model itself."""

    model_config = ConfigDict(frozen=True)

    item: str
    call: str
    arguments: Json = None
    done: bool = False
    failed: str = ""  # the kind of its failure, which the model was told
    seconds: float = 0.0
    usage: Usage = NO_USAGE


def inner_views(calls: Mapping[Address, CallState], step: str) -> tuple[InnerView, ...]:
    """The turns and calls of one step, in their order."""
    return tuple(_views(calls, step))


def _views(calls: Mapping[Address, CallState], step: str) -> Iterator[InnerView]:
    items = sorted((item for name, item in calls if name == step and inner_of(item) is not None), key=place_of)
    for item in items:
        call = calls[step, item]
        if call.started is None:
            continue
        end = call.finished or call.failed
        yield InnerView(
            item=item, call=call.started.call, arguments=call.started.arguments, done=call.finished is not None,
            failed="" if call.failed is None else call.failed.kind, seconds=0.0 if end is None else end.seconds,
            usage=NO_USAGE if end is None else end.usage,
        )  # fmt: skip
