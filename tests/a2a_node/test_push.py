"""Push notifications: what a real receiver hears of a task, on each binding, and what it does not."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio
from a2a.types.a2a_pb2 import (
    AuthenticationInfo,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError
from google.protobuf.json_format import MessageToDict
from jwt import PyJWKSet

from a2a_node.push.configs import MOST
from a2a_node.push.lanes import PER_PLACE
from planner.toolspec import Json
from tests.a2a_node.node import ASKS, BINDINGS, EXTENDED, Node, message, node, states, task_of, told
from tests.a2a_node.receiver import Heard, Receiver, receiving

pytestmark = pytest.mark.asyncio(loop_scope="module")
EACH = pytest.mark.parametrize("binding", BINDINGS)
SIGNATURE = "x-a2a-notification-signature"
LEADS = 'leads = crm.find_leads(vertical="gym", city="Austin", limit=3)\nanswer([l.name for l in leads.items])'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    home: Path = tmp_path_factory.mktemp("node")
    (home / "planrail.toml").write_text('[a2a]\npush_allow_private = ["127.0.0.1"]\npush_first_retry_s = 0.05\n')
    async with node(home) as made:
        yield made


def hook(receiver: Receiver, path: str = "/hook", **more: object) -> TaskPushNotificationConfig:
    return TaskPushNotificationConfig(url=receiver.url(path), **more)  # type: ignore[arg-type]  # its fields


@EACH
async def test_a_receiver_hears_the_task_and_then_in_order_what_a_stream_gives(here: Node, binding: str) -> None:
    async with here.client(binding) as client, receiving() as receiver:
        stream = await told(
            client, message(data={"script": LEADS}), EXTENDED, task_push_notification_config=hook(receiver, token="t")
        )
        heard = await receiver.until_over()
    assert [heard[0].kind, heard[-1].kind] == ["SUBMITTED", "COMPLETED"]
    streamed = [MessageToDict(each) for each in stream[1:]]
    assert [h.body for h in heard][-len(streamed) :] == streamed
    assert {h.headers["content-type"] for h in heard} == {"application/a2a+json"}
    assert {h.headers["x-a2a-notification-token"] for h in heard} == {"t"}
    task = task_of(stream).id
    assert [h.id.rpartition("/")[0] for h in heard] == [f"{task}/{task}"] * len(heard)
    assert states(stream)[-1] == "COMPLETED"


async def test_the_subscriber_is_known_by_its_credentials_and_we_by_our_signature(here: Node) -> None:
    async with here.client() as client, receiving() as receiver:
        given = AuthenticationInfo(scheme="Basic", credentials="dTpw")
        await told(client, message(data={"script": LEADS}), task_push_notification_config=hook(receiver, authentication=given))
        await told(client, message(data={"script": LEADS}), task_push_notification_config=hook(receiver, "/other"))
        mine, other = await receiver.until_over(), await receiver.until_over("/other")
    jwks = await here.house.signing.jwks()
    assert {h.headers["authorization"] for h in mine} == {"Basic dTpw"}
    assert [h.headers["authorization"] for h in other] == [f"Bearer {h.headers[SIGNATURE]}" for h in other]
    for heard in (*mine, *other):
        claims = verified(heard, jwks, receiver.url("").rstrip("/"))
        assert (claims["jti"], claims["sub"]) == (heard.id, heard.id.split("/")[0])


def verified(heard: Heard, jwks: dict[str, Json], place: str) -> dict[str, Any]:
    """What docs/a2a.md tells a receiver to do with a notification."""
    signed = heard.headers[SIGNATURE]
    key = PyJWKSet.from_dict(jwks)[jwt.get_unverified_header(signed)["kid"]]
    claims: dict[str, Any] = jwt.decode(signed, key.key, algorithms=["ES256"], audience=place)
    assert claims["request_body_sha256"] == hashlib.sha256(heard.content).hexdigest()
    return claims


@EACH
async def test_configurations_are_made_read_listed_and_deleted(here: Node, binding: str) -> None:
    secret = AuthenticationInfo(scheme="Bearer", credentials="confidential")
    async with here.client(binding) as client, receiving() as receiver:
        task = task_of(await told(client, message(data={"script": ASKS}))).id
        asked = [hook(receiver, f"/{n}", task_id=task, id=f"c{n}", token="tok", authentication=secret) for n in range(3)]
        made = [await client.create_task_push_notification_config(each) for each in asked]
        default = await client.create_task_push_notification_config(hook(receiver, task_id=task))
        got = await client.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(task_id=task, id="c1"))
        first = await client.list_task_push_notification_configs(
            ListTaskPushNotificationConfigsRequest(task_id=task, page_size=3)
        )
        rest = await client.list_task_push_notification_configs(
            ListTaskPushNotificationConfigsRequest(task_id=task, page_size=3, page_token=first.next_page_token)
        )
        gone = DeleteTaskPushNotificationConfigRequest(task_id=task, id="c1")
        for _ in range(2):
            await client.delete_task_push_notification_config(gone)
        with pytest.raises(TaskNotFoundError):
            await client.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(task_id=task, id="c1"))
    assert made == asked
    assert default.id == task
    assert (got.url, got.authentication.scheme, got.authentication.credentials, got.token) == (asked[1].url, "Bearer", "", "")
    assert {c.id for c in (*first.configs, *rest.configs)} == {"c0", "c1", "c2", task}
    assert (len(first.configs), rest.next_page_token) == (3, "")


@EACH
async def test_there_is_nothing_to_be_told_of_a_task_that_there_is_not(here: Node, binding: str) -> None:
    async with here.client(binding) as client, receiving() as receiver:
        for call in (
            client.create_task_push_notification_config(hook(receiver, task_id="nobody")),
            client.get_task_push_notification_config(GetTaskPushNotificationConfigRequest(task_id="nobody", id="c")),
            client.list_task_push_notification_configs(ListTaskPushNotificationConfigsRequest(task_id="nobody")),
            client.delete_task_push_notification_config(DeleteTaskPushNotificationConfigRequest(task_id="nobody", id="c")),
        ):
            with pytest.raises(TaskNotFoundError):
                await call


@EACH
async def test_a_message_that_names_a_hostile_place_begins_nothing(here: Node, binding: str) -> None:
    before = len(await here.house.journal.find(limit=1_000))
    async with here.client(binding) as client:
        for url in ("https://10.0.0.1/hook", "http://localhost/hook", "https://127.0.0.1:1/hook\r\nX: 1", "nowhere"):
            with pytest.raises(InvalidParamsError):
                await told(
                    client, message(data={"script": LEADS}), task_push_notification_config=TaskPushNotificationConfig(url=url)
                )
    assert len(await here.house.journal.find(limit=1_000)) == before


async def test_a_task_has_only_so_many_configurations(here: Node) -> None:
    async with here.client() as client, receiving() as receiver:
        task = task_of(await told(client, message(data={"script": ASKS}))).id
        for n in range(MOST):
            await client.create_task_push_notification_config(hook(receiver, task_id=task, id=f"c{n}"))
        with pytest.raises(InvalidParamsError):
            await client.create_task_push_notification_config(hook(receiver, task_id=task, id="more"))


async def test_whoever_subscribes_late_is_told_the_task_as_it_is_then_and_the_rest(here: Node) -> None:
    async with here.client() as client, receiving() as receiver:
        task = task_of(await told(client, message(data={"script": ASKS}))).id
        await client.create_task_push_notification_config(hook(receiver, task_id=task))
        await receiver.until(lambda heard: len(heard) == 1)
        await told(client, message("Ann", task_id=task))
        heard = await receiver.until_over()
        await client.create_task_push_notification_config(hook(receiver, "/late", task_id=task, id="late"))
        late = await receiver.until_over("/late")
    assert heard[0].kind == "INPUT_REQUIRED"
    assert [h.kind for h in heard][-2:] == ["artifactUpdate", "COMPLETED"]
    assert [(next(iter(h.body)), h.kind) for h in late] == [("task", "COMPLETED")]


async def test_what_is_asked_inline_with_an_answer_is_told_from_that_answer_on(here: Node) -> None:
    async with here.client() as client, receiving() as receiver:
        task = task_of(await told(client, message(data={"script": ASKS}))).id
        await told(client, message("Ann", task_id=task), task_push_notification_config=hook(receiver))
        heard = await receiver.until_over()
    assert heard[0].kind == "INPUT_REQUIRED"
    assert heard[-1].kind == "COMPLETED"


async def test_what_does_not_arrive_is_sent_again_before_anything_else_and_is_the_same(here: Node) -> None:
    failures = {2: 500, 3: 503, 5: 404}

    async def reply(heard: Heard) -> int:
        return failures.get(len(receiver.heard), 204)

    async with here.client() as client, receiving(reply) as receiver:
        stream = await told(client, message(data={"script": LEADS}), task_push_notification_config=hook(receiver))
        heard = await receiver.until_over()
    ids = [h.id for h in heard]
    assert ids[1] == ids[2] == ids[3]
    assert ids[4] == ids[5]
    assert heard[1].content == heard[2].content == heard[3].content
    once = list(dict.fromkeys(ids))
    assert len(once) == len(ids) - 3
    assert [number(i) for i in once] == sorted(number(i) for i in once)
    assert states(stream)[-1] == "COMPLETED"


async def test_of_an_event_that_makes_two_the_one_that_did_not_arrive_is_sent_again_alone(here: Node) -> None:
    def ends(heard: list[Heard]) -> int:
        return sum(h.kind == "COMPLETED" for h in heard)

    async def reply(heard: Heard) -> int:
        return 500 if heard.kind == "COMPLETED" and ends(receiver.heard) == 1 else 200

    async with here.client() as client, receiving(reply) as receiver:
        await told(client, message(data={"script": LEADS}), task_push_notification_config=hook(receiver))
        heard = await receiver.until(lambda heard: ends(heard) == 2)
    assert [h.kind for h in heard[-3:]] == ["artifactUpdate", "COMPLETED", "COMPLETED"]
    assert [number(h.id)[1] for h in heard[-3:]] == [1, 2, 2]


def number(name: str) -> tuple[int, int]:
    """Event and part of a notification's id."""
    event, _, part = name.rpartition("/")[2].partition(".")
    return int(event), int(part)


