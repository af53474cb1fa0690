"""What the console shows beside a run's view, and what it begins: over a real socket."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from executor.api_keys import StoredKey
from executor.builtin import builtin_tools
from executor.submission import Principal, Submission
from planner.budget import Budget
from planner.compiler import compile_script
from planner.order import waits
from planrail.console.graph import graph_of
from planrail.evals.measured import Summary
from planrail.evals.report import Report
from planrail.evals.shelf import Shelf
from planrail.keys import hash_of, new_key
from tests.planrail.consoles import APPROVES, ASKS, LOCAL, Console, console, keyed_settings

PERSON = "pr_person_0123456789"
TABLE = "n\\n" + "\\n".join(str(n) for n in range(2_000))
STORES = f'table = data.read_csv(text="{TABLE}")\nanswer(table.count)'
TOOLS = builtin_tools().specs


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Console]:
    async with console(tmp_path / "home", packs="gtm") as found:
        yield found


def behind(lines: list[tuple[str, str]], steps: list[str]) -> dict[str, frozenset[str]]:
    """For each step all that are before it by any way."""
    found: dict[str, frozenset[str]] = {}
    for step in steps:
        before = [a for a, b in lines if b == step]
        found[step] = frozenset(before).union(*(found[a] for a in before))
    return found


def random_script(chance: random.Random) -> str:
    lines: list[str] = []
    for n in range(30):
        reads = ", ".join(f"a{chance.randrange(n)}" for _ in range(chance.randrange(3))) if n else ""
        match chance.randrange(5):
            case 0:
                lines.append(f"a{n} = [{reads}]")
            case 1:
                lines.append(f'a{n} = files.write(path="f", text=str([{reads}]))')
            case 2:
                lines.append(f"a{n} = [text.similarity(a=str(x), b=str([{reads}])) for x in [1, 2]]")
            case 3:
                lines.append(f"approve(str([{reads}]))\na{n} = {n}")
            case _:
                lines.append(f"a{n} = files.read(path=str([{reads}]))")
    return "\n".join([*lines, "answer(1)"])


def test_the_graph_says_which_steps_come_before_which_and_nothing_twice() -> None:
    for seed in range(20):
        program, _ = compile_script(random_script(random.Random(seed)), TOOLS)
        order = waits(program, TOOLS)
        nodes, lines = graph_of(program, order)
        steps = [node.id for node in nodes]
        needs = [
            (a, s.id) for s in program.steps for a in (*order[s.id], *(d for n in s.reads() for d in program.definitions(n)))
        ]
        whole = behind(lines, steps)
        assert whole == behind(needs, steps)
        assert all(a not in frozenset().union(*(whole[x] for x, y in lines if y == b)) for a, b in lines)


async def test_a_runs_graph_has_its_steps_with_their_calls_and_lines(local: Console) -> None:
    run = await local.waits(ASKS)
    async with local.browser() as client:
        graph = (await client.get(f"runs/{run}/graph")).json()
    assert graph == {
        "nodes": [
            {"id": "who", "label": "ask_user", "kind": "ask_user", "line": 1},
            {"id": "answer", "label": "answer", "kind": "answer", "line": 2},
        ],
        "edges": [["who", "answer"]],
    }


async def test_events_are_told_page_by_page_as_they_stand_in_the_journal(local: Console) -> None:
    run = await local.waits(ASKS)
    recorded = [r.model_dump(mode="json") for r in await local.house.journal.read(run)]
    found: list[Any] = []
    after: int | None = 0
    async with local.browser() as client:
        while after is not None:
            page = (await client.get(f"runs/{run}/events?limit=3&after={after}")).json()
            found, after = [*found, *page["events"]], page["next"]
        wrong = [(await client.get(f"runs/{run}/events?{q}")).status_code for q in ("limit=1001", "after=-1", "after=x")]
    assert found == recorded
    assert wrong == [400, 400, 400]


async def test_what_a_run_has_stored_is_listed_and_given_as_a_file_that_no_browser_shows(local: Console) -> None:
    run, other = await local.submit(STORES), await local.waits(ASKS)
    await local.rests(run)
    async with local.browser() as client:
        (stored,) = (await client.get(f"runs/{run}/artifacts")).json()["artifacts"]
        got = await client.get(f"runs/{run}/artifacts/{stored['hash']}")
        others = await client.get(f"runs/{other}/artifacts/{stored['hash']}")
    assert (stored["rows"], stored["size"], stored["step"]) == (2_000, len(got.content), "table")
    assert hashlib.sha256(got.content).hexdigest() == stored["hash"]
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["content-security-policy"].endswith("; sandbox")
    assert others.status_code == 404


async def test_a_goal_or_a_playbook_begins_a_run_and_the_same_key_the_same_one(local: Console) -> None:
    leads = {"playbook": "lead_list", "params": {"vertical": "dental", "city": "Austin"}, "key": "k1"}
    async with local.browser() as client:
        goal = await client.post("runs", json={"goal": "List the gym leads in Austin", "budget": {"usd": 0.5}, "key": "k0"})
        first, again = [await client.post("runs", json=leads) for _ in range(2)]
        taken = await client.post("runs", json={**leads, "params": {}})
        wrong = [
            (await client.post("runs", json=asked)).status_code
            for asked in (
                {},
                {"goal": " "},
                {"playbook": "none"},
                {"goal": "x", "budget": {"usd": -1}},
                {"goal": "x", "odd": 1},
            )
        ]
    assert [r.status_code for r in (goal, first, again, taken)] == [201, 201, 201, 409]
    assert first.json() == again.json()
    assert wrong == [422] * 5
    run = await local.house.runs.get(goal.json()["id"], LOCAL)
    assert (run.budget, run.submission.principal) == (Budget(usd=0.5), Principal(kind="user"))
    assert [await local.rests(r.json()["id"]) for r in (goal, first)] == ["done", "done"]


async def test_a_cancelled_run_goes_on_with_other_ceilings_and_a_done_one_does_not(local: Console) -> None:
    run = await local.waits(ASKS)
    async with local.browser() as client:
        await client.post(f"runs/{run}/cancel")
        resumed = await client.post(f"runs/{run}/resume", json={"budget": {"calls": 7}})
        await local.rests(run)
        await client.post(f"runs/{run}/answer", json={"question": "who", "answer": "Ann"})
        assert await local.rests(run) == "done"
        done = await client.post(f"runs/{run}/resume")
    assert (resumed.status_code, done.status_code) == (200, 409)
    assert (await local.house.runs.get(run, LOCAL)).budget == Budget(calls=7)


async def test_a_script_is_checked_as_it_is_written_and_forks_a_run_once_it_holds(local: Console) -> None:
    script = "leads = crm.list_leads(limit=count)\nanswer(len(leads.items))"
    run = (await local.house.runs.submit(Submission(script=script, params={"count": 3}, principal=LOCAL))).id
    assert await local.rests(run) == "done"
    broken, other = script.replace("list_leads", "list_leeds"), script.replace("len(", "2 * len(")
    async with local.browser() as client:
        refused = (await client.post("check", json={"script": broken, "run": run})).json()
        alone = (await client.post("check", json={"script": script})).json()
        good = (await client.post("check", json={"script": other, "run": run})).json()
        bad_fork = await client.post(f"runs/{run}/fork", json={"step": "leads", "script": broken})
        no_step = await client.post(f"runs/{run}/fork", json={"step": "none"})
        forked, again = [
            await client.post(f"runs/{run}/fork", json={"step": "answer", "script": other, "key": "f"}) for _ in range(2)
        ]
    assert (refused["ok"], refused["diagnostics"][0]["line"], refused["certificate"]) == (False, 1, None)
    assert "count" in alone["diagnostics"][0]["text"]
    assert (good["ok"], good["steps"]) == (True, [{"id": "leads", "line": 1}, {"id": "answer", "line": 2}])
    assert (bad_fork.status_code, bad_fork.json()["diagnostics"]) == (422, refused["diagnostics"])
    assert (no_step.status_code, forked.status_code, again.json()) == (409, 201, forked.json())
    fork = forked.json()["id"]
    assert await local.rests(fork) == "done"
    made = await local.house.runs.get(fork, LOCAL)
    assert made.certified is not None
    assert made.certified.certificate.hash == good["certificate"]["hash"]


async def test_playbooks_plans_schedules_and_reports_are_shown(local: Console) -> None:
    summary = Summary(trials=1, quality=1.0, p50_s=0.1, p95_s=0.1, tokens=0, usd=0, calls=1)
    report = Report(suite="my suite", seed=0, repeat=1, machine_s=1, trials=(), summary=summary, cases={"one": summary})
    name = Shelf(local.house.settings.home).put(report, datetime(2026, 11, 29, 12, tzinfo=UTC))
    await local.house.schedules.add(Submission(script=ASKS, principal=LOCAL), name="asks", cron="0 7 * * *", zone="UTC")
    async with local.browser() as client:
        paths = ("playbooks", "plans", "schedules", "reports", f"reports/{name}", "reports/none", "reports/%2e%2e")
        told = {path: await client.get(path) for path in paths}
    playbooks, plans, schedules, reports, one, none, outside = told.values()
    assert [p["name"] for p in playbooks.json()] == [p.name for p in local.house.playbooks]
    assert {"goals", "params", "tools", "script"} <= playbooks.json()[0].keys()
    assert (plans.json(), [(s["name"], s["cron"], s["last_run"]) for s in schedules.json()]) == (
        [],
        [("asks", "0 7 * * *", "")],
    )
    assert reports.json() == [
        {"name": "my-suite-20261129T120000Z", "suite": "my suite", "passed": True, "quality": 1.0, "at": "2026-11-29T12:00:00Z"}
    ]
    assert one.json()["cases"]["one"]["trials"] == 1
    assert [none.status_code, outside.status_code] == [404, 404]


async def test_health_tells_what_supervisors_and_monitors_are_told(local: Console) -> None:
    await local.waits(APPROVES)
    async with local.browser() as client:
        health = (await client.get("health")).json()
    assert (health["ready"], health["problems"], health["carries_runs_on"]) == (True, [], True)
    assert health["figures"]["runs"]["waiting"] == 1
    assert [w["id"] for w in health["workers"]] == [local.house.worker]


async def test_whoever_is_bound_to_a_tenant_sees_nothing_of_the_house(tmp_path: Path) -> None:
    key, now = new_key(), datetime.now(UTC)
    bound = StoredKey(name="k", hash=hash_of(key), principal="eve", kind="user", tenants=frozenset(("acme",)), created_at=now)
    async with console(tmp_path / "home", settings=keyed_settings(person=(PERSON, "ann", "user"))) as found:
        await found.house.journal.keys.add(bound)
        async with found.browser(key) as client:
            who, health, reports = [(await client.get(path)).json() for path in ("session", "health", "reports")]
    assert who["principal"] == "@acme/eve"
    assert (health["figures"], health["workers"], reports) == ({}, [], [])
