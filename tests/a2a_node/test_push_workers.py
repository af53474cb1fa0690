"""Who notifies: any worker of a database, one at a time for each receiver, through restarts and kills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.types.a2a_pb2 import TaskPushNotificationConfig

from a2a_node.push.chore import configs_of, delivering
from a2a_node.telling import Audience
from executor.run import is_over
from executor.submission import Submission
from planrail.house import House, open_house
from planrail.settings import Settings, load_settings
from tests.a2a_node.nodes import node
from tests.a2a_node.receiver import BOUND_S, Heard, Receiver, receiving
from tests.planrail.command import Command

LEADS = 'leads = crm.find_leads(vertical="gym", city="Austin", limit=3)\nanswer([l.name for l in leads.items])'
TERMS = '[a2a]\npush_allow_private = ["127.0.0.1"]\npush_first_retry_s = 0.05\n'


def settings_of(home: Path, more: str = "", **environment: str) -> Settings:
    (home / "planrail.toml").write_text(TERMS + more)
    return load_settings({"PLANRAIL_HOME": str(home), **environment}, home)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    url = {} if request.param == "sqlite" else {"PLANRAIL_DATABASE_URL": request.getfixturevalue("postgres_url")}
    return settings_of(tmp_path, **url)


@asynccontextmanager
async def working(settings: Settings, *, deliver: bool = True) -> AsyncIterator[House]:
    """A house that carries runs on, and notifies if wanted."""
    async with asyncio.timeout(BOUND_S), open_house(settings) as house, house.engine(), AsyncExitStack() as stack:
        if deliver:
            await stack.enter_async_context(delivering(house))
        yield house


async def begun(house: House, receiver: Receiver, path: str = "/hook") -> str:
    """A new run, of which that receiver is told from its first event on."""
    run = (await house.runs.submit(Submission(script=LEADS))).id
    config = TaskPushNotificationConfig(task_id=run, url=receiver.url(path))
    configs = configs_of(house)
    await configs.keep(config, await configs.checked(config, Audience(), old=False), since=1)
    return run


async def over(house: House, run: str) -> None:
    async for _ in house.journal.changes(run):
        record = await house.journal.get(run)
        if record is not None and is_over(record.status):
            return


def order(heard: Sequence[Heard]) -> list[tuple[int, ...]]:
    """Event and part of each."""
    return [tuple(int(n) for n in h.id.rpartition("/")[2].split(".")) for h in heard]


async def test_two_workers_tell_each_receiver_everything_once_and_in_order(settings: Settings) -> None:
    under_way: list[str] = []
    twice: list[str] = []

    async def slowly(heard: Heard) -> int:
        twice.extend(path for path in under_way if path == heard.path)
        under_way.append(heard.path)
        await asyncio.sleep(0.01)  # time for another worker to come by
        under_way.remove(heard.path)
        return 200

    async with working(settings) as one, working(settings) as other, receiving(slowly) as receiver:
        runs = [await begun((one, other)[n % 2], receiver, f"/{n}") for n in range(12)]
        for n in range(12):
            await receiver.until_over(f"/{n}")
    assert twice == [], "each receiver is told one thing at a time"
    assert len({h.id for h in receiver.heard}) == len(receiver.heard)
    for n, run in enumerate(runs):
        heard = [h for h in receiver.heard if h.path == f"/{n}"]
        assert {h.id.split("/")[0] for h in heard} == {run}
        assert order(heard) == sorted(order(heard))
        assert [heard[0].kind, heard[-1].kind] == ["SUBMITTED", "COMPLETED"]


async def test_what_did_not_arrive_before_a_restart_arrives_after_it(settings: Settings) -> None:
    async def away(heard: Heard) -> int:
        return 200 if len(receiver.heard) < 3 else 503

    async with receiving(away) as receiver:
        async with working(settings) as house:
            run = await begun(house, receiver)
            await over(house, run)
            await receiver.until(lambda heard: len(heard) >= 4)
        before = list(receiver.heard)
        receiver.reply = taken_again
        async with working(settings):
            after = (await receiver.until_over())[len(before) :]
    assert after[0].id == before[2].id, "the one that did not arrive comes first"
    assert order(after) == sorted(set(order(after)))


async def taken_again(heard: Heard) -> int:
    return 200


async def test_a_house_that_ends_lets_go_and_another_one_goes_on_at_once(settings: Settings) -> None:
    quiet = asyncio.Event()

    async def never(heard: Heard) -> int:
        await quiet.wait()
        return 200

    async with receiving(never) as receiver, working(settings, deliver=False) as stays:
        async with working(settings):
            run = await begun(stays, receiver)
            await receiver.until(lambda heard: len(heard) == 1)
        (kept,) = await stays.journal.outbox.of(run)
        assert (kept.holder, kept.seq, kept.attempts) == (None, 0, 0)
        receiver.reply = taken_again
        async with delivering(stays):
            heard = await receiver.until_over()
        quiet.set()
    assert heard[0].id == heard[1].id


async def test_what_is_given_up_is_seen_and_tried_again_when_somebody_says_so(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "push_give_up_s = 0\n")
    command = Command(tmp_path, {"PLANRAIL_HOME": str(tmp_path)})

    async def printed(*arguments: str) -> Any:
        return (await asyncio.to_thread(command, *arguments, "--json")).json

    async def away(heard: Heard) -> int:
        return 500

    async with receiving(away) as receiver, working(settings) as house:
        run = await begun(house, receiver, "/secret-path")
        async for _ in house.journal.changes():
            if (await house.journal.outbox.count())["dead"]:
                break
        (dead,) = await printed("push", "list", "--dead")
        unknown = [await printed("push", "retry", *which) for which in (("nobody",), (run, "other"))]
        told = {f["what"]: f for f in (await printed("doctor"))["findings"]}["notifications"]
        receiver.reply = taken_again
        again = await printed("push", "retry")
        await receiver.until_over("/secret-path")
    assert (dead["run"], dead["state"], dead["problem"]) == (run, "given up", "The receiver answered with status 500.")
    assert "secret-path" not in json.dumps(dead)
    assert (told["level"], told["told"]) == ("note", "1 configuration, 0 failing, 1 given up")
    assert (dead["next_at"], dead["failing_at"] >= dead["created_at"]) == (None, True)
    assert [told["error"]["message"] for told in unknown] == [
        "There is no run nobody.",
        f"The run {run} has no configuration other.",
    ]
    assert again == {"again": 1}


async def test_a_receiver_that_is_gone_for_good_is_left_alone_at_once(tmp_path: Path) -> None:
    async def gone(heard: Heard) -> int:
        return 410

    async with receiving(gone) as receiver, working(settings_of(tmp_path)) as house:
        run = await begun(house, receiver)
        await over(house, run)
        async for _ in house.journal.changes():
            if (await house.journal.outbox.count())["dead"]:
                break
    assert len(receiver.heard) == 1


@pytest.mark.proof
@pytest.mark.parametrize("at", [1, 3, 5])
async def test_a_worker_that_is_killed_while_it_notifies_is_replaced_and_nothing_is_lost(settings: Settings, at: int) -> None:
    """Two servers; the one that notifies is killed (SIGKILL) while the receiver has the notification of that number."""
    held, quiet = asyncio.Event(), asyncio.Event()

    async def holding(heard: Heard) -> int:
        if len(receiver.heard) == at:
            held.set()
            await quiet.wait()
        return 200

    url = {} if settings.url.startswith("sqlite") else {"PLANRAIL_DATABASE_URL": settings.url}
    with node(settings.home, TERMS, **url) as one, node(settings.home, TERMS, **url):
        async with receiving(holding) as receiver, open_house(settings) as house, httpx.AsyncClient() as http:
            body = {
                "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": {"script": LEADS}}]},
                "configuration": {"returnImmediately": True, "taskPushNotificationConfig": {"url": receiver.url()}},
            }
            sent = await http.post(f"{one.address}/message:send", json=body, headers={"A2A-Version": "1.0"})
            run = sent.json()["task"]["id"]
            async with asyncio.timeout(BOUND_S):
                await held.wait()
            (kept,) = await house.journal.outbox.of(run)
            assert kept.holder is not None
            os.kill(int(kept.holder.rsplit("-", 2)[1]), signal.SIGKILL)
            quiet.set()
            await receiver.until(lambda heard: len({h.id for h in heard}) < len(heard))
            heard = await receiver.until_over()
    assert order(heard) == sorted(order(heard))
    assert len(heard) - len(set(order(heard))) == 1, "the one that was under way is told again, and no other"
    assert [heard[0].kind, heard[-1].kind] == ["SUBMITTED", "COMPLETED"]
