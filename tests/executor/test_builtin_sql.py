"""The tools of configured databases: what reads is held read-only by the database, what writes is written down by a person."""

from __future__ import annotations

import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from executor.builtin.sql import sql_tools
from executor.builtin.sql_database import SqlDatabase
from executor.builtin.sql_settings import SqlSettings
from executor.call import call_tool
from executor.errors import ToolDeclarationError
from executor.tool import ToolContext, ToolDone, ToolFailed, ToolResult
from tests.postgres import PostgresServer

TABLES = (
    "create table visit (id integer primary key, customer integer not null check (customer > 0), why text, day date)",
    "create table seen (key text primary key, customer integer)",
    "insert into visit values (1, 7, 'offer', '2026-03-01'), (2, 8, 'complaint', null)",
)
STATEMENTS: dict[str, Any] = {
    "add_visit": {
        "about": "Note a visit.",
        "sql": "insert into visit (id, customer, why, day) values (:id, :customer, :why, :day) returning id",
        "effect": "write",
        "params": {"id": "int", "customer": "int", "why": '"offer" | "complaint" | None', "day": "date | None"},
        "sensitive": ["customer"],
    },
    "see": {
        "sql": "insert into seen values (:idempotency_key, :customer) on conflict do nothing",
        "effect": "write",
        "params": {"customer": "int"},
        "idempotent": True,
    },
    "forget": {"sql": "delete from visit where customer = :customer", "effect": "irreversible", "params": {"customer": "int"}},
    "slow": {
        "sql": "insert into seen with recursive n(i) as (select 1 union all select i + 1 from n) select 'x', i from n",
        "effect": "write",
    },
}
PASSWORD = "open-sesame"


class Shop:
    """A configured database, and what a person sees in it."""

    def __init__(self, url: str, see: Callable[[str], list[Any]], **more: Any) -> None:
        self.settings, self.see = (
            SqlSettings.model_validate({"url": url, "statements": STATEMENTS, "timeout_s": 1, **more}),
            see,
        )
        self.tools = sql_tools({"shop": self.settings})

    def with_bounds(self, **more: Any) -> Shop:
        return Shop(self.settings.url.get_secret_value(), self.see, **more)

    async def call(self, name: str, /, key: str = "k", **arguments: Any) -> ToolResult:
        return await call_tool(self.tools[f"shop.{name}"], arguments, ToolContext(key=key))

    async def done(self, name: str, /, key: str = "k", **arguments: Any) -> Any:
        result = await self.call(name, key, **arguments)
        assert isinstance(result, ToolDone), result
        return result.value

    async def failure(self, name: str, /, key: str = "k", **arguments: Any) -> ToolFailed:
        result = await self.call(name, key, **arguments)
        assert isinstance(result, ToolFailed), result
        return result


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Shop:
    def see(sql: str) -> list[Any]:
        connection = sqlite3.connect(tmp_path / "shop.db")
        with connection:
            found = connection.execute(sql).fetchall()
        connection.close()
        return found

    for sql in TABLES:
        see(sql)
    return Shop(f"sqlite:///{tmp_path}/shop.db", see)


