"""Replay: what today's code, tools, models and prices would do otherwise; over Runs and a real SQLite journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from executor.errors import UnknownRun
from executor.events import CallFinished, CallStarted, Recorded, RunEnded
from executor.journal.codec import decode_event
from executor.opening import loader
from executor.submission import Principal
from executor.tool import ToolFailed, tool
from executor.toolset import Toolset
from planner.budget import Budget
from planner.library.function import plain
from planner.library.table import FUNCTIONS
from planner.llm.port import ModelReply
from planner.llm.scripted import ScriptedModel
from planner.models import Models, Role
from planner.prices import FixedPrices, Rates
from planner.toolspec import Json, ToolSpec
from planner.usage import Usage
from planner.worst import ModelTerms
from planrail.replay import ReplayGround, replay
from planrail.replay_report import Finding, PriceChange, Replayed
from planrail.runs import Runs
from tests.rig import ANN, Rig, answer_of, rig

RATES = Rates(input=1.0, cached_input=1.0, output=2.0)


class Shop:
    """A shop's tools."""

    def __init__(self) -> None:
        self.sold: list[str] = []
        self.tried = 0

    @tool(effect="read", labels={"": "trusted"})
    def price(self, article: str, size: int = 1) -> int:
        """What an article costs."""
        return len(article) * size

    @tool(effect="read")
    def broken(self) -> int | ToolFailed:
        """Never works."""
        return ToolFailed("The till is stuck.")

    @tool(effect="read")
    def flaky(self) -> int | ToolFailed:
        """Works the second time."""
        self.tried += 1
        return self.tried if self.tried > 1 else ToolFailed("The line is busy.", "transient")

    @tool(effect="read")
    def catalogue(self, articles: int) -> list[str]:
        """Many names."""
        return [f"article {n:06}" for n in range(articles)]

    @tool(effect="write", idempotent=True)
    def sell(self, article: str, price: int) -> str:
        """Sell one."""
        self.sold.append(article)
        return f"{article} sold for {price}"


SALE = """\
articles = ["tea", "cocoa"]
prices = [shop.price(article=a) for a in articles]
total = sum(prices)
expect(total > 3, "too cheap")
if total > 100:
    more = shop.price(article="gold")
word = ask("One word for this.", total=total, otherwise="fine")
sold = [shop.sell(article=a, price=p) for a, p in zip(articles, prices)]
answer({"sold": sold, "mean": round(total / len(articles), 1), "word": word})
"""
SAID = ModelReply(
    text="good", model="small", usage=Usage(model_calls=1, input_tokens=1_000, output_tokens=500, usd=0.002)
)  # fmt: skip


def models(**terms: Any) -> Models:
    return Models(executor=Role(ScriptedModel(lambda _: SAID), ModelTerms(**{"model": "small", "rates": RATES, **terms})))


def changed(rig: Rig, **specs: Any) -> Mapping[str, ToolSpec]:
    """The tools of the rig with other fields; None takes one away."""
    tools = dict(rig.toolset.specs)
    for name, update in specs.items():
        full = f"shop.{name}"
        tools[full] = tools[full].model_copy(update=update or {})
        if update is None:
            del tools[full]
    return tools


async def again(rig: Rig, run: str, prices: FixedPrices | None = None, **planning: Any) -> Replayed:
    """The run replayed through a service whose planning or prices are other ones."""
    today = Runs(
        rig.journal, artifacts=rig.artifacts, planning=replace(rig.planning, **planning), now=lambda: datetime.now(UTC),
        new_id=lambda: "none", prices=prices,
    )  # fmt: skip
    return await today.replay(run, ANN)


def told(report: Replayed) -> list[tuple[str, str, str]]:
    return [(f.kind, f.step, f.what) for f in report.findings]


async def test_an_unchanged_run_replays_alike_from_every_prefix_and_nothing_is_called_or_written(tmp_path: Path) -> None:
    shop = Shop()
    async with rig(tmp_path, Toolset.of("shop", shop), models=models()) as house:
        run = await house.carried(SALE)
        assert answer_of(run) == {"sold": ["tea sold for 3", "cocoa sold for 5"], "mean": 4.0, "word": "good"}
        recorded, sold = await house.journal.read(run.id), list(shop.sold)
        report = await again(house, run.id, FixedPrices({"small": RATES}))
        assert (report.findings, report.prices, report.uncompared, report.status) == ((), (), (), "done")
        assert report.compared >= len([r for r in recorded if isinstance(r.event, CallStarted)]) + 4
        ground = ReplayGround(house.planning, None, loader(house.artifacts))
        for length in range(len(recorded) + 1):
            assert replay(run.id, recorded[:length], ground).findings == ()
        assert await house.journal.read(run.id) == recorded
        assert shop.sold == sold


