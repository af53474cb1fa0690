"""Run the server as a process of its own: prints its URL, then serves until it is killed."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.model_server import ModelServer, Script


async def serve(script: Script, port: int) -> None:
    async with ModelServer(script=script, port=port) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.model_server", description=__doc__)
    parser.add_argument("--script", type=Path, required=True, help="a Script as JSON")
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    options = parser.parse_args()
    asyncio.run(serve(Script.model_validate_json(options.script.read_text("utf-8")), options.port))


if __name__ == "__main__":
    main()
