"""Pace: played models take life's time, by seed, and whoever asks for it is told where that means nothing."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from planner.llm.port import Message, ModelRequest
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.tokens import count_tokens
from planner.worst import ModelTerms
from planrail.evals.pace import CHEAP, STRONG, Pace
from tests.planrail.command import Command
from tests.planrail.test_eval import evaluated, greeting, suite

SAID = "It was a dark and stormy night; the rain fell in torrents. " * 4


def asked(number: int) -> ModelRequest:
    return ModelRequest(model="any", messages=(Message(role="user", content=f"Question {number}"),))


def test_equal_seeds_draw_equally_whatever_is_asked_in_between() -> None:
    one, other = Pace(1.0, 7), Pace(1.0, 7)
    first = {number: one.drawn(asked(number)) for number in (1, 2, 3, 4)}
    assert {number: other.drawn(asked(number)) for number in (4, 2, 1, 3)} == first
    assert len(set(first.values())) == 4
    assert one.drawn(asked(1)) == other.drawn(asked(1)) != first[1]  # another call, though it asks the same
    assert Pace(1.0, 8).drawn(asked(1)) != first[1]
    assert Pace(0.1, 7).drawn(asked(1)) == pytest.approx(0.1 * first[1])


def test_most_calls_take_about_the_usual_time_and_a_few_much_longer() -> None:
    drawn = sorted(Pace(1.0, 1).drawn(asked(number)) for number in range(1_000))
    assert 0.9 < drawn[500] < 1.1
    assert 1.7 < drawn[950] < 2.2


@pytest.mark.parametrize("which", ["planner", "executor"])
async def test_a_reply_comes_piece_by_piece_in_the_time_that_its_tokens_take(which: str) -> None:
    scripted, pace = Role(ScriptedModel([SAID]), ModelTerms()), Pace(0.5, 3)
    models = pace.paced(Models(**{which: scripted}))
    role, tempo = (models.planner, STRONG) if which == "planner" else (models.executor, CHEAP)
    factor, clock, came = Pace(0.5, 3).drawn(asked(1)), asyncio.get_running_loop().time, list[float]()
    assert role is not None
    tokens = count_tokens(SAID)  # it loads what it counts with
    begun = clock()
    async with aclosing(role.model.stream(asked(1))) as pieces:
        async for _ in pieces:
            came.append(clock() - begun)
    assert came[0] >= factor * tempo.first_token_s
    assert came[-1] >= factor * (tempo.first_token_s + tokens / tempo.tokens_s)
    assert came[-1] - came[0] > 0.02  # it is not held back until it is whole


def test_a_session_takes_the_time_of_its_models_and_its_baseline_says_so(command: Command) -> None:
    done = evaluated(command, suite(greeting()), "--latency", "2", "--save-baseline", "base.json", "--json")
    assert done.code == 0, done.out + done.err
    assert (done.json["latency"], done.json["summary"]["p95_s"] > 0.15) == (2.0, True)
    refused = evaluated(command, suite(greeting()), "--baseline", "base.json")
    assert refused.code == 2
    assert "base.json was taken with --latency 2, and this is 0." in refused.err.replace("\n", " ")


def test_models_that_are_really_asked_are_not_slowed_down(command: Command) -> None:
    done = evaluated(command, "suite: desk\ncases: [{name: one, script: answer(1)}]\n", "--latency", "1")
    assert done.code == 2
    assert "--latency is of models that are played." in done.err
