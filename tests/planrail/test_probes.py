"""What a supervisor and a monitor ask of a real server and a real worker, over a real socket."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
from sqlalchemy import text

from executor.events import CallFailed, CallFinished, CallRetried, CallStarted, PlannerCalled
from executor.journal.census import MOST
from executor.journal.sql import SqlJournal
from executor.journal.tables import HEAD
from planner.usage import Usage
from planrail.keys import hash_of, new_key
from planrail.tally import Tally
from tests.planrail.command import ROOT, Command, finish
from tests.postgres import PostgresServer

BOUND_S = 60.0


@contextmanager
def asked(command: Command, *arguments: str) -> Iterator[httpx.Client]:
    """A client of the process that the command starts."""
    process = command.start(*arguments, "--json")
    assert process.stdout is not None
    told = ""
    while not told.rstrip().endswith("}"):
        line = process.stdout.readline()
        assert line, process.communicate()
        told += line
    try:
        with httpx.Client(base_url=json.loads(told)["address"], timeout=BOUND_S) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert finish(process).code in (0, -signal.SIGTERM)


def sample(metrics: str, name: str) -> float:
    (found,) = [line for line in metrics.splitlines() if line.startswith(f"{name} ")]
    return float(found.removeprefix(f"{name} "))


def test_a_server_is_ready_while_its_database_is_at_this_builds_revision_and_alive_whatever_it_is(command: Command) -> None:
    with asked(command, "serve", "--port", "0") as client:
        good = client.get("/readyz")
        with sqlite3.connect(command.home / "planrail.db") as database:
            database.execute("update planrail_revision set version_num = '0001'")
        older, alive = client.get("/readyz"), client.get("/healthz")
    assert (good.status_code, good.json()) == (200, {"ready": True, "carries_runs_on": True, "problems": []})
    assert (older.status_code, older.json()["ready"], alive.status_code) == (503, False, 200)
    assert older.json()["problems"] == [
        f"the database is at revision 0001, and this process needs {HEAD}: run one version everywhere"
    ]


def test_a_server_without_a_worker_says_that_it_carries_nothing_on(command: Command) -> None:
    with asked(command, "serve", "--port", "0", "--no-worker") as client:
        told = client.get("/readyz")
    assert (told.status_code, told.json()["carries_runs_on"]) == (200, False)


def test_a_worker_answers_probes_and_figures_at_a_port_of_its_own(command: Command) -> None:
    with asked(command, "worker", "--health-port", "0") as client:
        ready, alive, metrics = (client.get(path) for path in ("/readyz", "/healthz", "/metrics"))
    assert (ready.json(), alive.json()["ok"]) == ({"ready": True, "carries_runs_on": True, "problems": []}, True)
    assert sample(metrics.text, 'planrail_runs{status="running"}') == 0


def test_a_database_that_is_away_makes_a_worker_unready_at_once_and_kills_nothing(
    command: Command, mortal_postgres: PostgresServer
) -> None:
    command.env["PLANRAIL_DATABASE_URL"] = mortal_postgres.new_database()
    with asked(command, "worker", "--health-port", "0") as client:
        before = client.get("/readyz")
        mortal_postgres.stop()
        away, figures, alive = (client.get(path) for path in ("/readyz", "/metrics", "/healthz"))
        mortal_postgres.start()
        again = client.get("/readyz")
    assert [r.status_code for r in (before, away, figures, alive, again)] == [200, 503, 503, 200, 200]
    assert away.json()["problems"] == ["the database does not answer"]
    assert str(mortal_postgres.port) not in away.text + figures.text


def test_figures_tell_of_runs_schedules_and_whoever_waits_and_name_nobody(command: Command) -> None:
    script = command.folder / "who.py"
    script.write_text('who = ask_user("Who?", returns=str)\nanswer(who)\n')
    waiting = command("run", "--script", str(script), "--json").json["id"]
    queued = command("run", "--detach", "--script", str(script), "--json").json["id"]
    command("schedule", "add", "* * * * *", "List the gym leads in Austin", "--name", "secret_name")
    with sqlite3.connect(command.home / "planrail.db") as database:
        database.execute("update planrail_schedule set next_at = '2020-01-01T00:00:00.000000Z'")
        database.execute("update planrail_run set updated_at = '2020-01-01T00:00:00.000000Z' where id = ?", (queued,))
    with asked(command, "serve", "--port", "0", "--no-worker") as client:
        told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    counts = [sample(told.text, f'planrail_runs{{status="{s}"}}') for s in ("queued", "waiting", "done")]
    assert counts == [1, 1, 0]
    assert sample(told.text, "planrail_queued_seconds") > 86_400
    assert sample(told.text, "planrail_runs_waiting_for_people") == 1
    assert sample(told.text, "planrail_schedules_overdue") == 1
    assert sample(told.text, "planrail_schedules_overdue_seconds") > 86_400
    described = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert {n for n in re.findall(r"^# TYPE (\S+)", told.text, re.M) if not n.endswith("_created")} == set(
        re.findall(r"`(planrail_\w+)", described)
    )
    assert [name for name in (waiting, queued, "secret_name", "Austin") if name in told.text] == []


def test_a_worker_counts_its_own_calls_by_tool_and_outcome(command: Command) -> None:
    script = command.folder / "calls.py"
    script.write_text(f'a = odd.slow(number=1, folder="{command.folder}")\nanswer(a)\n')
    with asked(command, "worker", "--health-port", "0") as client:
        run = command("run", "--detach", "--script", str(script), "--json").json["id"]
        followed = command("follow", run)
        told = client.get("/metrics")
    assert followed.code == 0, followed
    assert sample(told.text, 'planrail_calls_total{outcome="done",tool="odd.slow"}') == 1
    assert sample(told.text, 'planrail_runs{status="done"}') == 1


def test_what_models_used_is_counted_by_model_also_of_attempts_that_failed() -> None:
    tally, used = Tally(), Usage(model_calls=1, input_tokens=10, output_tokens=2, usd=0.5)
    tally.hear("r", [PlannerCalled(purpose="write", model="m", usage=used, seconds=1)])
    tally.hear("r", [CallStarted(step="s", call="ask", model="n"), CallRetried(step="s", attempt=1, reason="x", usage=used)])
    tally.hear("r", [CallFinished(step="s", value=1, usage=used), CallFailed(step="t", kind="x", message="x", usage=used)])
    assert tally.calls == {("ask", "done"): 1}
    assert tally.model_calls == {"m": 1, "n": 2}
    assert tally.tokens == {("m", "input"): 10, ("m", "output"): 2, ("n", "input"): 20, ("n", "output"): 4}
    assert tally.usd == {"m": 0.5, "n": 1.0}


def test_figures_are_for_those_alone_who_may_come_and_who_are_bound_to_no_tenant(command: Command) -> None:
    ann, bound = new_key(), new_key()
    (command.folder / "planrail.toml").write_text(
        f'[auth.keys.ann]\nhash = "{hash_of(ann)}"\nprincipal = "ann"\n'
        f'[auth.keys.bound]\nhash = "{hash_of(bound)}"\nprincipal = "bob"\ntenants = ["acme"]\n'
    )
    with asked(command, "serve", "--port", "0") as client:
        bare = client.get("/metrics")
        ready = client.get("/readyz")
        codes = [client.get("/metrics", headers={"Authorization": f"Bearer {k}"}).status_code for k in (ann, bound, new_key())]
    assert (bare.status_code, ready.status_code, codes) == (401, 200, [200, 403, 401])
    assert bare.headers["www-authenticate"].startswith("Bearer")


def test_without_the_extra_the_path_says_what_to_install(command: Command) -> None:
    (command.folder / "prometheus_client.py").write_text("raise ModuleNotFoundError('prometheus_client')\n")
    with asked(command, "serve", "--port", "0") as client:
        told = client.get("/metrics")
    assert (told.status_code, told.text) == (501, 'pip install "planrail[metrics]"\n')


async def test_figures_are_counted_on_postgresql_by_indexes_and_no_further_than_told(postgres_url: str) -> None:
    async with await SqlJournal.open(postgres_url) as journal:
        with journal.engine.begin() as connection:
            connection.execute(text(MANY), {"most": MOST + 5})
        with journal.engine.begin() as connection:
            connection.execute(text("analyze"))
        now = datetime(2026, 11, 29, tzinfo=UTC)
        figures = await journal.census.figures(now)
        statement = journal.census.statement(now).compile(journal.engine, compile_kwargs={"literal_binds": True})
        with journal.engine.connect() as connection:
            plan = "\n".join(connection.execute(text(f"explain {statement}".replace(":", "\\:"))).scalars())
    assert figures.runs["done"] == MOST
    assert figures.runs["queued"] == 0
    scanned = re.findall(r"Seq Scan on planrail_run\b.*\n\s*Filter: .*'(\w+)'", plan)
    assert set(scanned) <= {"done"}, plan  # nearly all rows are, and it is counted up to there


MANY = """
insert into planrail_run (id, principal, key, digest, goal, status, seq, outside, epoch, tools, created_at, updated_at)
select 'r' || n, 'ann', n, 'd', 'g', case when n % 10 = 0 then 'failed' else 'done' end, 1, 0, 0, '',
    '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z' from generate_series(1, :most * 10 / 9 + 10) n
"""