async def test_no_stream_and_no_other_receiver_waits_for_a_slow_one(here: Node) -> None:
    quiet = asyncio.Event()

    async def never(heard: Heard) -> int:
        await quiet.wait()
        return 200

    async with here.client() as client, receiving(never) as slow, receiving() as quick:
        for _ in range(5):
            await told(client, message(data={"script": LEADS}), task_push_notification_config=hook(slow))
        stream = await told(client, message(data={"script": LEADS}), task_push_notification_config=hook(quick))
        await quick.until_over()
        assert states(stream)[-1] == "COMPLETED"
        assert 1 <= len(slow.heard) <= PER_PLACE
        assert all(h.id.endswith("/1.1") for h in slow.heard)
        quiet.set()
        await slow.until(lambda heard: sum(h.kind == "COMPLETED" for h in heard) == 5)


async def test_a_configuration_that_is_deleted_hears_no_more(here: Node) -> None:
    async with here.client() as client, receiving() as receiver:
        task = task_of(await told(client, message(data={"script": ASKS}))).id
        for name in ("stays", "goes"):
            await client.create_task_push_notification_config(hook(receiver, f"/{name}", task_id=task, id=name))
        await receiver.until(lambda heard: {h.path for h in heard} == {"/stays", "/goes"})
        await client.delete_task_push_notification_config(DeleteTaskPushNotificationConfigRequest(task_id=task, id="goes"))
        await told(client, message("Ann", task_id=task))
        await receiver.until_over("/stays")
    assert [h.kind for h in receiver.heard if h.path == "/goes"] == ["INPUT_REQUIRED"]


