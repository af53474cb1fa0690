"""Bad input at a real node: the protocol's own error, no internal text, nothing lost, and no memory held."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from a2a_node.extension import URI
from tests.a2a_node.nodes import ASKS, DONE, Node, message, node, says, script, state
from tests.a2a_node.wire import BINDINGS, BOUND_S, Binding, Fault, Wire
from tests.warm import behind

MB = 1024 * 1024
PART = b'{"message": {"messageId": "m", "role": "ROLE_USER", "parts": [%s]}}'
INTERNAL = re.compile(
    r"Traceback|File \"|\.py\b|sqlalchemy|sqlite|psycopg|Error\(|site-packages|object at 0x|recursion", re.IGNORECASE
)
INVALID = (-32602, 400, "INVALID_ARGUMENT")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with node(tmp_path_factory.mktemp("node")) as started:
        yield started


def resident(node: Node) -> int:
    """The bytes of memory that the process holds."""
    return int(Path(f"/proc/{behind(node.process.pid)}/statm").read_text().split()[1]) * 4096


def is_well(node: Node) -> None:
    """It answers, and does what is asked."""
    assert httpx.get(f"{node.address}/healthz", timeout=BOUND_S).json()["ok"]
    assert state(node.wire("jsonrpc").call("SendMessage", {"message": script(DONE)})["task"]) == "COMPLETED"


def posted(node: Node, path: str, content: Any, kind: str = "application/json") -> httpx.Response:
    headers = {"A2A-Version": "1.0", "Content-Type": kind}
    return httpx.post(f"{node.address}{path}", content=content, headers=headers, timeout=BOUND_S)


@pytest.mark.requirement("13.4c")
def test_what_is_too_large_is_refused_and_not_kept_in_memory(served: Node) -> None:
    is_well(served)
    before = resident(served)
    large = says("x" * 30 * MB)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(2):
            told = pool.map(lambda binding: _refused(served.wire(binding), large), (*BINDINGS, "jsonrpc"))
            assert {t.code for t in told} <= {-32600, 413, "RESOURCE_EXHAUSTED"}
    endless = posted(served, "/message:send", (b"[" * MB for _ in range(30)))  # nobody says how much will come
    assert endless.status_code == 413
    assert resident(served) - before < 150 * MB
    is_well(served)


def _refused(wire: Wire, large: dict[str, Any]) -> Fault:
    with pytest.raises(Fault) as refused:
        wire.call("SendMessage", {"message": large})
    assert not INTERNAL.search(refused.value.message)
    return refused.value


@pytest.mark.requirement("14.1.1a")
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b'{"message": }', b"\xff\xfe{}", b'{"a": "\xe9"}', b"[" * 100_000, b'{"a":' * 100_000, b"nul\x00",
        b"null", b"7", b'"x"', b"[]", b'{"message": "x"}', b'{"message": []}', b'{"message": {"parts": "x"}}',
        b'{"message": {"parts": [7]}}',
        b'{"message": {"messageId": 7, "role": "ROLE_USER", "parts": [{"text": "x"}]}}',
        b'{"message": {"messageId": "m", "role": "ROLE_KING", "parts": [{"text": "x"}]}}',
        PART % b'{"text": {"a": 1}}',
        PART % b'{"text": "x", "url": "y"}',
        PART % b'{}',
        PART % b'{"data": {"n": NaN}}',
        PART % b'{"data": {"n": 1e999}}',
        PART % (b'{"data": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
        PART % b'{"raw": "not base64!"}',
        PART % b'{"data": {"script": 7}}',
        PART % b'{"data": {"script": "x", "budget": {"usd": -1}}}',
        PART % b'{"data": {"script": "x", "colour": "blue"}}',
    ],
    ids=lambda content: content[:90].decode("latin-1"),
)  # fmt: skip
def test_what_is_no_json_is_refused(served: Node, content: bytes) -> None:
    """Neither binding does anything with it; each says so in its own words."""
    before = served.wire("jsonrpc").call("ListTasks")["totalSize"]
    rest = posted(served, "/message:send", content)
    assert (rest.status_code, rest.json()["error"]["code"]) == (400, 400)
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": ' + content + b"}"
    rpc = posted(served, "/", body).json()
    assert rpc["error"]["code"] in (-32700, -32600, -32602)
    for text in (rest.text, json.dumps(rpc)):
        assert not INTERNAL.search(text), text
    assert served.wire("jsonrpc").call("ListTasks")["totalSize"] == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
@pytest.mark.parametrize(("path", "code"), [("/", -32005), ("/message:send", 415)])
def test_what_any_page_in_a_browser_could_send_is_refused(served: Node, path: str, code: int, kind: str) -> None:
    """A page may post to another site what a form may hold; what says that it is JSON only after asking."""
    before = served.wire("jsonrpc").call("ListTasks")["totalSize"]
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": script(DONE)}, "message": script(DONE)}
    told = posted(served, path, json.dumps(body).encode(), kind)
    error = told.json()["error"]
    assert (told.status_code, error["code"]) == (415, code)
    assert "application/json" in error["message"]
    assert next(iter(error.get("data") or error["details"]))["reason"] == "CONTENT_TYPE_NOT_SUPPORTED"
    assert served.wire("jsonrpc").call("ListTasks")["totalSize"] == before
    asked = httpx.options(f"{served.address}{path}", headers={"Origin": "https://evil.example"}, timeout=BOUND_S)
    assert "access-control-allow-origin" not in asked.headers


@pytest.mark.parametrize("path", ["/", "/message:send", "/v1/message:send", "/tasks/none:cancel"])
@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example:8700"}, {"Host": ""}, {"Origin": "https://evil.example"}, {"Origin": "null"}],
    ids=lambda headers: " ".join(f"{n} {v}" for n, v in headers.items()),
)
def test_a_page_whose_site_calls_this_machine_its_own_is_refused(served: Node, path: str, headers: dict[str, str]) -> None:
    """What a browser lets a page do after DNS rebinding, or without asking: both tell where the page is from."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {}}
    told = httpx.post(f"{served.address}{path}", json=body, headers={"A2A-Version": "1.0", **headers}, timeout=BOUND_S)
    assert (told.status_code, told.json()["error"]["code"]) == (403, -32600 if path == "/" else 403)


