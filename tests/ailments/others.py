"""Ailments of what others run: MCP servers, agents, databases of one's own."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing

from tests.ailments.ailment import ailment
from tests.ailments.ward import Ward
from tests.planrail.command import ROOT

SERVER = ROOT / "tests" / "mcp_server" / "foreign_server.py"
ADD = 'params = { customer = "int", why = \'"offer" | "complaint"\' }\neffect = "write"\n'


def _shop(ward: Ward, table: str = "create table visit (customer int, why text)") -> str:
    """The URL of a shop's database."""
    with closing(sqlite3.connect(ward.folder / "shop.db")) as shop:
        shop.execute(table)
        shop.commit()
    return f"sqlite:///{ward.folder}/shop.db"


def _mcp(ward: Ward, **entry: object) -> None:
    (ward.folder / "claude.json").write_text(json.dumps({"mcpServers": {"calc": entry}}))
    ward.env["PLANRAIL_MCP_CONFIG"] = str(ward.folder / "claude.json")


@ailment(
    "an MCP server that does not start", "MCP server calc", "problem", "FileNotFoundError", "Start it, or correct", slow=True
)
async def _(ward: Ward) -> AsyncIterator[None]:
    _mcp(ward, command="/no/such/server")
    yield
    env = {"STATE": str(ward.folder / "state")}
    _mcp(ward, command=sys.executable, args=["-W", "ignore", str(SERVER)], env=env)


@ailment(
    "an MCP server that nobody listens for", "MCP server calc", "problem", "http://127.0.0.1:9/mcp", "Start it, or correct"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    _mcp(ward, url="http://127.0.0.1:9/mcp?key=hush-hush")
    yield
    _mcp(ward, url="http://127.0.0.1:9/mcp?key=hush-hush", disabled=True)


@ailment("a variable that an MCP server needs", "MCP server calc", "problem", "needs the variable SHOP_TOKEN", "Set SHOP_TOKEN")
async def _(ward: Ward) -> AsyncIterator[None]:
    _mcp(ward, url="http://127.0.0.1:9/mcp", headers={"Authorization": "Bearer ${SHOP_TOKEN}"})
    yield
    ward.env["SHOP_TOKEN"] = "hush-hush"


@ailment("an agent that is down", "agent flights", "problem", "cannot be reached", "Is the agent running there?")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[agents.flights]\nurl = "http://127.0.0.1:9"\n')
    yield
    ward.toml("")


@ailment(
    "the token of an agent is not set", "agent flights", "problem", "the secret flights_token is not set", "PLANRAIL_SECRET_"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[agents.flights]\nurl = "http://127.0.0.1:9"\ntoken_secret = "flights_token"\n')
    yield
    ward.env["PLANRAIL_SECRET_FLIGHTS_TOKEN"] = "hush-hush"


@ailment(
    "`[sql.NAME]`: a file that is not there", "database shop", "problem", "unable to open", "Correct the url of [sql.shop]"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml(f'[sql.shop]\nurl = "sqlite:///{ward.folder}/other.db"\n')
    yield
    ward.toml(f'[sql.shop]\nurl = "{_shop(ward)}"\n')


@ailment(
    "`[sql.NAME]`: a database without tables", "database shop", "note", "it has no tables", "Correct the url of [sql.shop]"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml(f'[sql.shop]\nurl = "sqlite:///{ward.folder}/shop.db"\n')
    with closing(sqlite3.connect(ward.folder / "shop.db")) as shop:
        shop.execute("create table gone (a)")
        shop.execute("drop table gone")
    yield
    _shop(ward)


@ailment("`[sql.NAME]`: a variable in its URL", "database shop", "problem", "needs the variable SHOP_FILE", "Set SHOP_FILE")
async def _(ward: Ward) -> AsyncIterator[None]:
    _shop(ward)
    ward.toml(f'[sql.shop]\nurl = "sqlite:///{ward.folder}/${{SHOP_FILE}}"\n')
    yield
    ward.env["SHOP_FILE"] = "shop.db"


@ailment(
    "a statement that the database does not take", "statement shop.note", "problem", "no column", "[sql.shop.statements.note]"
)
async def _(ward: Ward) -> AsyncIterator[None]:
    head = f'[sql.shop]\nurl = "{_shop(ward)}"\n[sql.shop.statements.note]\n{ADD}'
    ward.toml(f'{head}sql = "insert into visit (client, why) values (:customer, :why)"\n')
    yield
    ward.toml(f'{head}sql = "insert into visit (customer, why) values (:customer, :why)"\n')


@ailment("`[sql.NAME]`: nobody listens", "database shop", "problem", "", "Correct the url of [sql.shop]")
async def _(ward: Ward) -> AsyncIterator[None]:
    ward.toml('[sql.shop]\nurl = "postgresql://reader:hush-hush@127.0.0.1:9/shop"\n')
    yield
    ward.toml(f'[sql.shop]\nurl = "{_shop(ward)}"\n')


@ailment(
    "`[sql.NAME]`: a role that may do everything", "database shop", "problem", "superuser", "a role that may read", slow=True
)
async def _(ward: Ward) -> AsyncIterator[None]:
    url = ward.postgres()
    ward.env["PLANRAIL_DATABASE_URL"] = url  # for ward.sql alone
    ward.sql("create table visit (customer int)")
    ward.toml(f'[sql.shop]\nurl = "{url}"\n')
    yield
    name = f"reader_{url.rpartition('/')[2]}"
    ward.sql(f"create role {name} login password 'hush-hush'")
    ward.sql(f"grant select on visit to {name}")
    ward.toml(f'[sql.shop]\nurl = "{url.replace("tester:sesame", f"{name}:hush-hush")}"\n')
    yield
    ward.sql(f"drop owned by {name}")
    ward.sql(f"drop role {name}")