async def test_a_client_of_the_old_version_is_told_whole_tasks_in_its_words(here: Node) -> None:
    async with httpx.AsyncClient() as http, receiving() as receiver:
        parts = [{"kind": "data", "data": {"script": LEADS}}]
        config = {"url": receiver.url(), "authentication": {"schemes": ["Bearer"], "credentials": "c"}}
        params = {
            "message": {"kind": "message", "messageId": str(uuid.uuid4()), "role": "user", "parts": parts},
            "configuration": {"pushNotificationConfig": config},
        }
        call = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": params}
        sent = (await http.post(f"{here.url}/", json=call)).json()
        heard = await receiver.until(lambda heard: any(h.body["status"]["state"] == "completed" for h in heard))
        got = {"jsonrpc": "2.0", "id": 2, "method": "tasks/pushNotificationConfig/get", "params": {"id": sent["result"]["id"]}}
        shown = (await http.post(f"{here.url}/", json=got)).json()
    assert heard[-1].body == sent["result"]
    assert {h.body["kind"] for h in heard} == {"task"}
    assert {(h.headers["content-type"], h.headers["authorization"]) for h in heard} == {("application/json", "Bearer c")}
    assert shown["result"]["pushNotificationConfig"]["url"] == receiver.url()


async def test_what_a_webhook_is_sent_is_kept_encrypted(here: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # below that the client itself, which is in this process, says what it sends
    secrets = ("the-token-itself", "the-credentials-themselves", "the-path-itself")

    async def reply(heard: Heard) -> int:
        return 500 if len(receiver.heard) == 1 else 200

    async with here.client() as client, receiving(reply) as receiver:
        given = AuthenticationInfo(scheme="Bearer", credentials=secrets[1])
        config = hook(receiver, f"/{secrets[2]}", token=secrets[0], authentication=given)
        task = task_of(await told(client, message(data={"script": LEADS}), task_push_notification_config=config)).id
        heard = await receiver.until_over(f"/{secrets[2]}")
        listed = await client.list_task_push_notification_configs(ListTaskPushNotificationConfigsRequest(task_id=task))
    (kept,) = await here.house.journal.outbox.of(task)
    stored = b"".join(path.read_bytes() for path in here.house.settings.home.glob("planrail.db*") if path.is_file())
    assert (heard[0].headers["x-a2a-notification-token"], heard[0].headers["authorization"]) == (
        secrets[0], f"Bearer {secrets[1]}",
    )  # fmt: skip
    assert task.encode() in stored
    for secret in secrets:
        assert secret.encode() not in stored
        assert secret not in caplog.text
        assert secret not in kept.model_dump_json()
    assert all(secret not in str(listed) for secret in secrets[:2])