@pytest.fixture(scope="module")
def clerks_url(postgres: PostgresServer) -> Iterator[str]:
    """A database with the shop's tables, by a role that is no superuser."""
    url = postgres.new_database()
    role = f"clerk_{url.rpartition('_')[2]}"
    with psycopg.connect(url, autocommit=True) as connection:
        for sql in (
            *TABLES, "create sequence tickets", f"create role {role} login password '{PASSWORD}'",
            "create function sneak() returns int language sql volatile as $$ insert into seen values ('f', 1) returning 1 $$",
            f"grant all on all tables in schema public to {role}", f"grant all on sequence tickets to {role}",
        ):  # fmt: skip
            connection.execute(sql)
    yield url.replace("tester:sesame", f"{role}:{PASSWORD}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"drop owned by {role}")
        connection.execute(f"drop role {role}")
    postgres.sql("postgres", f"drop database {url.rpartition('/')[2]} with (force)")


@pytest.fixture
def postgres_shop(clerks_url: str) -> Iterator[Shop]:
    with psycopg.connect(clerks_url, autocommit=True) as connection:

        def see(sql: str) -> list[Any]:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

        for sql in ("delete from visit", "delete from seen", *TABLES[2:]):
            see(sql)
        yield Shop(clerks_url, see)


@pytest.fixture(params=["sqlite_shop", "postgres_shop"])
def shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(request.param)
    return found


# ── reads


async def test_rows_are_read_with_parameters(shop: Shop) -> None:
    found = await shop.done("query", sql="select id, why from visit where customer = :who", params={"who": 7})
    assert found == {"rows": [{"id": 1, "why": "offer"}], "more": False}


async def test_a_query_may_have_brackets_comments_and_semicolons_of_its_own(shop: Shop) -> None:
    sql = "with v as (select id from visit) select count(*) as n, '(;' as x from v -- all of them\n;  "
    assert await shop.done("query", sql=sql) == {"rows": [{"n": 2, "x": "(;"}], "more": False}


async def test_columns_of_one_name_are_told_apart(shop: Shop) -> None:
    assert (await shop.done("query", sql="select 1 as a, 2 as a"))["rows"] == [{"a": 1, "a_2": 2}]


async def test_rows_are_capped_by_number_and_by_size(shop: Shop) -> None:
    many = "with recursive n(i) as (select 1 union all select i + 1 from n) select i from n"
    found = await shop.done("query", sql=many + " limit 1000", limit=3)
    assert found == {"rows": [{"i": 1}, {"i": 2}, {"i": 3}], "more": True}
    narrow = shop.with_bounds(rows=5, bytes=1_000)
    assert len((await narrow.done("query", sql=many + " limit 1000", limit=1_000))["rows"]) == 5
    wide = "select id, '" + "x" * 600 + "' as w from visit"
    found = await narrow.done("query", sql=wide)
    assert (len(found["rows"]), found["more"]) == (1, True)


async def test_a_value_that_is_too_large_never_leaves_the_database(sqlite_shop: Shop, postgres_shop: Shop) -> None:
    assert (await sqlite_shop.failure("query", sql="select zeroblob(900000000) as x")).kind == "invalid"
    patient = postgres_shop.with_bounds(timeout_s=30)
    tracemalloc.start()
    assert await patient.done("query", sql="select repeat('x', 9000000) as x") == {"rows": [], "more": True}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


async def test_the_tables_are_told_with_their_columns(shop: Shop) -> None:
    found = await shop.done("schema")
    (visit,) = [t for t in found["tables"] if t["name"] == "visit"]
    assert (list(visit["columns"]), visit["key"]) == (["id", "customer", "why", "day"], ["id"])


HOSTILE = {
    "a second statement": "select 1; delete from visit",
    "a second statement after a bracket": "select 1) as q) as r; delete from visit; --",
    "an insert": "insert into seen values ('x', 1)",
    "an insert that gives rows": "insert into seen values ('x', 1) returning key",
    "a delete behind a query": "with v as (select 1) delete from visit",
    "a table": "create table mine (x int)",
    "a temporary table": "create temporary table mine (x int)",
    "a transaction's end": "commit",
    "the end of read-only": "set transaction read write",
    "vacuum": "vacuum",
}
SQLITE = {
    "attach": "attach database '/tmp/other.db' as other",
    "vacuum into a file": "vacuum into '/tmp/copy.db'",
    "a pragma": "pragma query_only = off",
    "a pragma that reads": "pragma database_list",
    "a pragma as a table": "select * from pragma_database_list",
    "an extension": "select load_extension('/tmp/evil.so')",
    "nothing": "",
}
POSTGRES = {
    "writing in a query": "with gone as (delete from visit returning id) select * from gone",
    "read-write in a query": "select set_config('transaction_read_only', 'off', true)",
    "read-write, then a function that writes": "select set_config('transaction_read_only', 'off', false), sneak()",
    "a function that writes": "select sneak()",
    "a sequence": "select nextval('tickets')",
    "a lock": "select * from visit for update",
    "a file": "select pg_read_file('/etc/passwd')",
    "a folder": "select pg_ls_dir('/')",
    "a file, through a string that is run": "select query_to_xml('select pg_read_file(''/etc/passwd'')', true, true, '')",
    "copy to a program": "copy (select 1) to program 'touch /tmp/x'",
    "copy": "copy visit to stdout",
    "a large object from a file": "select lo_import('/etc/passwd')",
    "explain that runs": "analyze visit",
    "into a table": "select 1 as x into mine",
    "do": "do $$ begin delete from visit; end $$",
    "a bracket that closes ours": "select 1 as a) as q union all select repeat('x', 9) from (select 1",
    "another role": "set role tester",
    "another role in a query": "select set_config('role', 'tester', false), pg_read_file('/etc/passwd')",
}


async def refused(shop: Shop, sql: str) -> None:
    before = shop.see("select count(*) from visit"), shop.see("select count(*) from seen")
    failed = await shop.failure("query", sql=sql)
    assert failed.kind in ("refused", "invalid"), failed
    assert (shop.see("select count(*) from visit"), shop.see("select count(*) from seen")) == before
    assert (await shop.done("query", sql="select count(*) as n from visit"))["rows"] == [{"n": 2}]


@pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE)
async def test_what_is_no_query_is_refused_by_the_database(shop: Shop, sql: str) -> None:
    await refused(shop, sql)