async def test_a_changed_schema_names_the_tool_and_the_part(tmp_path: Path) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        schema = json.loads(json.dumps(house.toolset.specs["shop.price"].input_schema))
        schema["properties"]["size"]["maximum"] = 9
        report = await again(house, run.id, tools=changed(house, price={"input_schema": schema}))
    assert told(report) == [("tool", "", "shop.price: input_schema.size")]
    assert json.loads(report.findings[0].today)["maximum"] == 9
    assert "maximum" not in json.loads(report.findings[0].recorded)


async def test_a_changed_declaration_names_its_part_with_both_values(tmp_path: Path) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        report = await again(house, run.id, tools=changed(house, sell={"idempotent": False}))
    assert report.findings == (Finding(kind="tool", what="shop.sell: idempotent", recorded="true", today=None),)


async def test_a_tool_that_is_gone_is_said_to_be_gone_and_the_rest_is_still_compared(tmp_path: Path) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        report = await again(house, run.id, tools=changed(house, sell=None))
    assert told(report) == [("gone", "", "shop.sell is not here any more")]
    assert report.uncompared == ()


async def test_changed_prices_alone_are_shown_and_are_no_difference(tmp_path: Path) -> None:
    dear = RATES.model_copy(update={"input": 3.0})
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        report = await again(house, run.id, FixedPrices({"small": dear}), terms=models(rates=dear).terms(parallel=16))
        unknown = await again(house, run.id, FixedPrices({}))
    assert report.same
    assert report.prices == (
        PriceChange(of="worst case", recorded=0.01, today=0.026), PriceChange(of="small", recorded=0.002, today=0.004)
    )  # fmt: skip
    assert (unknown.same, unknown.prices) == (True, (PriceChange(of="small", recorded=0.002, today=None),))


async def test_another_model_is_a_difference(tmp_path: Path) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        report = await again(house, run.id, terms=models(model="other").terms(parallel=16))
    assert [(f.kind, f.step, f.recorded, f.today) for f in report.findings] == [("model", "word", "small", "other")]


async def test_a_changed_library_function_shows_in_what_it_gave_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        other = replace(FUNCTIONS["round"], implementation=plain(lambda given: given.number(0) + 1))
        monkeypatch.setitem(FUNCTIONS, "round", other)  # type: ignore[arg-type]  # a dict, which nothing else changes
        report = await again(house, run.id)
    assert {f.kind for f in report.findings} == {"answer"}
    assert report.findings[0].today["mean"] == 5.0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prices": [9, 5]}, [("arguments", "word", "argument total"), ("arguments", "sold", "argument price")]),
        ({"prices": [1, 1]}, [("surprise", "expect", "expect")]),
        ({"prices": [99, 5]}, [("guard", "more", "its guard")]),
    ],
)
async def test_another_value_shows_in_the_arguments_guards_and_expectations_that_hang_on_it(
    tmp_path: Path, changes: dict[str, list[int]], expected: list[tuple[str, str, str]]
) -> None:
    """As if a recorded value meant something else today: what follows from it is worked out from it."""
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        recorded = [edited(r, changes) for r in await house.journal.read(run.id)]
        report = replay(run.id, recorded, ReplayGround(house.planning, None, loader(house.artifacts)))
    found = told(report)
    assert [e for e in expected if e not in found] == [], found
    if expected[0][0] == "surprise":
        assert report.uncompared == ()  # what came after it is compared by what is recorded


def edited(record: Recorded, changes: dict[str, list[int]]) -> Recorded:
    event = record.event
    if isinstance(event, CallFinished) and event.step in changes:
        value = changes[event.step][int(event.item or 0)]
        return record.model_copy(update={"event": event.model_copy(update={"value": value})})
    return record


