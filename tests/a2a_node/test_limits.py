"""Limits: who has had enough is told so on every binding, and when to come again; nobody else is, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from a2a.types import a2a_pb2, a2a_pb2_grpc

from planrail.keys import hash_of
from planrail.limit_settings import LimitSettings, PrincipalLimits
from planrail.quota import Quotas, TooManyRequests, quotas_told
from tests.a2a_node.nodes import DONE, Node, node, script
from tests.a2a_node.wire import BINDINGS, BOUND_S, Binding, Fault, Wire

PRINCIPALS = {
    **{f"eager_{way}": "requests_per_minute = 3" for way in (*BINDINGS, "mcp")},
    **{f"busy_{binding}": "runs = 1" for binding in BINDINGS},
    "poor": "usd_per_day = 0.0",
    "ann": "",
}
CONFIG = "".join(
    f'[auth.keys.{name}]\nhash = "{hash_of(name)}"\nprincipal = "{name}"\n[auth.limits.principals.{name}]\n{limits}\n'
    for name, limits in PRINCIPALS.items()
)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node whose runs nobody carries on: they stay queued."""
    with node(tmp_path_factory.mktemp("limited"), CONFIG, "--no-worker") as started:
        yield started


def wire(of: Node, binding: Binding, name: str) -> Wire:
    return of.wire(binding, Authorization=f"Bearer {name}")


def sending(**more: Any) -> dict[str, Any]:
    return {"message": script(DONE, **more), "configuration": {"returnImmediately": True}}


def told_to_wait(refused: Fault, reason: str) -> int:
    """For how many seconds; it is the binding's own error of that kind."""
    assert refused.code in (429, -32000, "RESOURCE_EXHAUSTED")
    info, retry = refused.details
    assert info["reason"] == reason
    return int(str(retry["retryDelay"]).removesuffix("s"))


@pytest.mark.parametrize("binding", BINDINGS)
def test_who_asks_too_often_is_told_when_to_come_again(limited: Node, binding: Binding) -> None:
    eager = wire(limited, binding, f"eager_{binding}")
    for _ in range(3):
        eager.call("ListTasks")
    with pytest.raises(Fault, match="within a minute") as refused:
        eager.call("ListTasks")
    assert 1 <= told_to_wait(refused.value, "REQUESTS_EXCEEDED") <= 60
    assert wire(limited, binding, "ann").call("ListTasks") is not None
    assert httpx.get(f"{limited.address}/.well-known/agent-card.json").status_code == 200
    if binding != "grpc":
        answer = eager.http("GetTask", {"id": "r"})
        assert (answer.status_code, 1 <= int(answer.headers["retry-after"]) <= 60) == (429, True)


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("operation", ["SendMessage", "SendStreamingMessage"])
def test_who_has_as_many_runs_as_it_may_gets_no_further_one_until_one_ends(
    limited: Node, binding: Binding, operation: str
) -> None:
    busy = wire(limited, binding, f"busy_{binding}")
    first = sending(messageId=f"first-{operation}")
    task = busy.call("SendMessage", first)["task"]["id"]
    with pytest.raises(Fault, match="runs at once") as refused:
        list(busy.stream(operation, sending()))
    assert told_to_wait(refused.value, "RUNS_EXCEEDED") == 10
    elsewhere = sending() | {"tenant": "acme"}
    with pytest.raises(Fault, match="runs at once"):  # a tenant is no way around it
        busy.call("SendMessage", elsewhere)
    assert busy.call("SendMessage", first)["task"]["id"] == task  # sent again it is no further one
    busy.call("CancelTask", {"id": task})
    busy.call("CancelTask", {"id": busy.call("SendMessage", sending())["task"]["id"]})


@pytest.mark.parametrize("binding", BINDINGS)
def test_who_has_used_the_day_up_begins_nothing_and_leaves_nothing(limited: Node, binding: Binding) -> None:
    poor = wire(limited, binding, "poor")
    with pytest.raises(Fault, match="today") as refused:
        poor.call("SendMessage", sending())
    assert 1 <= told_to_wait(refused.value, "USD_EXCEEDED") <= 86_400
    assert poor.call("ListTasks").get("tasks", []) == []
    if binding == "jsonrpc":
        answer = poor.http("SendMessage", sending())
        assert (answer.status_code, answer.json()["id"]) == (429, 1)
        assert 1 <= int(answer.headers["retry-after"]) <= 86_400


def test_over_grpc_it_stands_in_the_metadata_too(limited: Node) -> None:
    request = a2a_pb2.SendMessageRequest(message=a2a_pb2.Message(message_id="m", role="ROLE_USER", parts=[{"text": "x"}]))
    headers = (("authorization", "Bearer poor"), ("a2a-version", "1.0"))
    with grpc.insecure_channel(limited.grpc_address) as channel:
        send = a2a_pb2_grpc.A2AServiceStub(channel).SendMessage
        with pytest.raises(grpc.RpcError) as refused:
            send(request, metadata=headers, timeout=BOUND_S)
    assert int(dict(refused.value.trailing_metadata())["retry-after"]) > 0


def test_mcp_counts_requests_alike(limited: Node) -> None:
    with httpx.Client(base_url=limited.address, headers={"Authorization": "Bearer eager_mcp"}) as web:
        answers = [web.post("/mcp", json={}) for _ in range(4)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, False, True]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert "within a minute" in answers[-1].json()["error"]["message"]


def test_the_callers_card_has_its_limits(limited: Node) -> None:
    card = wire(limited, "jsonrpc", "poor").call("GetExtendedAgentCard")
    (params,) = [e["params"] for e in card["capabilities"]["extensions"] if "principal" in e.get("params", {})]
    assert params["limits"]["usdPerDay"] == "0"


# -- how they are counted


def test_the_window_slides_and_what_is_refused_does_not_count() -> None:
    at = 0.0
    quotas = Quotas(LimitSettings(requests_per_minute=2), clock=lambda: at)

    def admitted(who: str = "ann") -> float:
        try:
            quotas.admit(who)
        except TooManyRequests as error:
            return error.again_in_s
        return 0.0

    assert [admitted(), admitted("@acme/ann"), admitted(), admitted("bob")] == [0.0, 0.0, 60.0, 0.0]
    at = 59.0
    assert [admitted(), admitted()] == [1.0, 1.0]
    at = 60.0
    assert [admitted(), admitted(), admitted()] == [0.0, 0.0, 60.0]
    assert [admitted("local") for _ in range(5)] == [0.0] * 5


def test_a_principals_own_limits_win_and_what_they_do_not_name_stays() -> None:
    named = {"ann": PrincipalLimits(usd_per_day=5.0), "local": PrincipalLimits(runs=2)}
    quotas = Quotas(LimitSettings(requests_per_minute=60, runs=8, usd_per_day=1.0, principals=named))
    assert quotas.limits("@acme/ann") == PrincipalLimits(requests_per_minute=60, runs=8, usd_per_day=5.0)
    assert quotas.limits("local") == PrincipalLimits(runs=2)
    assert quotas_told(quotas.limits("bob")) == {"requestsPerMinute": "60", "runsAtOnce": "8", "usdPerDay": "1"}


def test_limits_that_nobody_can_mean_are_refused(tmp_path: Path) -> None:
    for wrong in ({"runs": 0}, {"requests_per_minute": 0}, {"usd_per_day": -1.0}, {"run": 3}):
        with pytest.raises(ValueError, match="validation error"):
            LimitSettings.model_validate(wrong)
