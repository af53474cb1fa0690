"""Runs as the console shows them, live and not, and what people decide there: over a real socket."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from executor.run import Run, fold
from executor.submission import Principal, Submission
from planrail.console import rows
from planrail.console.document import change, document_of
from planrail.console.guard import API
from tests.planrail.consoles import APPROVES, ASKS, BOUND_S, LOCAL, Console, Told, console, keyed_settings, told

PERSON, AGENT, OTHER = (f"pr_{name}_0123456789" for name in ("person", "agent", "other"))
KEYED = keyed_settings(person=(PERSON, "ann", "user"), agent=(AGENT, "ann", "agent"), other=(OTHER, "bob", "user"))
ANN = Principal(id="ann", kind="agent")
LEADS = "Find dental leads in Austin and draft introductions"


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path / "home", packs="gtm") as found:
        yield found


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path / "home", settings=KEYED) as found:
        yield found


def page_after(page: Any, event: Told) -> Any:
    """What the page has after an event of a run's stream."""
    if event.event == "view":
        return event.data
    steps = {step["id"]: step for step in event.data["steps"]}
    return {**page, **event.data, "steps": [steps.get(step["id"], step) for step in page["steps"]]}


async def watched(client: httpx.AsyncClient, run: str) -> Any:
    """What the page has of a run that was watched to its end."""
    page: Any = None
    async with asyncio.timeout(BOUND_S), client.stream("GET", f"runs/{run}/live") as stream:
        async for event in told(stream):
            if event.event == "end":
                return page
            page = page_after(page, event)
            assert int(event.id) == page["seq"]
    raise AssertionError


async def test_a_run_is_the_document_that_the_command_line_shows_with_what_one_may_do(local: Console) -> None:
    run = await local.waits(APPROVES)
    async with local.browser() as client:
        shown = (await client.get(f"runs/{run}")).json()
    known = await document_of(local.house, await local.house.runs.get(run, LOCAL))
    beside = {"may_approve": True, "submitted_by": {"id": "local", "kind": "agent"}, "may": ["cancel", "fork"]}
    assert shown == {**known, **beside}


async def test_a_run_that_is_watched_is_at_each_moment_what_it_is_when_it_is_asked_for(local: Console) -> None:
    async with local.browser() as client:
        run = (await local.house.runs.submit(Submission(goal=LEADS, principal=LOCAL))).id
        page = await watched(client, run)
        shown = (await client.get(f"runs/{run}")).json()
    assert page == shown
    assert page["status"] == "done"


async def test_what_has_changed_between_any_two_moments_makes_the_later_document_of_the_earlier_one(local: Console) -> None:
    run = (await local.house.runs.submit(Submission(goal=LEADS, principal=LOCAL))).id
    await local.rests(run)
    recorded = await local.house.journal.read(run)
    chance = random.Random(7)
    for _ in range(3):
        state, before = Run(run), None
        cuts = sorted(chance.sample(range(1, len(recorded)), 8))
        for first, last in zip([0, *cuts], [*cuts, len(recorded)], strict=True):
            fold(state, recorded[first:last])
            after = await document_of(local.house, state)
            changed = None if before is None else change(before, after)
            if changed is not None:
                assert page_after(before, Told("change", changed)) == after
                assert len(changed["steps"]) <= len(after["steps"])
            before = after


