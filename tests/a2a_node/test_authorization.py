"""The authorization matrix: who may do what, of every operation on every binding, against one server that asks who comes."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from executor.api_keys import StoredKey
from executor.journal.sql import SqlJournal
from planrail.keys import hash_of
from tests.a2a_node.nodes import ASKS, DONE, Node, environment, node, says, script, state
from tests.a2a_node.wire import BINDINGS, BOUND_S, REST, Binding, Fault, Wire
from tests.planrail.issuer import RESOURCE, TestIssuer, issuer
from tests.warm import warm_command

TENANT, NOWHERE = "acme", "0dp3z9q8m2k7c4aa"  # where the task is; the id of none
HOOK = "http://127.0.0.1:9/hook"
KEYS = {  # of the database: name → principal, tenants
    "pr_ann": ("ann", frozenset[str]()),
    "pr_ann_elsewhere": ("ann", frozenset(("zeta",))),
    "pr_ann_both": ("ann", frozenset(("acme", "zeta"))),
    "pr_bob": ("bob", frozenset[str]()),
    "pr_gone": ("ann", frozenset[str]()),
}
_OF_TASKS: dict[str, Mapping[str, Any]] = {
    "GetTask": {"id": "{task}"},
    "CancelTask": {"id": "{task}"},
    "SubscribeToTask": {"id": "{task}"},
    "SendMessage": {"message": says("Eve", messageId="m", taskId="{task}")},
    "SendStreamingMessage": {"message": says("Eve", messageId="m", taskId="{task}")},
    "ListTasks": {"contextId": "talk"},
    "CreateTaskPushNotificationConfig": {"taskId": "{task}", "id": "hook", "url": HOOK},
    "GetTaskPushNotificationConfig": {"taskId": "{task}", "id": "hook"},
    "ListTaskPushNotificationConfigs": {"taskId": "{task}"},
    "DeleteTaskPushNotificationConfig": {"taskId": "{task}", "id": "hook"},
    "GetExtendedAgentCard": {},
}
NONE = dict.fromkeys(_OF_TASKS, "none") | {"ListTasks": "no tasks", "GetExtendedAgentCard": "its own"}
NOBODY = dict.fromkeys(_OF_TASKS, "nobody")
MINE = dict.fromkeys(_OF_TASKS, "mine") | {"GetExtendedAgentCard": "its own"}
OK, ENDING = (200, 204, "OK"), ("SendMessage", "SendStreamingMessage", "CancelTask")
MEANINGS = (  # what an answer that tells nothing of a task says
    ("Authentication is required", "nobody"), ("The credential is not known", "nobody"), ("TASK_NOT_FOUND", "none"),
    ("The tenant is none of yours", "refused"), ("runsAtOnce", "its own"),
)  # fmt: skip
CALLERS: dict[str, tuple[str, str, dict[str, str]]] = {  # credential, the tenant that its requests name, what comes of it
    "owner": ("pr_ann", TENANT, MINE),
    "other": ("pr_bob", TENANT, NONE),
    "other tenant": ("pr_ann", "zeta", NONE),
    "no tenant": ("pr_ann", "", NONE),
    "key of another tenant": ("pr_ann_elsewhere", TENANT, dict.fromkeys(_OF_TASKS, "refused")),
    "anonymous": ("", TENANT, NOBODY),
    "unknown": ("pr_nobody", TENANT, NOBODY),
    "revoked": ("pr_gone", TENANT, NOBODY),
    "wrong audience": ("jwt of another resource", TENANT, NOBODY),
}


@dataclass(frozen=True)
class Guarded:
    """A node that asks who comes, and the issuer of tokens that it believes."""

    home: Path
    node: Node
    issuer: TestIssuer

    def wire(self, binding: Binding, credential: str) -> Wire:
        token = self.issuer.signed(aud="https://other.example") if credential.startswith("jwt") else credential
        return self.node.wire(binding, **({"Authorization": f"Bearer {token}"} if token else {}))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    home = tmp_path_factory.mktemp("guarded")
    asyncio.run(_keys(home, KEYS))
    asyncio.run(_revoke(home, "pr_gone"))
    with issuer() as tokens:
        auth = f'[auth]\nresource = "{RESOURCE}"\nissuer = "{tokens.address}"\n'
        with node(home, f'{auth}[a2a]\npush_allow_private = ["127.0.0.1"]\n') as started:
            yield Guarded(home, started, tokens)


async def _keys(home: Path, keys: Mapping[str, tuple[str, frozenset[str]]]) -> None:
    async with await SqlJournal.open(f"sqlite:///{home / 'planrail.db'}") as journal:
        for token, (principal, tenants) in keys.items():
            made = StoredKey(
                name=token.removeprefix("pr_"),
                hash=hash_of(token),
                principal=principal,
                tenants=tenants,
                created_at=datetime.now(UTC),
            )
            assert await journal.keys.add(made)


async def _revoke(home: Path, name: str) -> None:
    async with await SqlJournal.open(f"sqlite:///{home / 'planrail.db'}") as journal:
        assert await journal.keys.revoke(name.removeprefix("pr_"), datetime.now(UTC))


def about(task: str, params: Mapping[str, Any], tenant: str) -> dict[str, Any]:
    """The parameters of an operation on that task, in that tenant."""
    filled = {n: about(task, v, "") if isinstance(v, dict) else task if v == "{task}" else v for n, v in params.items()}
    return {**filled, **({"tenant": tenant} if tenant else {})}


def begun(wire: Wire) -> str:
    """A task that asks something."""
    sent = wire.call("SendMessage", {"message": script(ASKS, contextId="talk"), "tenant": TENANT})["task"]
    assert state(sent) == "INPUT_REQUIRED"
    return str(sent["id"])


def verdict(wire: Wire, operation: str, task: str, tenant: str) -> str:
    """What comes of an operation on a task: "mine", or what comes of it as well where there is no such task."""
    asked = wire.raw(operation, about(task, _OF_TASKS[operation], tenant))
    nothing = wire.raw(operation, about(NOWHERE, _OF_TASKS[operation], tenant))
    told = str(asked)
    if operation == "ListTasks" and asked[0] in OK and "none of yours" not in told:
        tasks = wire.call(operation, about(task, _OF_TASKS[operation], tenant)).get("tasks", [])
        return ("mine" if task in {t["id"] for t in tasks} else "others") if tasks else "no tasks"
    if told.replace(task, NOWHERE) != str(nothing):
        return "mine" if asked[0] in OK and "TASK_NOT_FOUND" in str(nothing) else f"told apart: {asked} {nothing}"
    return next((meaning for words, meaning in MEANINGS if words in told), told)


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("caller", [name for name in CALLERS if name != "owner"])
def test_whoever_has_no_task_cannot_tell_it_from_none_nor_touch_it(guarded: Guarded, binding: Binding, caller: str) -> None:
    credential, tenant, expected = CALLERS[caller]
    owner, wire = guarded.wire("jsonrpc", "pr_ann"), guarded.wire(binding, credential)
    task = begun(owner)
    before = owner.call("GetTask", {"id": task, "tenant": TENANT})
    assert {operation: verdict(wire, operation, task, tenant) for operation in REST} == expected
    assert owner.call("GetTask", {"id": task, "tenant": TENANT}) == before
    assert not owner.call("ListTaskPushNotificationConfigs", {"taskId": task, "tenant": TENANT}).get("configs")


@pytest.mark.parametrize("binding", BINDINGS)
def test_the_owner_may_do_everything(guarded: Guarded, binding: Binding) -> None:
    wire = guarded.wire(binding, "pr_ann")
    found: dict[str, str] = {}
    for last in ("SendMessage", "SendStreamingMessage", "CancelTask"):  # each ends its task
        task = begun(wire)
        for operation in (*(o for o in REST if o not in ENDING and o not in found), last):
            found[operation] = verdict(wire, operation, task, TENANT)
    assert found == MINE


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_new_task_is_the_callers_own_and_a_list_has_no_others(guarded: Guarded, binding: Binding) -> None:
    task = begun(guarded.wire(binding, "pr_ann"))
    bob = guarded.wire(binding, "pr_bob")
    own = bob.call("SendMessage", {"message": script(DONE), "tenant": TENANT})["task"]["id"]
    assert own in {t["id"] for t in bob.call("ListTasks", {"tenant": TENANT})["tasks"]}
    assert task not in {t["id"] for t in bob.call("ListTasks", {"tenant": TENANT})["tasks"]}
    for operation in ("SendMessage", "SendStreamingMessage"):
        for credential in ("", "pr_nobody", "pr_gone", "jwt of another resource"):
            answer = guarded.wire(binding, credential).raw(operation, {"message": script(DONE), "tenant": TENANT})
            assert answer[0] in (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("binding", BINDINGS)
def test_what_is_refused_before_any_operation_says_how_to_come_in(guarded: Guarded, binding: Binding) -> None:
    for credential in ("", "pr_nobody"):
        with pytest.raises(Fault) as refused:
            guarded.wire(binding, credential).call("GetTask", {"id": NOWHERE})
        assert refused.value.code in (401, -32600, "UNAUTHENTICATED")
    if binding != "grpc":
        challenge = guarded.wire(binding, "").http("GetTask", {"id": NOWHERE}).headers["www-authenticate"]
        assert challenge.startswith('Bearer error="invalid_token"')


OLD = {
    "tasks/get": {"id": "{task}"},
    "tasks/cancel": {"id": "{task}"},
    "tasks/resubscribe": {"id": "{task}"},
    "tasks/pushNotificationConfig/set": {"taskId": "{task}", "pushNotificationConfig": {"id": "hook", "url": HOOK}},
    "tasks/pushNotificationConfig/get": {"id": "{task}", "pushNotificationConfigId": "hook"},
    "tasks/pushNotificationConfig/list": {"id": "{task}"},
    "tasks/pushNotificationConfig/delete": {"id": "{task}", "pushNotificationConfigId": "hook"},
}


def test_nor_can_who_speaks_0_3(guarded: Guarded) -> None:
    task = guarded.wire("jsonrpc", "pr_ann").call("SendMessage", {"message": script(ASKS)})["task"]["id"]
    with httpx.Client(timeout=BOUND_S, verify=False, base_url=guarded.node.address) as web:

        def answer(token: str, method: str, of: str) -> httpx.Response:
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": about(of, OLD[method], "")}
            return web.post("/", json=body, headers={"Authorization": f"Bearer {token}"})

        for method in OLD:
            asked, nothing = answer("pr_bob", method, task), answer("pr_bob", method, NOWHERE)
            assert asked.content.replace(task.encode(), NOWHERE.encode()) == nothing.content
            assert b"-32001" in asked.content, method
            assert answer("pr_gone", method, task).status_code == 401
        assert b'"result"' in answer("pr_ann", "tasks/get", task).content


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_stream_of_a_key_that_is_revoked_meanwhile_tells_no_more(guarded: Guarded, binding: Binding) -> None:
    name = f"pr_short_{binding}"
    asyncio.run(_keys(guarded.home, {name: ("ann", frozenset())}))
    owner, leaving = guarded.wire("jsonrpc", "pr_ann"), guarded.wire(binding, name)
    task = begun(owner)
    stream, stays = (w.stream("SubscribeToTask", {"id": task, "tenant": TENANT}) for w in (leaving, owner))
    assert next(stream)["task"]["id"] == next(stays)["task"]["id"] == task
    asyncio.run(_revoke(guarded.home, name))
    while leaving.raw("GetTask", {"id": task, "tenant": TENANT})[0] in OK:
        pass
    owner.call("SendMessage", {"message": says("Ann", taskId=task), "tenant": TENANT})
    assert "COMPLETED" in str(list(stays))
    if binding == "grpc":
        with pytest.raises(Fault, match="UNAUTHENTICATED"):
            list(stream)
    else:
        assert list(stream) == []


def test_a_node_that_others_reach_does_not_start_where_nobody_is_known(tmp_path: Path) -> None:
    command = [warm_command(), "serve", "--host", "0.0.0.0", "--port", "0", "--grpc-port", "0"]
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, timeout=BOUND_S, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "planrail keys create" in ended.stderr


@pytest.mark.parametrize("binding", BINDINGS)
def test_a_tenant_is_a_space_of_its_own_also_where_the_key_names_it(guarded: Guarded, binding: Binding) -> None:
    free, bound, two = (guarded.wire(binding, key) for key in ("pr_ann", "pr_ann_elsewhere", "pr_ann_both"))
    context = f"tenants-{binding}"

    def begin(wire: Wire, tenant: str) -> str:
        named = {"tenant": tenant} if tenant else {}
        return str(wire.call("SendMessage", {"message": script(DONE, contextId=context), **named})["task"]["id"])

    def listed(wire: Wire, tenant: str) -> set[str]:
        asked = {"contextId": context, **({"tenant": tenant} if tenant else {})}
        return {task["id"] for task in wire.call("ListTasks", asked).get("tasks", [])}

    nowhere, acme, zeta = begin(free, ""), begin(free, "acme"), begin(bound, "")
    assert [listed(free, tenant) for tenant in ("", "acme", "zeta", "ac/me")] == [{nowhere}, {acme}, {zeta}, set()]
    assert (listed(bound, ""), listed(bound, "zeta")) == ({zeta}, {zeta})
    assert (listed(two, "acme"), listed(two, "zeta")) == ({acme}, {zeta})
    for wire, tenant, told in (
        (bound, "acme", "none of yours"),
        (two, "", "which of your tenants"),
        (two, "beta", "none of yours"),
    ):
        with pytest.raises(Fault, match=told) as refused:
            listed(wire, tenant)
        assert refused.value.reason == "INVALID_PARAMS"


def test_what_opens_the_door_stands_in_no_log_no_database_and_no_answer(guarded: Guarded) -> None:
    tokens = {
        "pr_ann": "mine",
        "pr_never_a_key_of_this_house": "unknown",
        guarded.issuer.signed(): "good",
        guarded.issuer.signed(aud="https://other.example"): "of another audience",
        guarded.issuer.signed(exp=1): "over",
    }
    answers: list[str] = []
    for token in tokens:
        for binding in BINDINGS:
            wire = guarded.node.wire(binding, Authorization=f"Bearer {token}")
            odd = guarded.node.wire(binding, **{"X-API-Key": token})
            broken = {"message": script("answer(nothing.at_all(", metadata={"a": 1})}
            for sent in ({"message": script(DONE)}, broken, {"message": {"messageId": ""}}):
                answers += [str(each.raw("SendMessage", sent)) for each in (wire, odd)]
            answers.append(str(wire.raw("GetTask", {"id": NOWHERE})))
    kept = [path for path in guarded.home.rglob("*") if path.is_file()]
    found = b"".join(path.read_bytes() for path in kept) + "".join(answers).encode()
    assert (guarded.home / "said").exists()
    assert hash_of("pr_ann").encode() in found
    for token, what in tokens.items():
        assert token.encode() not in found, what
