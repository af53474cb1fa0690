"""Scripted: the models of a suite that are played, at the price of those that they are named for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from planner.errors import ModelMisconfigured
from planner.llm.function import compact
from planner.llm.port import ModelRequest
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.prices import Prices, Rates
from planner.worst import ModelTerms
from planrail.evals.suite import Said, ScriptedModels, ScriptedRole
from planrail.prices import GenaiPrices

_PLANNER, _EXECUTOR = (64_000, 4_000), (8_000, 1_000)  # tokens of a prompt and of a reply, at most


def scripted_models(of: ScriptedModels) -> Models:
    """The roles that the suite plays."""
    own: dict[str, Rates] = {r.model: r.price for r in (of.planner, of.executor) if r is not None and r.price is not None}
    prices = GenaiPrices(own)
    return Models(_role(of.planner, prices, *_PLANNER), _role(of.executor, prices, *_EXECUTOR))


def _role(of: ScriptedRole | None, prices: Prices, most_in: int, most_out: int) -> Role | None:
    if of is None:
        return None
    terms = ModelTerms(
        model=of.model, rates=prices.rates(of.model), max_input_tokens=most_in, max_output_tokens=most_out
    )  # fmt: skip
    return Role(ScriptedModel(lambda request: _said(of.replies, request), prices=prices), terms)


def _said(replies: Sequence[Said], request: ModelRequest) -> str:
    """The first reply that fits what was asked; raises ModelMisconfigured, with how the prompt begins and ends."""
    asked = request.messages[-1].content if request.messages else ""
    for reply in replies:
        if re.search(reply.when, asked):
            return reply.says if isinstance(reply.says, str) else compact(dict(reply.says))
    shown = asked if len(asked) <= 160 else f"{asked[:80]} … {asked[-80:]}"
    raise ModelMisconfigured(
        f"The suite's model {request.model} has no reply to: {shown!r}.", hint="Give its `replies` one whose `when` fits."
    )
