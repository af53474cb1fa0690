"""What processes log: one line a record, whose run it is, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from planner.here import Here, calling, working_for
from planner.traceparent import Traceparent, span_of
from planrail.logs import MOST, JsonLines, TextLines
from planrail.redactor import Redactor
from planrail.secret_files import handed_out
from planrail.settings import load_settings
from tests.planrail.command import Command, finish
from tests.warm import warm_command

FORGED = "2026-01-01T00:00:00.000Z 1 ERROR planrail: all keys were revoked"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+ [A-Z]+ \S+: ")
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEA\n-----END PRIVATE KEY-----"
PLANTED = {  # where it is configured → what must stand in no line
    "planner.api_key": "sk-planner-Zk9",
    "executor.api_key": "sk-executor-Zk9",
    "database_url": "db/pass&word",
    "artifacts_url": "artifactpass",
    "a2a.secret_key": "0123456789abcdef0123456789abcdef",
    "mcp env": "mcp-env-token",
    "mcp header": "mcp-header-token",
    "mcp variable": "from-the-variable",
    "sql": "sqlpass!1",
    "telemetry header": "collector-key-Zk9",
    "secret of the environment": 'quo"ted\\secret',
    "secret of the file": PEM,
    "secret of the folder": "in-a-file-Zk9",
}
STRANGERS = (  # nobody's here, and still credentials
    "postgresql://bob:hunter22@db.example/x",
    "Authorization: Bearer eyJhbGciOi.J9.x-y_z",
    "{'Cookie': 'session=hunter22'}",
    "https://x.example/?a=1&access_token=hunter22&b=2",
    "X-Api-Key: hunter22",
)


@pytest.fixture
def redact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redactor]:
    """Of a configuration that has each kind of secret."""
    monkeypatch.setenv("SHOP_TOKEN", PLANTED["mcp variable"])
    (tmp_path / "planrail.toml").write_text(f"""
artifacts_url = "s3://me:artifactpass@store.example/bucket"
[a2a]
secret_key = "{PLANTED["a2a.secret_key"]}"
[mcpServers.shop]
command = "shop"
env = {{ TOKEN = "{PLANTED["mcp env"]}", OTHER = "Bearer ${{SHOP_TOKEN}}" }}
[mcpServers.web]
url = "https://web.example/mcp"
headers = {{ X-Token = "{PLANTED["mcp header"]}" }}
[sql.shop]
url = "postgresql://planrail:{quote(PLANTED["sql"])}@db.example/shop"
[telemetry]
headers = {{ api-key = "{PLANTED["telemetry header"]}" }}
[secrets]
pem = '''{PEM}'''
""")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "lonely").write_text(PLANTED["secret of the folder"])
    settings = load_settings(
        {
            "PLANRAIL_DATABASE_URL": f"postgresql://me:{quote(PLANTED['database_url'], safe='')}@db.example/planrail",
            "PLANRAIL_PLANNER_API_KEY": PLANTED["planner.api_key"],
            "PLANRAIL_EXECUTOR_API_KEY": PLANTED["executor.api_key"],
            "PLANRAIL_SECRET_ODD": PLANTED["secret of the environment"],
            "PLANRAIL_SECRETS_DIR": str(tmp_path / "kept"),
        },
        tmp_path,
    )
    redactor = Redactor(settings)
    assert redactor("nothing") == "nothing"
    assert settings.secret("lonely") == PLANTED["secret of the folder"]  # a call is given it afterwards
    yield redactor
    handed_out.pop(PLANTED["secret of the folder"])


def written(redact: Redactor, form: str, message: str, *arguments: object, error: Exception | None = None) -> str:
    """What a log of that form has of a record."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(redact) if form == "json" else TextLines(redact))
    logger = logging.Logger("planrail.try")
    logger.addHandler(handler)
    logger.error(message, *arguments, exc_info=error)
    return stream.getvalue()


def raised(secret: str) -> Exception:
    """An exception of which the message, what caused it and a note to it say the secret."""
    try:
        try:
            raise ValueError(f"the key {secret} is not good")
        except ValueError as cause:
            cause.add_note(f"tried with {secret!r}")
            raise RuntimeError(f"https://me:{quote(secret, safe='')}@x.example/ refused {json.dumps(secret)}") from cause
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("where", PLANTED)
def test_no_configured_secret_is_in_a_log_however_it_was_told(redact: Redactor, where: str, form: str) -> None:
    secret = PLANTED[where]
    told = [
        written(redact, form, f"refused: {secret}"),
        written(redact, form, "headers %r", {"X-Anything": secret}),
        written(redact, form, "asked https://x.example/?q=%s", quote(secret, safe="")),
        written(redact, form, "it failed", error=raised(secret)),
    ]
    longest = max(secret.splitlines(), key=len) if where != "secret of the file" else "MIIEvQIBADANBgkqhkiG9w0"
    for spelt in {longest, quote(longest, safe=""), json.dumps(longest)[1:-1], json.dumps(json.dumps(longest))[3:-3]}:
        assert [line for line in told if spelt in line] == []
    assert all("secret" in line for line in told)