@pytest.mark.parametrize("name", ["localhost:1", "127.0.0.1", "[::1]:9", "LOCALHOST"])
def test_a_program_at_this_machine_may_call_it_by_each_of_its_names(served: Node, name: str) -> None:
    headers = {"A2A-Version": "1.0", "Host": name, "Origin": f"http://{name}"}
    assert httpx.get(f"{served.address}/tasks", headers=headers, timeout=BOUND_S).status_code == 200
    card = httpx.get(f"{served.address}/.well-known/agent-card.json", headers={"Host": "evil.example"}, timeout=BOUND_S)
    assert "evil" not in card.text


@pytest.mark.parametrize("path", ["/", "/message:send"])
def test_half_characters_are_refused(served: Node, path: str) -> None:
    half = PART % b'{"text": "half \\ud800"}'
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": ' + half + b"}" if path == "/" else half
    told = posted(served, path, body)
    assert told.json()["error"]["code"] in (-32602, 400)
    assert not INTERNAL.search(told.text)


def test_a_number_that_no_double_holds_comes_back_whole_as_text(wire: Wire) -> None:
    task = wire.call("SendMessage", {"message": script("answer(9007199254740993)")})["task"]
    assert task["artifacts"][0]["parts"][0]["data"] == "9007199254740993"


@pytest.mark.requirement("3.4.1b")
def test_ids_are_taken_as_they_are_or_refused(wire: Wire) -> None:
    for id in ("c" * 64, "c" * 200, "Ünïcode/ü ?&", "a:b.c"):
        name = f"{id[:-8]}{wire.binding:>8}" if len(id) > 64 else f"{id}{wire.binding}"
        task = wire.call("SendMessage", {"message": script(DONE, contextId=name)})["task"]
        assert task["contextId"] == name
        assert [t["id"] for t in wire.call("ListTasks", {"contextId": name})["tasks"]] == [task["id"]]
    for field, value in (
        ("contextId", "c" * 201),
        ("contextId", "a\nb"),
        ("messageId", "m" * 201),
        ("messageId", " "),
    ):
        with pytest.raises(Fault) as refused:
            wire.call("SendMessage", {"message": {**script(DONE), field: value}})
        assert (refused.value.code, field in refused.value.message) == (INVALID[BINDINGS.index(wire.binding)], True)
    for id in ("x" * 64, "x" * 5_000, "é", "'; drop table runs; --", "..%2f..", "%00", "*", "abcd"):
        with pytest.raises(Fault) as missing:
            wire.call("GetTask", {"id": id})
        assert missing.value.reason == "TASK_NOT_FOUND", id


def test_the_same_message_is_the_same_task_and_another_with_its_id_is_refused(wire: Wire) -> None:
    asked = script(DONE)
    first, again = (wire.call("SendMessage", {"message": asked})["task"] for _ in range(2))
    streamed = list(wire.stream("SendStreamingMessage", {"message": asked}))
    assert first["id"] == again["id"] == streamed[0]["task"]["id"]
    assert state(streamed[-1].get("statusUpdate") or streamed[-1]["task"]) == "COMPLETED"
    with pytest.raises(Fault) as refused:
        wire.call("SendMessage", {"message": {**script('answer("other")'), "messageId": asked["messageId"]}})
    assert refused.value.code == INVALID[BINDINGS.index(wire.binding)]