@pytest.mark.parametrize("sql", SQLITE.values(), ids=SQLITE)
async def test_sqlite_refuses_what_reaches_further(sqlite_shop: Shop, sql: str) -> None:
    await refused(sqlite_shop, sql)


@pytest.mark.parametrize("sql", POSTGRES.values(), ids=POSTGRES)
async def test_postgres_refuses_what_reaches_further(postgres_shop: Shop, sql: str) -> None:
    await refused(postgres_shop, sql)


async def test_what_takes_too_long_is_broken_off_by_the_database(sqlite_shop: Shop, postgres_shop: Shop) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select sum(i) from n"
    for shop, sql in ((sqlite_shop, endless), (postgres_shop, "select pg_sleep(60)")):
        failed = await shop.with_bounds(timeout_s=0.3).failure("query", sql=sql)
        assert (failed.kind, failed.message) == ("timeout", "The database broke it off after 0.3 s.")


async def test_a_query_cannot_lift_the_time_of_the_next_one(postgres_shop: Shop) -> None:
    shop = postgres_shop.with_bounds(timeout_s=0.3)
    await shop.done("query", sql="select set_config('statement_timeout', '0', false)")
    for then in ("pg_sleep(60)", "case when n > 50 then pg_sleep(60) end from generate_series(1, 90) n"):
        lifting = f"select set_config('statement_timeout', '0', false), {then}"
        assert (await shop.failure("query", sql=lifting)).kind == "timeout"


async def test_a_role_that_a_read_only_session_does_not_hold_back_is_refused(postgres_url: str) -> None:
    failed = await Shop(postgres_url, lambda sql: []).failure("query", sql="select pg_read_file('/etc/passwd')")
    assert (failed.kind, "a superuser" in failed.message) == ("refused", True)


async def test_a_database_that_cannot_be_held_read_only_is_not_read(tmp_path: Path) -> None:
    failed = await Shop("mysql://root@127.0.0.1/shop", lambda sql: []).failure("query", sql="select 1")
    assert (failed.kind, "mysql" in failed.message) == ("refused", True)


# ── statements


async def test_a_statement_is_carried_out_with_typed_parameters(shop: Shop) -> None:
    done = await shop.done("add_visit", id=3, customer=9, why="offer", day="2026-04-01")
    assert done == {"changed": 1, "rows": [{"id": 3}]}
    assert [str(v) for v in shop.see("select customer, why, day from visit where id = 3")[0]] == ["9", "offer", "2026-04-01"]
    await shop.done("add_visit", id=4, customer=9)
    assert (await shop.done("forget", customer=9))["changed"] == 2


async def test_a_parameter_of_another_type_is_refused_before_anything_runs(shop: Shop) -> None:
    for wrong in ({"why": "because"}, {"customer": "nine"}, {"day": "soon"}, {"more": 1}):
        assert (await shop.failure("add_visit", **{"id": 3, "customer": 9, **wrong})).kind == "invalid"
    assert len(shop.see("select * from visit")) == 2


async def test_a_value_is_a_value_and_no_part_of_the_statement(tmp_path: Path) -> None:
    words = {"add": {"sql": "insert into note values (:text)", "effect": "write", "params": {"text": "str"}}}
    connection = sqlite3.connect(tmp_path / "notes.db")
    connection.execute("create table note (text text)")
    tools = sql_tools({"notes": SqlSettings.model_validate({"url": f"sqlite:///{tmp_path}/notes.db", "statements": words})})
    text = "x'); drop table note; -- :text"
    await call_tool(tools["notes.add"], {"text": text}, ToolContext(key="k"))
    assert connection.execute("select text from note").fetchall() == [(text,)]
    connection.close()