@pytest.mark.parametrize("said", STRANGERS)
def test_what_looks_like_a_credential_is_in_no_log_either(redact: Redactor, said: str) -> None:
    told = written(redact, "text", "the server says: %s", said, error=ValueError(said))
    assert [word for word in ("hunter22", "eyJhbGciOi") if word in told] == []
    plain = urlsplit("https://x.example/a?b=c&page=2").geturl()
    assert plain in written(redact, "text", "asked %s of user@x.example", plain)


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\x85", "\u2028", "\x1b[2K\r", "\x0b"])
def test_nothing_that_is_said_makes_a_line_of_its_own(redact: Redactor, form: str, end: str) -> None:
    told = written(redact, form, "the goal %s is odd", f"buy{end}{FORGED}", error=ValueError(f"x{end}{FORGED}"))
    lines = told.splitlines()
    if form == "json":
        (line,) = lines
        assert json.loads(line)["message"] == f"the goal buy{end}{FORGED} is odd"
    else:
        assert LINE.match(lines[0])
        assert [line for line in lines[1:] if not line.startswith("    ")] == []
    assert "\x1b" not in told


def test_a_record_that_does_not_fit_its_own_words_is_told_as_far_as_it_goes(redact: Redactor) -> None:
    assert "asked %d times ('\\\\ud800',)" in written(redact, "json", "asked %d times", "\ud800").replace("\\\\\\\\", "\\\\")


def test_a_line_is_bounded_and_ends_in_no_part_of_a_secret(redact: Redactor) -> None:
    secret = PLANTED["planner.api_key"]
    for before in (MOST - 5, 2 * MOST - 5, 40 * MOST):
        told = written(redact, "text", f"{'.' * before}{secret}", error=ValueError(f"{secret}{'.' * before}"))
        assert len(told) < 2 * MOST + 1_000
        assert secret[:5] not in told
        assert secret[-5:] not in told


def test_a_line_names_the_run_and_the_step_that_it_is_about(redact: Redactor) -> None:
    with working_for(Here("01m8jahh4smvbqrw", 2, "node-1")), calling("saved", "3"):
        as_json, as_text = (json.loads(written(redact, "json", "odd")), written(redact, "text", "odd"))
    named = {name: as_json[name] for name in ("run", "step", "item", "worker", "level", "logger", "message")}
    assert named == {
        "run": "01m8jahh4smvbqrw", "step": "saved", "item": "3", "worker": "node-1", "level": "error",
        "logger": "planrail.try", "message": "odd",
    }  # fmt: skip
    assert as_text.endswith("ERROR planrail.try: odd [run 01m8jahh4smvbqrw saved[3]]\n")
    assert "run" not in json.loads(written(redact, "json", "odd"))


def test_a_line_names_the_trace_and_the_span_where_the_run_is_traced(redact: Redactor) -> None:
    own = Traceparent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    with working_for(Here("01m8jahh4smvbqrw", 2, trace=own)):
        stretch = json.loads(written(redact, "json", "odd"))
        with calling("saved", "3"):
            call = json.loads(written(redact, "json", "odd"))
    assert (stretch["trace_id"], stretch["span_id"]) == (own.trace, own.span)
    assert (call["trace_id"], call["span_id"]) == (own.trace, span_of("01m8jahh4smvbqrw", 2, "saved", "3"))


def test_a_crash_of_a_tool_is_a_json_line_with_its_run_and_its_step(command: Command) -> None:
    command.env["PLANRAIL_LOG"] = "json"
    run = command("run", "--script", "-", "--json", stdin="x = odd.crash()\nanswer(x)\n").json["id"]
    (line,) = (command.home / "planrail.log").read_text().splitlines()
    told: dict[str, Any] = json.loads(line)
    assert (told["run"], told["step"], told["message"]) == (run, "x", "tool odd.crash crashed")
    assert told["error"].endswith("ValueError: kaboom")


def test_the_http_server_logs_as_everything_else_does(command: Command) -> None:
    command.env |= {"PLANRAIL_LOG": "json", "PLANRAIL_LOG_TO": "stderr", "PLANRAIL_LOG_LEVEL": "info"}
    process = subprocess.Popen(
        [warm_command(), "serve", "--port", "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=command.folder, env=command.environment(),
    )  # fmt: skip
    assert process.stdout is not None
    address = next(line.split()[1] for line in process.stdout if line.startswith("health"))
    at = urlsplit(address)
    assert at.hostname is not None
    with socket.create_connection((at.hostname, at.port or 0), timeout=10) as client:
        client.sendall(b"no request\r\n\r\n")
        client.recv(1_000)
    process.send_signal(signal.SIGTERM)
    told = [json.loads(line) for line in finish(process).err.splitlines()]
    assert "Invalid HTTP request received." in [line["message"] for line in told if line["logger"] == "uvicorn.error"]
    assert any(line["message"].startswith("Started server process") for line in told if line["level"] == "info")
    assert not (command.home / "planrail.log").exists()