def test_unknown_paths_methods_and_verbs_are_errors_of_http(served: Node) -> None:
    with httpx.Client(base_url=served.address, headers={"A2A-Version": "1.0"}, timeout=BOUND_S) as web:
        found = {
            f"{verb} {path}": web.request(verb, path).status_code
            for verb, path in (("GET", "/nothing"), ("PUT", "/message:send"), ("DELETE", "/tasks/x"), ("GET", "/message:send"))
        }
        assert set(found.values()) <= {404, 405}, found
        words = [web.get("/nothing").text, web.put("/message:send").text]
    assert not any(INTERNAL.search(text) for text in words)


def test_unknown_extensions_are_ignored_and_ours_is_told_back(wire: Wire) -> None:
    asked = f"https://example.com/strange/v9,{URI}"
    task = wire.call("SendMessage", {"message": script(DONE)}, **{"A2A-Extensions": asked})["task"]
    assert URI in task["metadata"]
    if wire.binding != "grpc":
        told = wire.http("GetTask", {"id": task["id"]}, **{"A2A-Extensions": asked})
        assert told.headers["a2a-extensions"] == URI


def test_a_run_that_breaks_tells_nothing_of_the_inside(wire: Wire) -> None:
    task = wire.call("SendMessage", {"message": script('x = crm.get_lead(id=8)\nanswer(x.nothing.like["that"])')})["task"]
    assert state(task) in ("FAILED", "REJECTED")
    assert task["status"]["message"]["parts"][0]["text"]
    assert not INTERNAL.search(json.dumps(task))


def test_clients_that_vanish_take_nothing_with_them(served: Node) -> None:
    is_well(served)
    wire = served.wire("jsonrpc")
    task = wire.call("SendMessage", {"message": script(ASKS)})["task"]
    before = resident(served)
    where = urlsplit(served.address)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "SubscribeToTask", "params": {"id": task["id"]}})
    names = {"Host": where.netloc, "A2A-Version": "1.0", "Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "POST / HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in names.items()) + "\r\n"
    for number in range(200):
        with socket.create_connection((str(where.hostname), int(where.port or 0)), BOUND_S) as gone:
            gone.sendall((head + body)[: None if number % 2 else -10].encode())  # some vanish before they have said it all
            if number % 2:
                assert gone.recv(1)
    over = wire.call("SendMessage", {"message": says("Ann", taskId=task["id"])})["task"]
    assert state(over) == "COMPLETED"
    assert resident(served) - before < 50 * MB


@pytest.mark.parametrize("items", [500, pytest.param(10_000, marks=pytest.mark.proof)])
def test_a_slow_reader_of_many_chunks_gets_them_all_and_costs_no_memory(served: Node, items: int) -> None:
    is_well(served)
    before = resident(served)
    body = message(
        {"text": "count"},
        {"data": {"script": MANY.format(items=items), "budget": ROOM | {"fan_out": items}}},
    )
    wire = served.wire("jsonrpc", **{"A2A-Extensions": URI})
    stream = wire.stream("SendStreamingMessage", {"message": body})
    task = next(stream)["task"]["id"]
    threading.Event().wait(1)  # it does not read meanwhile
    chunks = [u["artifactUpdate"] for u in stream if "artifactUpdate" in u]
    numbers = [c for c in chunks if c["artifact"]["artifactId"].startswith("step-") and not c.get("lastChunk")]
    assert len(numbers) == items
    assert resident(served) - before < 200 * MB
    assert state(wire.call("GetTask", {"id": task})) == "COMPLETED"


ROOM = {"calls": 20_000, "calls_per_step": 20_000, "seconds": 10**7, "usd": 1_000}
MANY = "found = [crm.get_lead(id=1 + i % 50) for i in range({items})]\nanswer(len(found))"


@pytest.mark.parametrize("binding", BINDINGS)
@pytest.mark.parametrize("level", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["lists", "objects"])
def test_what_is_nested_too_deeply_is_refused_and_what_is_not_is_told_again(served: Node, binding: Binding, level: Any) -> None:
    def sent(times: int) -> dict[str, Any]:
        deep: Any = "core"
        for _ in range(times):
            deep = level(deep)
        return message({"data": {"script": "answer([[[[[deep]]]]])", "params": {"deep": deep}}})

    wire = served.wire(binding, **{"A2A-Extensions": URI})
    with pytest.raises(Fault) as refused:
        wire.call("SendMessage", {"message": sent(26)})
    assert (refused.value.code in INVALID, "nested" in refused.value.message) == (True, True)
    for deepest in (10, 25):
        task = wire.call("SendMessage", {"message": sent(deepest)})["task"]
        assert "core" in json.dumps(next(a for a in task["artifacts"] if a["artifactId"] == "result"))
        assert "core" in json.dumps(task["history"])
    is_well(served)