async def test_twenty_who_watch_a_run_have_it_folded_once(local: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    follow = local.house.journal.follow
    monkeypatch.setattr(local.house.journal, "follow", lambda *a, **k: (opened.append(a), follow(*a, **k))[1])
    run = await local.waits(ASKS)
    async with local.browser() as client:
        watching = [asyncio.create_task(watched(client, run)) for _ in range(20)]
        async with asyncio.timeout(BOUND_S), client.stream("GET", f"runs/{run}/live") as stream:
            await anext(told(stream))
        answered = await client.post(f"runs/{run}/answer", json={"question": "who", "answer": "Ann"})
        pages = await asyncio.gather(*watching)
    assert answered.status_code == 200
    assert len(opened) == 1
    assert {page["answer"] for page in pages} == {"for Ann"}


async def test_whoever_stops_watching_leaves_nothing_behind(local: Console) -> None:
    run = await local.waits(ASKS)
    async with local.browser() as client, asyncio.timeout(BOUND_S):
        for path in ("runs/live", f"runs/{run}/live"):
            async with client.stream("GET", path) as stream:
                await anext(told(stream))
                following = [t for t in asyncio.all_tasks() if t.get_name().startswith("planrail-console-")]
                assert following
            await asyncio.wait(following)


async def test_a_run_is_watched_through_any_server_of_its_database(tmp_path: Path, postgres_url: str) -> None:
    settings = f'database_url = "{postgres_url}"'
    async with (
        console(tmp_path / "one", settings=settings) as one,
        console(tmp_path / "other", settings=settings, worker=False) as other,
        other.browser() as client,
    ):
        run = await one.waits(ASKS)
        watching = asyncio.create_task(watched(client, run))
        answered = await client.post(f"runs/{run}/answer", json={"question": "who", "answer": "Ann"})
        page = await watching
        (row,) = (await client.get("runs")).json()["runs"]
    assert answered.status_code == 200
    assert (page["answer"], row["status"], row["questions"]) == ("for Ann", "done", 0)


async def test_the_list_tells_each_run_that_changes_as_it_stands_in_it(local: Console) -> None:
    found: dict[str, Any] = {}
    async with local.browser() as client, asyncio.timeout(BOUND_S), client.stream("GET", "runs/live") as stream:
        events = told(stream)
        assert (await anext(events)).event == "ready"
        run = await local.waits(ASKS)
        async for event in events:
            found[event.data["id"]] = event.data
            if event.data["status"] == "waiting":
                break
        listed = (await client.get("runs")).json()
    assert listed["runs"] == [found[run]]
    assert (found[run]["questions"], found[run]["steps"], listed["counts"]["waiting"]) == (1, 2, 1)


async def test_a_run_that_is_too_long_to_be_folded_for_a_list_says_how_it_ended(
    local: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_MOST_EVENTS", 2)
    run = await local.waits(ASKS)
    await local.house.runs.cancel(run, LOCAL)
    async with local.browser() as client:
        (row,) = (await client.get("runs")).json()["runs"]
    assert (row["reason"], row["questions"], row["usd"]) == ("local cancelled it.", 0, None)
    assert row["ended_at"] >= row["created_at"]


async def test_runs_are_found_by_status_by_words_of_their_goals_and_by_the_beginnings_of_their_ids(tmp_path: Path) -> None:
    goals = ("Import the listings", "Write to Ann", "write to Bob")
    async with console(tmp_path / "home", worker=False) as found, found.browser() as client:
        runs = [await found.submit(ASKS, goal=goal) for goal in goals]
        await client.post(f"runs/{runs[0]}/cancel", json={})
        asked = {
            query: [row["id"] for row in (await client.get(f"runs?{query}")).json()["runs"]]
            for query in ("status=queued", "status=cancelled,done", "q=WRITE+to", "q=write+ann", f"q={runs[1]}", "q=none")
        }
        first = (await client.get("runs?limit=2")).json()
        second = (await client.get(f"runs?limit=2&before={first['next']}")).json()
        words = (await client.get("runs?limit=1&q=write")).json()
        more = (await client.get(f"runs?limit=1&q=write&before={words['next']}")).json()
        wrong = [
            (await client.get(f"runs?{query}")).status_code for query in ("status=odd", "limit=0", "limit=x", "limit=9999")
        ]
    imported, ann, bob = runs
    assert list(asked.values()) == [[bob, ann], [imported], [bob, ann], [ann], [ann], []]
    assert [row["id"] for row in (*first["runs"], *second["runs"])] == [bob, ann, imported]
    assert (second["next"], [row["id"] for row in (*words["runs"], *more["runs"])]) == (None, [bob, ann])
    assert wrong == [400] * 4


async def test_another_principals_run_and_none_at_all_are_the_same(keyed: Console) -> None:
    run, none = await keyed.waits(ASKS, ANN), "0" * 16
    async with keyed.browser(OTHER) as client:
        for path in (p.removeprefix(API) for p in keyed.paths if "/runs/some" in p):
            for method in ("GET", "POST"):
                answers = [await client.request(method, path.replace("some", r, 1), json=BODIES.get(path)) for r in (run, none)]
                assert answers[0].status_code == answers[1].status_code, (method, path)
                assert answers[0].status_code in (404, 405), (method, path, answers[0].text)
                assert answers[0].text.replace(run, none) == answers[1].text, (method, path)
        assert (await client.get("runs")).json()["runs"] == []
        checked = [await client.post("check", json={"script": ASKS, "run": r}) for r in (run, none)]
    assert [r.status_code for r in checked] == [404, 404]


BODIES: dict[str, Any] = {"runs/some/answer": {"question": "who"}, "runs/some/fork": {"step": "who"}}


async def test_an_agent_answers_questions_and_does_not_approve_what_it_has_submitted(keyed: Console) -> None:
    asks, approves = await keyed.waits(ASKS, ANN), await keyed.waits(APPROVES, ANN)
    async with keyed.browser(AGENT) as client:
        answered = await client.post(f"runs/{asks}/answer", json={"question": "who", "answer": "Ann"})
        may = (await client.get(f"runs/{approves}")).json()["may_approve"]
        question = (await client.get(f"runs/{approves}")).json()["questions"][0]["id"]
        approved = await client.post(f"runs/{approves}/answer", json={"question": question, "answer": True})
    async with keyed.browser(PERSON) as client:
        by_person = await client.post(f"runs/{approves}/answer", json={"question": question, "answer": True})
    assert (answered.status_code, may, approved.status_code, by_person.status_code) == (200, False, 403, 200)
    assert await keyed.rests(approves) == "done"


async def test_whatever_else_is_at_the_machine_approves_nothing_without_the_link(local: Console) -> None:
    run = await local.waits(APPROVES)
    async with local.stranger() as client:
        answer = await client.post(f"runs/{run}/answer", json={"question": "approve_1", "answer": True})
    assert answer.status_code == 401
    record = await local.house.journal.get(run)
    assert record is not None
    assert record.status == "waiting"


async def test_the_first_answer_counts_and_one_that_does_not_fit_is_none(local: Console) -> None:
    run = await local.waits(ASKS)
    async with local.browser() as client:
        unfit = await client.post(f"runs/{run}/answer", json={"question": "who", "answer": 7})
        both = await asyncio.gather(
            *(client.post(f"runs/{run}/answer", json={"question": "who", "answer": name}) for name in ("Ann", "Bob"))
        )
        unknown = await client.post(f"runs/{run}/answer", json={"question": "none", "answer": 1})
    assert unfit.status_code == 422
    assert sorted(answer.status_code for answer in both) == [200, 409]
    assert unknown.status_code == 409


async def test_a_run_is_cancelled_and_says_so_to_whoever_watches(local: Console) -> None:
    run = await local.waits(ASKS)
    async with local.browser() as client:
        watching = asyncio.create_task(watched(client, run))
        cancelled = await client.post(f"runs/{run}/cancel")
        page = await watching
    assert (cancelled.json()["status"], page["status"], page["may"]) == ("cancelled", "cancelled", ["resume", "fork"])


async def test_the_row_of_a_run_that_is_done_has_no_step_left_to_do(local: Console) -> None:
    script = 'if 1 > 2:\n    who = ask_user("Who?", returns=str)\nanswer("none")'
    assert await local.rests(await local.submit(script)) == "done"
    async with local.browser() as client:
        (row,) = (await client.get("runs")).json()["runs"]
    assert row["steps"] == row["steps_done"]
