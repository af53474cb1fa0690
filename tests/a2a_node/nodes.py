"""Nodes: real `planrail serve` processes, and what one sends them."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.a2a_node.wire import BOUND_S, Binding, Wire
from tests.warm import warm_command

ASKS = 'who = ask_user("Who is it for?", returns=str)\nanswer("for " + who)'
DONE = 'answer("done")'
LONG = 'wait("60s")\nanswer("late")'


@dataclass
class Node:
    """One process, and where it listens."""

    process: subprocess.Popen[str]
    address: str
    grpc_address: str

    def wire(self, binding: Binding, **headers: str) -> Wire:
        return Wire(binding, self.address, self.grpc_address, {"A2A-Version": "1.0", **headers})

    def ended(self) -> int:
        return self.process.wait(BOUND_S)


def environment(home: Path, **more: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PLANRAIL", "OPENAI"))}
    return {**plain, "PLANRAIL_HOME": str(home), "PYTHONPATH": str(Path.cwd()), **more}


def start(home: Path, config: str = "", *options: str, **more: str) -> Node:
    """A node whose data lie in that folder, or where `PLANRAIL_DATABASE_URL` says."""
    (home / "planrail.toml").write_text(config)
    command = [warm_command(), "serve", "--port", "0", "--grpc-port", "0", "--json", *options]
    with (home / "said").open("w") as said:
        process = subprocess.Popen(
            command, cwd=home, env=environment(home, **more), stdout=subprocess.PIPE, stderr=said, text=True
        )
    assert process.stdout is not None
    told = ""
    while not told.rstrip().endswith("}"):
        line = process.stdout.readline()
        assert line, (home / "said").read_text()
        told += line
    found = json.loads(told)
    return Node(process, found["address"], found["grpc"])


@contextmanager
def node(home: Path, config: str = "", *options: str, **more: str) -> Iterator[Node]:
    started = start(home, config, *options, **more)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.terminate()
        started.ended()
        if started.process.stdout is not None:
            started.process.stdout.close()


def message(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A new message of those parts."""
    return {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": list(parts), **more}


def says(words: str, **more: Any) -> dict[str, Any]:
    return message({"text": words}, **more)


def script(text: str, **more: Any) -> dict[str, Any]:
    """A message that brings its plan along."""
    return message({"text": "do this"}, {"data": {"script": text}}, **more)


def state(task: dict[str, Any]) -> str:
    found: str = task["status"]["state"]
    return found.removeprefix("TASK_STATE_")