async def test_failed_partial_waiting_cancelled_and_resumed_runs_replay_alike(tmp_path: Path) -> None:
    scripts: list[tuple[str, str, dict[str, Any]]] = [
        ("a = shop.price(article='x')\nb = shop.broken()\nanswer(a + b)\n", "failed", {}),
        ("a = shop.price(article='x')\nexpect(a > 1, f'only {a}')\nanswer(a)\n", "failed", {}),
        ("a = shop.price(article='x')\nb = [1][a]\nc = shop.price(article=str(b))\nanswer(c)\n", "failed", {}),
        ("a = shop.price(article='x')\nb = shop.flaky()\nanswer(a + b)\n", "partial", {"budget": Budget(calls=2, reserve=0)}),
        (
            "a = shop.price(article='x')\napprove(f'sell at {a}')\nb = shop.sell(article='x', price=a)\nanswer(b)\n",
            "waiting",
            {},
        ),
    ]
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        for script, status, more in scripts:
            run = await house.carried(script, **more)
            report = await again(house, run.id)
            assert (report.status, report.findings, report.uncompared) == (status, (), ())
            if status == "waiting":
                await house.runs.answer(run.id, ANN, False)
                async with house.engine():
                    await house.rests(run.id)
                assert (await again(house, run.id)).same
            await house.runs.resume(run.id, ANN, budget=Budget())
            async with house.engine():
                await house.rests(run.id)
            assert (await again(house, run.id)).findings == ()


async def test_a_run_that_has_not_begun_and_one_that_was_refused_replay_alike(tmp_path: Path) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop())) as house:
        queued = await house.submit(SALE)
        assert (await again(house, queued)).status == "queued"
        refused = await house.carried("a = shop.nothing()\nanswer(a)\n")
        assert (await again(house, refused.id)).same
        with pytest.raises(UnknownRun):
            await house.runs.replay(queued, Principal(id="eve"))


async def test_large_arguments_and_values_are_compared_by_their_digests(tmp_path: Path) -> None:
    script = "names = shop.catalogue(articles=9000)\nsold = shop.sell(article=', '.join(names), price=1)\nanswer(len(sold))\n"
    async with rig(tmp_path, Toolset.of("shop", Shop())) as house:
        run = await house.carried(script)
        recorded = await house.journal.read(run.id)
        assert (await again(house, run.id)).same
        other = [r if not _starts(r, "sold") else _with(r, arguments={"$digest": "0", "size": 1}) for r in recorded]
        report = replay(run.id, other, ReplayGround(house.planning, None, loader(house.artifacts)))
    assert ("arguments", "sold", "its arguments") in told(report)


async def test_a_key_that_would_be_another_one_today_is_told(tmp_path: Path) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        recorded = [r if not _starts(r, "sold") else _with(r, key="other") for r in await house.journal.read(run.id)]
        report = replay(run.id, recorded, ReplayGround(house.planning, None, loader(house.artifacts)))
    assert told(report) == [("key", "sold", "idempotency key")] * 2


async def test_the_journal_of_an_older_build_is_compared_as_far_as_it_goes(tmp_path: Path) -> None:
    """Without what later builds have added: contracts by part, bounds, labels, arguments."""
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        recorded = [older(r) for r in await house.journal.read(run.id)]
        ground = ReplayGround(house.planning, None, loader(house.artifacts))
        report = replay(run.id, recorded, ground)
        tools = changed(house, sell={"idempotent": False})
        other = replay(run.id, recorded, replace(ground, planning=replace(house.planning, tools=tools)))
    assert [k for k in told(report) if k[0] not in ("certificate", "labels")] == []
    assert ("tool", "", "shop.sell: its contract; the journal does not say which part") in told(other)


def older(record: Recorded) -> Recorded:
    body = json.loads(record.event.model_dump_json(by_alias=True))
    for name in ("contracts", "arguments", "labels", "answer_labels", "key", "forked"):
        body.pop(name, None)
    if "certificate" in body:
        body["certificate"].pop("bounds")
    return decode_event(record.seq, record.at, json.dumps(body))


def _starts(record: Recorded, step: str) -> bool:
    return isinstance(record.event, CallStarted) and record.event.step == step


def _with(record: Recorded, **new: Json) -> Recorded:
    return record.model_copy(update={"event": record.event.model_copy(update=new)})


async def test_an_answer_that_would_be_another_one_is_told(tmp_path: Path) -> None:
    async with rig(tmp_path, Toolset.of("shop", Shop()), models=models()) as house:
        run = await house.carried(SALE)
        last = [r for r in await house.journal.read(run.id) if isinstance(r.event, RunEnded)]
        recorded = [r if r not in last else _with(r, answer="other") for r in await house.journal.read(run.id)]
        report = replay(run.id, recorded, ReplayGround(house.planning, None, loader(house.artifacts)))
    assert told(report) == [("answer", "", "answer")]
