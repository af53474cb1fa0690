"""docs/examples/deploy, as it is written: one PostgreSQL, three workers, two nodes behind nginx; and its unit files."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from planrail.settings import load_settings
from tests.a2a_node.node import message, states, told
from tests.planrail.command import Command
from tests.planrail.deployed import BOUND_S, EXAMPLE, Deployed, deployed, laid_out, programs
from tests.postgres import PostgresServer

ASKS = 'who = ask_user("For whom?", returns=str)\nanswer("for " + who)'
WAITS = 'wait("3s")\nanswer("waited")'
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NEEDS_NGINX = pytest.mark.skipif(NGINX is None, reason="there is no nginx: apt-get install nginx-light")
SYSTEMD = shutil.which("systemd-analyze")


@pytest.fixture(scope="module")
def house(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """All processes; each test leaves all of them running."""
    with deployed(tmp_path_factory.mktemp("deployed"), postgres.new_database()) as made:
        yield made


@pytest.fixture(scope="module")
def key(house: Deployed) -> str:
    return house.new_key("ann", "--person")


def sent(web: httpx.Client, script: str, name: str = "") -> dict[str, Any]:
    """A task of that plan, as it is told at once; a request that breaks off is sent again, as the same message."""
    parts = [{"text": "do this"}, {"data": {"script": script}}]
    body = {"message": {"messageId": name or uuid.uuid4().hex, "role": "ROLE_USER", "parts": parts}}
    body["configuration"] = {"returnImmediately": True}
    until = time.monotonic() + BOUND_S
    while True:
        try:
            reply = web.post("/message:send", json=body)
        except httpx.TransportError:
            assert time.monotonic() < until
            continue
        if reply.status_code < 500 or time.monotonic() > until:
            reply.raise_for_status()
            task: dict[str, Any] = reply.json()["task"]
            return task


def listened(web: httpx.Client, path: str, body: Any = None) -> Iterator[tuple[float, dict[str, Any]]]:
    """The events of a stream, each with the moment of its coming."""
    with web.stream("POST", path, json=body) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if line.startswith("data:"):
                yield time.monotonic(), json.loads(line.removeprefix("data:"))


def state(event: dict[str, Any]) -> str:
    told = event.get("task") or event.get("statusUpdate") or {}
    return str(told.get("status", {}).get("state", "")).removeprefix("TASK_STATE_")


def finished(web: httpx.Client, task: str) -> dict[str, Any]:
    """The task, once it is over."""
    until = time.monotonic() + BOUND_S
    while True:
        found: dict[str, Any] = web.get(f"/tasks/{task}").json()
        if state({"task": found}) in ("COMPLETED", "FAILED", "CANCELED"):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.1)


# -- what needs no process


def test_the_commands_of_the_procfile_and_of_the_units_are_ones_that_there_are(command: Command) -> None:
    files = [EXAMPLE / "Procfile", *sorted((EXAMPLE / "systemd").glob("*.service"))]
    found = [words for file in files for words in programs(file.read_text())]
    assert len(found) == 7
    for words in {tuple(word for word in words if not word.isdigit()): words for words in found}.values():
        refused = command(*words[1:-1], "no number")  # what is wrong is the port alone: all else is understood
        assert (refused.code, "valid integer" in refused.err) == (2, True), refused.err


def test_its_settings_are_taken_and_nothing_in_them_is_secret(tmp_path: Path) -> None:
    made = laid_out(tmp_path / "deploy", "postgresql://planrail:hush@127.0.0.1/planrail")
    settings = load_settings(made.environment(), tmp_path)
    assert (settings.a2a.url, settings.auth.configured, settings.log.format) == (made.url, True, "json")
    assert "hush" not in (made.folder / "planrail.toml").read_text()


@pytest.mark.skipif(SYSTEMD is None, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units_and_lets_them_do_little(tmp_path: Path) -> None:
    for file in (EXAMPLE / "systemd").iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace("/opt/planrail/bin/planrail", "/bin/true"))
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    verified = subprocess.run([str(SYSTEMD), "verify", "--man=no", *units], capture_output=True, text=True)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert SYSTEMD is not None
    for unit in units[:2]:
        level = subprocess.run(
            [SYSTEMD, "security", "--offline=true", "--threshold=20", "--no-pager", unit], capture_output=True, text=True
        )
        assert level.returncode == 0, level.stdout[-300:]


@NEEDS_NGINX
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    made = laid_out(tmp_path / "deploy", "postgresql://x/y")
    tried = subprocess.run(
        [str(NGINX), "-t", "-e", "stderr", "-p", str(made.folder / "nginx"), "-c", "nginx.conf"], capture_output=True, text=True
    )
    assert tried.returncode == 0, tried.stderr


# -- what needs all of them


@NEEDS_NGINX
@pytest.mark.proof
async def test_clients_of_a2a_and_mcp_come_through_the_proxy(house: Deployed, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with asyncio.timeout(BOUND_S), httpx.AsyncClient(headers=headers, verify=house.tls()) as web:
        card = await A2ACardResolver(web, house.url).get_agent_card()
        async with ClientFactory(ClientConfig(httpx_client=web)).create(card) as client:
            stream = await told(client, message("do this", data={"script": 'answer("a2a")'}))
    assert {i.url.split("/", 3)[2] for i in card.supported_interfaces} == {house.url.removeprefix("https://")}
    assert states(stream)[-1] == "COMPLETED"
    for mode in ("legacy", "auto"):
        async with (
            asyncio.timeout(BOUND_S),
            httpx2.AsyncClient(headers=headers, verify=house.tls(), timeout=BOUND_S) as web2,
            Client(streamable_http_client(f"{house.url}/mcp", http_client=web2), mode=mode) as mcp,
        ):
            ran = await mcp.call_tool("run_plan", {"script": 'answer("mcp")'})
            assert ran.content[0].text.endswith("\nmcp"), ran


@NEEDS_NGINX
@pytest.mark.proof
def test_only_the_proxy_says_whose_certificate_it_was_and_the_figures_are_not_public(house: Deployed, key: str) -> None:
    with house.web(**{"X-Client-Cert-Subject": "CN=ann"}) as web:
        assert web.get("/tasks").status_code == 401
    with house.web(certified=True) as web:
        assert web.get("/tasks").json()["tasks"] == []
        task = sent(web, 'answer("certified")')["id"]
        assert state({"task": finished(web, task)}) == "COMPLETED"
    with house.web(key) as web:
        assert web.get(f"/tasks/{task}").status_code == 404  # another principal's
        assert [web.get(path).status_code for path in ("/metrics", "/readyz", "/healthz")] == [404, 404, 200]
    moved = httpx.get(f"http://localhost:{house.ports['80']}/x?y=1")
    assert (moved.status_code, moved.headers["location"]) == (308, "https://localhost/x?y=1")


@NEEDS_NGINX
@pytest.mark.proof
def test_the_console_is_signed_in_to_through_the_proxy(house: Deployed, key: str) -> None:
    with house.web(Origin=house.url) as web:
        assert web.get("/console").status_code == 200
        signed = web.post("/console/api/session", json={"key": key})
        assert signed.status_code == 204, signed.text
        assert "secure" in signed.headers["set-cookie"].lower()
        shown = [web.get("/console/api/session").json()["principal"] for _ in range(4)]  # of whichever node
        assert set(map(str, shown)) == {str(shown[0])}
        assert (
            web.post("/console/api/session", json={"key": key}, headers={"Origin": "https://evil.example"}).status_code == 403
        )


@NEEDS_NGINX
@pytest.mark.proof
def test_a_stream_is_told_as_it_comes(house: Deployed, key: str) -> None:
    parts = [{"text": "do this"}, {"data": {"script": WAITS}}]
    body = {"message": {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": parts}}
    with house.web(key) as web:
        events = list(listened(web, "/message:stream", body))
    assert state(events[-1][1]) == "COMPLETED"
    assert events[-1][0] - events[0][0] > 2


@NEEDS_NGINX
@pytest.mark.proof
def test_a_node_that_is_killed_breaks_its_streams_and_they_go_on_at_the_other(house: Deployed, key: str) -> None:
    with house.web(key) as web:
        task = sent(web, ASKS)["id"]
        stream = listened(web, f"/tasks/{task}:subscribe")
        assert next(stream)[1]["task"]["id"] == task
        for node in ("node_1", "node_2"):
            house.end(node, signal.SIGKILL)
            again = listened(web, f"/tasks/{task}:subscribe")
            assert next(again)[1]["task"]["id"] == task  # at the node that is left
            house.start(node)
        with pytest.raises(httpx.TransportError):
            list(stream)  # one of the two had it

        asked = web.get(f"/tasks/{task}").json()
        answers = {"taskId": task, "contextId": asked["contextId"], "role": "ROLE_USER", "parts": [{"text": "ann"}]}
        web.post("/message:send", json={"message": {"messageId": uuid.uuid4().hex, **answers}}).raise_for_status()
        assert [state(event) for _, event in listened_to_the_end(web, task)][-1] == "COMPLETED"
        assert "for ann" in json.dumps(finished(web, task))


def listened_to_the_end(web: httpx.Client, task: str) -> list[tuple[float, dict[str, Any]]]:
    """What is told of a task until it is over; where it is over already, as it is."""
    try:
        return list(listened(web, f"/tasks/{task}:subscribe"))
    except httpx.HTTPStatusError:
        return [(0.0, {"task": finished(web, task)})]


@NEEDS_NGINX
@pytest.mark.proof
def test_a_rolling_restart_loses_no_run(house: Deployed, key: str) -> None:
    tasks: list[str] = []
    with house.web(key) as web:
        for name in [name for name in house.commands if name != "proxy"]:
            tasks += [
                sent(web, f'wait("1s")\nn = data.count(rows=[{{"a": {i}}}])\nanswer("{name} {i}")')["id"] for i in range(3)
            ]
            house.end(name, signal.SIGTERM)
            tasks += [sent(web, f'n = data.count(rows=[{{"a": {i}}}])\nanswer("{name} {i}")')["id"] for i in range(3)]
            house.start(name)
        ended = [finished(web, task) for task in tasks]
    assert (len(set(tasks)), {state({"task": task}) for task in ended}) == (30, {"COMPLETED"})


@NEEDS_NGINX
@pytest.mark.proof
def test_the_doctor_finds_it_well(house: Deployed, key: str) -> None:
    environment = {**house.environment(), "SSL_CERT_FILE": str(house.folder / "tls" / "cert.pem")}
    done = subprocess.run(["planrail", "doctor", "--json"], cwd=house.folder, env=environment, capture_output=True, text=True)
    found = {f["what"]: (f["level"], f["told"]) for f in json.loads(done.stdout)["findings"]}
    assert done.returncode == 0, done.stdout
    assert found["address"] == ("ok", f"the card is at {house.url}")
    assert found["workers"][1].startswith("3 processes at work")
    assert found["proxy"][0] == "ok"
