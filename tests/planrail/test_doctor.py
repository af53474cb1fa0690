"""The doctor: each misconfiguration of docs/doctor.md is planted, found, mended as its row says, and the row is gone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from planrail.doctor import examination, examined
from planrail.settings import variables
from tests.ailments import AILMENTS, Ailment, Ward, matching
from tests.doc_tables import VARIABLES
from tests.model_server import ModelServer, Script
from tests.planrail.command import Command

SAMPLE = 9  # of so many one is tried by every test run, the rest is a proof
CASES = [
    pytest.param(a, id=re.sub(r"\W+", "-", a.case), marks=[] if number % SAMPLE == 4 and not a.slow else [pytest.mark.proof])
    for number, a in enumerate(AILMENTS)
]


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Ward]:
    """A house without packs and models."""
    made: list[str] = []

    def database() -> str:
        made.append(request.getfixturevalue("postgres").new_database())
        return made[-1]

    yield Ward(tmp_path, monkeypatch, database, {"PLANRAIL_HOME": str(tmp_path / "home"), "PLANRAIL_PACKS": ""})
    for url in made:
        name = url.rpartition("/")[2]
        request.getfixturevalue("postgres").sql("postgres", f"drop database {name} with (force)")


@pytest.mark.parametrize("ailment", CASES)
async def test_a_misconfiguration_has_a_row_which_is_gone_once_its_remedy_is_applied(ailment: Ailment, ward: Ward) -> None:
    async with aclosing(ailment.course(ward)) as course:  # type: ignore[type-var]
        await anext(course)
        what = ailment.what.format(home=ward.home, toml=ward.folder / "planrail.toml")
        found = await ward.findings()
        row = matching(found, what, ailment.told)
        assert row is not None, found
        assert (row.level, ailment.remedy in row.remedy) == (ailment.level, True), row
        assert all("hush-hush" not in f.told + f.remedy for f in found)

        await anext(course, None)
        assert matching(await ward.findings(), what, ailment.told) is None


async def test_every_problem_and_note_names_a_remedy(ward: Ward) -> None:
    ward.env |= {
        "PLANRAIL_A2A_URL": "http://planner.invalid",
        "PLANRAIL_ARTIFACTS_URL": "nowhere://x",
        "PLANRAIL_PACKS": "none",
    }
    for f in await ward.findings():
        assert f.level == "ok" or f.remedy, f


def test_every_variable_that_is_documented_is_known_to_the_doctor() -> None:
    said = {
        name for names in VARIABLES.values() for name in names.split(", ") if name.startswith("PLANRAIL_") and "<" not in name
    }
    assert said - variables() == set()


async def test_looking_makes_and_changes_nothing(ward: Ward) -> None:
    await ward.findings()
    assert [path.name for path in ward.home.iterdir()] == []


async def test_a_model_that_is_asked_something_says_itself_that_it_is_not_there(ward: Ward) -> None:
    async with ModelServer(script=Script(models=("small",))) as server:
        ward.env |= {"OPENAI_BASE_URL": server.url, "PLANRAIL_PLANNER_MODEL": "big", "PLANRAIL_EXECUTOR_MODEL": "small"}
        found = (await examined(ward.env, ward.folder, live=True))[0]
    told = {f.what: (f.level, f.remedy) for f in found}
    assert told["planner model"][0] == "problem"
    assert "PLANRAIL_PLANNER_MODEL" in told["planner model"][1]


async def test_a_pack_that_hangs_hides_nothing_else(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    ward.install("slow", "import threading\nthreading.Event().wait()\n")
    ward.env["PLANRAIL_PACKS"] = "slow"
    monkeypatch.setattr(examination, "PACKS_S", 0.5)
    found = await ward.findings()
    assert matching(found, "packs", "gave no answer within 0.5 s") is not None
    assert "database" in {f.what for f in found if f.level == "ok"}


def test_nothing_secret_is_said_by_the_command(command: Command) -> None:
    secret = "hush-hush"
    (command.folder / "planrail.toml").write_text(
        f"""[secrets]
token = "{secret}-1"
[a2a]
secret_key = "{secret}-2-{"x" * 32}"
[planner]
model = "big"
base_url = "http://me:{secret}-3@127.0.0.1:9/v1?key={secret}-4"
api_key = "{secret}-5"
[sql.shop]
url = "postgresql://me:{secret}-6@127.0.0.1:9/shop"
[agents.flights]
url = "http://127.0.0.1:9/x?key={secret}-7"
[mcpServers.gone]
url = "http://127.0.0.1:9/mcp?key={secret}-8"
headers = {{ Authorization = "Bearer {secret}-9" }}
[mcpServers.none]
command = "/no/such/server"
args = ["--key", "{secret}-10"]
env = {{ TOKEN = "{secret}-11" }}
"""
    )
    env = {
        "PLANRAIL_DATABASE_URL": f"postgresql://me:{secret}-12@127.0.0.1:9/planrail",
        "PLANRAIL_SECRET_ONE": f"{secret}-13",
        "PLANRAIL_PACKS": "",
    }
    env |= {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_HEADERS": f"key={secret}-14"}
    for form in ([], ["--json"]):
        told = command("doctor", *form, env=env)
        assert told.code == 1
        assert "planner model" in told.out
        assert secret not in told.out + told.err


@pytest.mark.proof
async def test_what_does_not_answer_is_told_within_five_seconds_beside_all_the_rest(ward: Ward) -> None:
    async def silent_until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(silent_until_closed, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    at = f"http://127.0.0.1:{port}"
    ward.env |= {"PLANRAIL_PLANNER_MODEL": "big", "OPENAI_BASE_URL": f"{at}/v1", "PLANRAIL_EXECUTOR_MODEL": "small"}
    ward.env |= {"PLANRAIL_A2A_URL": at, "PLANRAIL_DATABASE_URL": f"postgresql://me@127.0.0.1:{port}/planrail"}
    ward.toml(f'[auth]\nissuer = "{at}"\nresource = "{at}"\n[agents.slow]\nurl = "{at}"\n[mcpServers.slow]\nurl = "{at}"\n')
    began = asyncio.get_running_loop().time()
    found = await ward.findings()
    took = asyncio.get_running_loop().time() - began
    silent.close()
    async with asyncio.timeout(10):
        await silent.wait_closed()
    sick = {f.what for f in found if f.level != "ok"}
    assert {"planner model", "executor model", "address", "database", "issuer", "agent slow", "MCP server slow"} <= sick
    assert took < 12
