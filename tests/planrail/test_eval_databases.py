"""Suites on PostgreSQL: each trial has a new database, a copy of one in which the setup has run, and it is gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from postgres import PASSWORD, PostgresServer

from tests.planrail.command import Command
from tests.planrail.test_eval import evaluated, greeting, suite

SUITES = sorted((Path(__file__).parents[2] / "packs").glob("*/evals.yaml"))


def databases(server: PostgresServer) -> list[str]:
    """Those that evaluations have left."""
    return server.sql("postgres", "select datname from pg_database where datname like 'planrail_eval_%'").split()


def test_each_trial_has_a_database_of_its_own_in_which_the_setup_has_run_and_none_is_left(
    command: Command, postgres: PostgresServer, postgres_url: str
) -> None:
    server = {"sql": "select count(*), max(split_part(version(), ' ', 1)) from planrail_run", "gives": [[2, "PostgreSQL"]]}
    note = {"name": "one more", "script": "n = data.count(rows=[])\nanswer(n)", "expect": {"database": [server]}}
    text = suite(note, setup="n = data.count(rows=[])\nanswer(n)")
    done = evaluated(command, text, "--database-url", postgres_url, "--repeat", "3", "--parallel", "2")
    assert done.code == 0, done.out + done.err
    assert databases(postgres) == []
    mine = postgres.sql(postgres_url.rpartition("/")[2], "select count(*) from pg_tables where schemaname = 'public'")
    assert mine == "0", "something was written into the database that was named"


def test_what_is_kept_of_a_trial_is_its_database_too_and_nobody_is_told_the_password(
    command: Command, postgres: PostgresServer, postgres_url: str
) -> None:
    wrong, right = greeting(expect={"answer": "Bye."}), greeting(name="another")
    configured = {**command.env, "PLANRAIL_DATABASE_URL": postgres_url}
    (command.folder / "desk.yaml").write_text(suite(wrong, right))
    done = command("eval", "desk.yaml", "--database-url", "configured", "--keep", "kept", env=configured)
    assert done.code == 1, done.out + done.err
    (left,) = databases(postgres)
    assert postgres.sql(left, "select status from planrail_run") == "done"
    assert f"/{left} planrail why" in done.out
    assert PASSWORD not in done.out + done.err
    postgres.sql("postgres", f"drop database {left}")


def test_a_setup_that_fails_leaves_no_database(command: Command, postgres: PostgresServer, postgres_url: str) -> None:
    done = evaluated(command, suite(greeting(), setup='expect(False, "no")\nanswer(1)'), "--database-url", postgres_url)
    assert (done.code, "The setup of desk is failed" in done.err) == (2, True), done.out + done.err
    assert databases(postgres) == []


def test_a_user_who_may_not_create_databases_is_told_so(command: Command, postgres: PostgresServer, postgres_url: str) -> None:
    postgres.sql("postgres", "create role poor login password 'sesame'")
    poor = postgres_url.replace("//tester:", "//poor:")
    done = evaluated(command, suite(greeting()), "--database-url", poor)
    postgres.sql("postgres", "drop role poor")
    assert done.code == 2
    assert "poor may not create databases there" in done.err.replace("\n", " ")
    assert "alter role poor createdb" in done.err.replace("\n", " ")


@pytest.mark.parametrize("url", ["sqlite:///x.db", "mysql://a@b/c", "nonsense"])
def test_another_kind_of_database_is_refused(command: Command, url: str) -> None:
    done = evaluated(command, suite(greeting()), "--database-url", url)
    assert done.code == 2
    assert "--database-url names no PostgreSQL server." in done.err.replace("\n", " ")


@pytest.mark.proof
@pytest.mark.parametrize("path", SUITES, ids=[p.parent.name for p in SUITES])
def test_a_packs_suite_passes_on_postgres_as_on_sqlite_and_takes_the_same(
    path: Path, command: Command, postgres: PostgresServer, postgres_url: str
) -> None:
    took = []
    for place in ("", postgres_url):
        done = command("eval", str(path), "--json", *(("--database-url", place) if place else ()))
        assert done.code == 0, done.out + done.err
        took.append([(t["name"], t["status"], t["tokens"], t["calls"], t["steps"], t["usd"]) for t in done.json["trials"]])
    assert took[0] == took[1]
    assert databases(postgres) == []