async def test_a_statement_with_the_calls_key_is_once_however_often_it_is_called(shop: Shop) -> None:
    assert [(await shop.done("see", key, customer=1))["changed"] for key in ("a", "a", "b")] == [1, 0, 1]
    assert sorted(shop.see("select key from seen")) == [("a",), ("b",)]


async def test_what_the_database_refuses_of_a_statement_is_undone(shop: Shop) -> None:
    failed = await shop.failure("add_visit", id=3, customer=-1)
    assert failed.kind == "refused"
    assert (await shop.failure("slow")).kind in ("failed", "refused")
    assert (shop.see("select count(*) from visit"), shop.see("select count(*) from seen")) == ([(2,)], [(0,)])


def test_the_contracts_say_what_matters(sqlite_shop: Shop) -> None:
    specs = sqlite_shop.tools.specs
    told = {n.removeprefix("shop."): (s.effect, s.idempotent, s.sensitive, s.labels.get("")) for n, s in specs.items()}
    assert told == {
        "query": ("read", False, ("sql",), "untrusted"), "schema": ("read", False, (), "untrusted"),
        "add_visit": ("write", False, ("customer",), "untrusted"), "see": ("write", True, (), "untrusted"),
        "forget": ("irreversible", False, (), "untrusted"), "slow": ("write", False, (), "untrusted"),
    }  # fmt: skip
    assert specs["shop.add_visit"].input_schema["required"] == ["id", "customer"]
    assert specs["shop.add_visit"].description == "Note a visit."
    assert Shop("sqlite:///x", lambda sql: [], trusted=True).tools["shop.query"].spec.labels == {"": "trusted"}


# ── configuration


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ({"sql": "delete from x where a = :a", "effect": "write"}, "the parameter a has no type"),
        (
            {"sql": "delete from x", "effect": "write", "params": {"a": "int"}},
            "the parameter a does not stand in the statement",
        ),
        ({"sql": "delete from x", "effect": "write", "sensitive": ["a"]}, "the sensitive parameter a is none of params"),
        ({"sql": "select 1", "effect": "read"}, "Input should be 'write' or 'irreversible'"),
    ],
)
def test_a_statement_that_does_not_hold_is_refused_when_it_is_read(statement: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SqlSettings.model_validate({"url": "sqlite:///x.db", "statements": {"s": statement}})
    with pytest.raises(ValidationError, match="cannot be called query"):
        SqlSettings.model_validate({"url": "sqlite:///x.db", "statements": {"query": STATEMENTS["forget"]}})


def test_a_type_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    statement = {"sql": "delete from x where a = :a", "effect": "write", "params": {"a": "number"}}
    with pytest.raises(ToolDeclarationError, match=r"\[sql.shop.statements.s\] params.a has the unknown type 'number'"):
        sql_tools({"shop": SqlSettings.model_validate({"url": "sqlite:///x.db", "statements": {"s": statement}})})


async def test_the_urls_secrets_are_never_shown(shop: Shop, tmp_path: Path) -> None:
    secret = "p:ss/word"
    for url in (f"postgresql://clerk:{secret.replace(':', '%3A').replace('/', '%2F')}@127.0.0.1:1/shop", f"nonsense {secret}"):
        bad = Shop(url, lambda sql: [])
        for failed in (await bad.failure("query", sql="select 1"), await bad.failure("forget", customer=1)):
            assert secret not in failed.message
            assert "%2F" not in failed.message
        assert secret not in repr(bad.settings) + bad.settings.model_dump_json()


async def test_a_password_that_the_driver_tells_is_not_told_on() -> None:
    shop = Shop("postgresql://clerk:hunter2@127.0.0.1:1/shop?sslmode=hunter2", lambda sql: [])
    failed = await shop.failure("query", sql="select 1")
    assert "***" in failed.message
    assert "hunter2" not in failed.message


def test_a_variable_of_the_environment_stands_in_the_url(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "a.db").close()
    settings = SqlSettings.model_validate({"url": "sqlite:///${FOLDER}/a.db"})
    assert SqlDatabase("a", settings, {"FOLDER": str(tmp_path)}).query("select 1 as x", {}, 5).rows == [{"x": 1}]
