"""`serve_worker`: a process that carries runs on until it is told to end. And which engine a database URL chooses."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from executor.errors import JournalUnreachable
from executor.submission import Submission
from planrail.house import open_house
from planrail.settings import Settings, SettingsError, load_settings
from planrail.worker import serve_worker

BOUND_S = 60.0
PROGRAM = """
import asyncio, os
from pathlib import Path
from planrail.settings import load_settings
from planrail.worker import serve_worker

asyncio.run(serve_worker(load_settings(os.environ, Path()), ready=lambda name, _: print("ready", name, flush=True)))
print("ended", flush=True)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    environment = {"PLANRAIL_HOME": str(tmp_path)}
    if request.param == "postgres":
        environment["PLANRAIL_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    return load_settings(environment, tmp_path)


async def until_done(settings: Settings, goal: str) -> object:
    """Submit a run and wait for its answer; nothing is executed here."""
    async with open_house(settings) as house, asyncio.timeout(BOUND_S):
        run = (await house.runs.submit(Submission(goal=goal, script='answer("it works")'))).id
        async for _ in house.journal.changes():
            record = await house.journal.get(run)
            if record is not None and record.status == "done":
                return (await house.runs.get(run, Submission(goal=goal).principal)).ended
    return None


async def test_a_worker_takes_runs_until_it_is_stopped(settings: Settings) -> None:
    stop, names = asyncio.Event(), []
    serving = asyncio.create_task(serve_worker(settings, ready=lambda name, _: names.append(name), stop=stop))

    ended = await until_done(settings, "a goal")
    stop.set()
    async with asyncio.timeout(BOUND_S):
        await serving

    assert ended is not None
    assert len(names) == 1


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_process_ends_cleanly_at_a_signal(settings: Settings, ending: signal.Signals) -> None:
    environment = {"PLANRAIL_HOME": str(settings.home), "PLANRAIL_DATABASE_URL": settings.url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env=environment, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    async with asyncio.timeout(BOUND_S):
        assert (await process.stdout.readline()).startswith(b"ready ")
        await until_done(settings, "a goal")
        process.send_signal(ending)
        assert await process.stdout.read() == b"ended\n"
        assert await process.wait() == 0


async def test_a_database_that_planrail_does_not_speak_is_refused_by_name(tmp_path: Path) -> None:
    settings = load_settings({"PLANRAIL_HOME": str(tmp_path), "PLANRAIL_DATABASE_URL": "mysql://me:secret@host/db"}, tmp_path)
    with pytest.raises(JournalUnreachable, match="cannot keep its journal in 'mysql'") as caught:
        async with open_house(settings):
            pass

    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_a_secret_stands_in_the_file_and_the_environment_wins_over_it(tmp_path: Path) -> None:
    (tmp_path / "planrail.toml").write_text('[secrets]\nCRM_KEY = "from the file"\nother = "kept"\n')

    read = load_settings({}, tmp_path)
    won = load_settings({"PLANRAIL_SECRET_CRM_KEY": "from the environment"}, tmp_path)

    assert (read.secret("crm_key"), read.secret("other")) == ("from the file", "kept")
    assert (won.secret("crm_key"), won.secret("other")) == ("from the environment", "kept")


def test_secrets_that_are_no_table_are_refused_by_their_name(tmp_path: Path) -> None:
    (tmp_path / "planrail.toml").write_text('secrets = "all of them"\n')
    with pytest.raises(SettingsError, match="The setting secrets"):
        load_settings({}, tmp_path)


def test_the_limits_are_settings(tmp_path: Path) -> None:
    (tmp_path / "planrail.toml").write_text("runs = 8\nprincipal_runs = 2\n")

    read = load_settings({}, tmp_path)
    won = load_settings({"PLANRAIL_RUNS": "9", "PLANRAIL_DATABASE_AWAY_S": "5"}, tmp_path)

    assert (read.runs, read.principal_runs, read.database_away_s) == (8, 2, 60.0)
    assert (won.runs, won.principal_runs, won.database_away_s) == (9, 2, 5.0)
