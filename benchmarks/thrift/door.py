"""Door: the scripted model behind OpenAI's Chat Completions on a real socket, in a process of its own, with life-like latency.

`python -m benchmarks.thrift.door` prints its URL. `POST /begin` says which system is measured on which workload and how fast
life is, and gives the path that this system's requests come by; `POST …/end` gives its calls, counted.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx

from benchmarks.thrift.form import Form
from benchmarks.thrift.meter import Exchange as Taken
from benchmarks.thrift.meter import Meter
from benchmarks.thrift.perfect import Reply, reply_to
from benchmarks.thrift.workloads import Workload
from tests.model_server.server import Exchange

STRONG, CHEAP = "strong", "cheap"
_PIECE_S = 0.002  # of a stream: what has been said since the last piece goes out at once


@dataclass(frozen=True)
class Tempo:
    """How fast a model is, unscaled."""

    first_token_s: float
    tokens_s: float

    def said_after(self, tokens: int) -> float:
        return self.first_token_s + tokens / self.tokens_s


TEMPI = {STRONG: Tempo(0.6, 60), CHEAP: Tempo(0.3, 120)}


@dataclass
class Session:
    """One system on one workload, and its calls so far. `factor` scales the latencies; 0 is no latency."""

    system: str
    form: Form
    factor: float
    taken: list[Taken] = field(default_factory=list)

    async def complete(self, exchange: Exchange, body: dict[str, Any], meter: Meter) -> None:
        begun = asyncio.get_running_loop().time()
        reply = reply_to(body, self.form)
        taken = meter.exchange(self.system, body, reply)
        self.taken.append(taken)
        if body.get("stream"):
            await self._stream(exchange, reply, taken, begun)
            return
        await self._until(begun, TEMPI[taken.model].said_after(taken.output))
        message = {"role": "assistant", "content": reply.text or None, "tool_calls": reply.called() or None}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if reply.calls else "stop"}
        await exchange.send(200, {**_envelope(taken.model, "chat.completion"), "choices": [choice], "usage": _usage(taken)})

    async def _stream(self, exchange: Exchange, reply: Reply, taken: Taken, begun: float) -> None:
        tempo, said, clock = TEMPI[taken.model], 0, asyncio.get_running_loop().time
        await exchange.start(200, "text/event-stream")
        await self._until(begun, tempo.first_token_s)
        pieces = re.findall(r"\w+\W*|\W+", reply.text)
        while said < len(pieces):
            seconds = (clock() - begun) / self.factor if self.factor else 1e9
            due = min(len(pieces), int((seconds - tempo.first_token_s) * tempo.tokens_s * len(pieces) / max(1, taken.output)))
            if due > said:
                await exchange.event(_chunk(taken.model, {"content": "".join(pieces[said:due])}))
                said = due
            else:
                await asyncio.sleep(_PIECE_S)
        if reply.calls:
            await self._until(begun, tempo.said_after(taken.output))
            called = [{"index": n, **c} for n, c in enumerate(reply.called())]
            await exchange.event(_chunk(taken.model, {"role": "assistant", "tool_calls": called}))
        await exchange.event(_chunk(taken.model, {}, "tool_calls" if reply.calls else "stop"))
        await exchange.event({**_envelope(taken.model, "chat.completion.chunk"), "choices": [], "usage": _usage(taken)})
        await exchange.write("data: [DONE]\n\n")
        await exchange.write("")

    async def _until(self, begun: float, seconds: float) -> None:
        await asyncio.sleep(max(0.0, begun + seconds * self.factor - asyncio.get_running_loop().time()))


class Door:
    """What one process serves."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._sessions: list[Session] = []

    async def serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        exchange = Exchange(reader, writer)
        try:
            _, path, _, body = await exchange.receive()
            await self._answer(exchange, path, json.loads(body or b"{}"))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        finally:
            exchange.close()

    async def _answer(self, exchange: Exchange, path: str, body: dict[str, Any]) -> None:
        if path == "/begin":
            self._sessions.append(Session(body["system"], Workload(**body["workload"]).form, body["factor"]))
            await exchange.send(200, {"path": f"/{len(self._sessions) - 1}"})
            return
        _, number, what = path.split("/", 2)
        session = self._sessions[int(number)]
        if what == "end":
            await exchange.send(200, [t.document() for t in session.taken])
        else:
            await session.complete(exchange, body, self._meter)


@dataclass(frozen=True)
class OpenDoor:
    """The door as the measuring process holds it."""

    url: str

    def begin(self, system: str, workload: Workload, factor: float) -> str:
        """The URL at which this system is to ask its model, on this workload."""
        document = {"system": system, "workload": asdict(workload), "factor": factor}
        return f"{self.url}{httpx.post(f'{self.url}/begin', json=document).raise_for_status().json()['path']}"

    def end(self, url: str) -> list[Taken]:
        """The calls that have come by the URL that `begin` gave."""
        return [Taken(**t) for t in httpx.post(f"{url}/end", json={}).raise_for_status().json()]


@contextmanager
def open_door() -> Iterator[OpenDoor]:
    """A door in a process of its own, so that its work is not counted as anybody's."""
    command = [sys.executable, "-m", "benchmarks.thrift.door"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield OpenDoor(process.stdout.readline().strip())
        finally:
            process.kill()


def _usage(taken: Taken) -> dict[str, Any]:
    return {
        "prompt_tokens": taken.input, "completion_tokens": taken.output, "total_tokens": taken.input + taken.output,
        "prompt_tokens_details": {"cached_tokens": taken.cached},
    }  # fmt: skip


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {**_envelope(model, "chat.completion.chunk"), "choices": [choice]}


def _envelope(model: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-thrift", "object": kind, "created": 0, "model": model}


if __name__ == "__main__":
    asyncio.run(Door().serve())
