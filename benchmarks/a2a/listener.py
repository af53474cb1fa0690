"""Listeners: many streams at once, read by one process that does nothing else: `python -m benchmarks.a2a.listener`.

It is told on stdin, as JSON, where the agent is and what each stream sends, and prints how late each status came, in seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit


async def listen(
    address: str, path: str, body: dict[str, Any], headers: dict[str, str], begun: asyncio.Semaphore
) -> list[float]:
    """How late each status of one stream came; read from the socket, since a client that is more costs more than the agent."""
    where, content = urlsplit(address), json.dumps(body).encode()
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1 << 24)
    lines = [f"POST {path} HTTP/1.1", "host: bench", "content-type: application/json", f"content-length: {len(content)}"]
    told = [*lines, *(f"{name}: {value}" for name, value in headers.items())]
    writer.write("\r\n".join(told).encode() + b"\r\n\r\n" + content)
    late: list[float] = []
    while line := await reader.readline():
        if not line.startswith(b"data:"):
            if line == b"0\r\n":  # the last chunk
                break
            continue
        came = time.time()
        update = json.loads(line[5:])
        if "task" in update:
            begun.release()
        elif "statusUpdate" in update:
            at = datetime.fromisoformat(update["statusUpdate"]["status"]["timestamp"])
            late.append(came - at.timestamp())
    writer.close()
    return late


async def main(told: dict[str, Any]) -> None:
    begun = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        streams = [
            group.create_task(listen(told["address"], told["path"], body, told["headers"], begun)) for body in told["bodies"]
        ]
        for _ in streams:
            await begun.acquire()
        print("begun", flush=True)
    print(json.dumps([late for stream in streams for late in stream.result()]), flush=True)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
