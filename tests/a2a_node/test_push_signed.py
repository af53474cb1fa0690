"""Signatures as a receiver checks them, who knows nothing but the agent's address; and keys that another process rotates."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from a2a.types.a2a_pb2 import TaskPushNotificationConfig

from tests.a2a_node.node import BOUND_S, Node, message, node, told
from tests.a2a_node.nodes import environment
from tests.a2a_node.receiver import Heard, receiving
from tests.warm import warm_command

pytestmark = pytest.mark.asyncio(loop_scope="module")
CARD, JWKS = "/.well-known/agent-card.json", "/.well-known/jwks.json"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("node")
    (made / "planrail.toml").write_text('[a2a]\npush_allow_private = ["127.0.0.1"]\n')
    return made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(home: Path) -> AsyncIterator[Node]:
    async with node(home) as made:
        yield made


class Receiver:
    """What docs/a2a.md tells a receiver to do: the keys are fetched from the agent, and anew where one is not known."""

    def __init__(self, agent: str, place: str) -> None:
        self._agent = agent
        self._place = place
        self._keys: dict[str, Any] = {}
        self._seen: set[str] = set()

    async def checked(self, heard: Heard, content: bytes | None = None) -> str:
        """The name of the key that signed it; raises PyJWTError or AssertionError."""
        signed = heard.headers["x-a2a-notification-signature"]
        kid = jwt.get_unverified_header(signed)["kid"]
        if kid not in self._keys:
            self._keys = {k["kid"]: jwt.PyJWK(k) for k in (await got(self._agent, JWKS))["keys"]}
        claims = jwt.decode(signed, self._keys[kid], algorithms=["ES256"], audience=self._place)
        body = heard.content if content is None else content
        assert claims["request_body_sha256"] == hashlib.sha256(body).hexdigest()
        assert claims["jti"] not in self._seen
        self._seen.add(claims["jti"])
        return str(kid)


async def got(agent: str, path: str) -> Any:
    async with httpx.AsyncClient(base_url=agent) as http:
        return (await http.get(path)).raise_for_status().json()


async def notified(here: Node) -> tuple[list[Heard], str]:
    """What a receiver hears of a task, and the place of that receiver."""
    async with here.client() as client, receiving() as receiver:
        hook = TaskPushNotificationConfig(url=receiver.url())
        await told(client, message(data={"script": "answer(1)"}), task_push_notification_config=hook)
        return await receiver.until_over(), receiver.url("").rstrip("/")


async def rotated(home: Path, *options: str) -> Any:
    """The keys rotated by a process of its own."""
    process = await asyncio.create_subprocess_exec(
        warm_command(), "keys", "rotate", "--json", *options, cwd=home, env=environment(home), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), BOUND_S)
    return json.loads(said)


async def signers(here: Node) -> list[str]:
    """The keys that sign the card, in order."""
    card = await got(here.url, CARD)
    return [jwt.get_unverified_header(f"{s['protected']}..{s['signature']}")["kid"] for s in card["signatures"]]


async def test_a_notification_is_checked_by_the_keys_that_the_agent_serves(here: Node) -> None:
    heard, place = await notified(here)
    receiver = Receiver(here.url, place)
    assert {await receiver.checked(h) for h in heard} == set(await signers(here))
    with pytest.raises(AssertionError):
        await receiver.checked(heard[0])  # once more
    with pytest.raises(AssertionError):
        await Receiver(here.url, place).checked(heard[0], heard[0].content + b" ")
    with pytest.raises(jwt.InvalidAudienceError):
        await Receiver(here.url, "https://elsewhere.example:443").checked(heard[0])


async def test_a_key_that_another_process_makes_signs_soon_and_one_that_it_drops_no_more(here: Node, home: Path) -> None:
    (old,) = await signers(here)
    new = await rotated(home)
    assert (new["beside"], await signing(here, [new["kid"], old])) == ([old], new["kid"])
    last = await rotated(home, "--drop")
    assert (last["beside"], await signing(here, [last["kid"]])) == ([], last["kid"])


async def signing(here: Node, wanted: list[str]) -> str:
    """What signs notifications, once these keys sign the card, are served, and the first of them signs notifications too."""
    async with asyncio.timeout(BOUND_S):
        while True:
            heard, place = await notified(here)
            receiver = Receiver(here.url, place)
            try:
                kids = {await receiver.checked(h) for h in heard}
            except KeyError:  # by one that was dropped a moment ago
                continue
            served = [k["kid"] for k in (await got(here.url, JWKS))["keys"]]
            if kids == {wanted[0]} and await signers(here) == served == wanted:
                return kids.pop()
