"""delegate: to the checker another agent is an effect that leaves the house, and what it says is a stranger's word."""

from __future__ import annotations

import pytest

from planner.certificate import Certificate
from planner.errors import PlanRefused
from planner.hand import Hand
from planner.labels import Label, Origin
from planner.policy import Policy
from tests.planner.tools import FLIGHTS, WITH_AGENT, certificate

USER = Hand(Label(frozenset((Origin("user", trusted=True),))))
TYPED = 'trip = delegate("flights", "Find the cheapest.", city="Austin", returns={"price": float})\n'


def certified(script: str, **ground: object) -> Certificate:
    return certificate(script, WITH_AGENT, hand=USER, **ground)


def test_a_delegated_step_is_listed_as_an_effect_with_its_goal_and_inputs() -> None:
    (effect,) = certified(TYPED + "answer(trip.price)").effects
    assert (effect.tool, effect.effect, effect.times) == ("agent:flights", "irreversible", 1)
    assert effect.arguments == {"goal": '"Find the cheapest."', "city": '"Austin"'}


def test_its_worst_case_is_the_agent_s_as_it_is_configured_for_each_element_of_a_map() -> None:
    worst = certified('trips = [delegate("flights", "Find one.", to=c) for c in ["A", "B", "C"]]\nanswer(trips)').worst_case
    assert (worst.calls, worst.model_calls, round(worst.usd, 2), worst.seconds) == (3, 0, 0.06, 20.0)


def test_without_returns_its_result_is_a_text_and_with_returns_of_that_type() -> None:
    assert certified('said = delegate("flights", "Find one.")\nanswer(said.upper())')
    with pytest.raises(PlanRefused, match="cost"):
        certified(TYPED + "answer(trip.cost)")


def test_what_strangers_wrote_is_asked_for_before_an_agent_is_given_it_wherever_it_stands() -> None:
    script = 'box = mail.read()\na = delegate("flights", box.items[0].body, to=box.items[1].body)\nanswer(a)'
    flows = certified(script).flows
    assert {(f.argument, f.decision) for f in flows if f.kind == "data"} == {("goal", "ask"), ("to", "ask")}


def test_what_an_agent_gives_is_a_stranger_s_word() -> None:
    flows = certified(TYPED + 'text = delegate("flights", "Which page?")\nweb.fetch(url=text)\nanswer(trip)').flows
    assert {(f.tool, f.argument, f.origins, f.decision) for f in flows if f.kind == "data"} == {
        ("web.fetch", "url", ("agent:flights",), "ask")
    }


def test_a_policy_and_an_effect_are_set_for_an_agent_by_its_name_among_the_tools() -> None:
    policy = Policy.model_validate({"tools": {"agent:flights": {"effect": "read", "flows": "allow"}}})
    tools = WITH_AGENT | {FLIGHTS.name: policy.applied(FLIGHTS)}
    script = 'box = mail.read()\na = delegate("flights", box.items[0].body)\nanswer(a)'
    found = certificate(script, tools, hand=USER, policy=policy)
    assert found.effects == ()
    assert {f.decision for f in found.flows} == {"listed"}
