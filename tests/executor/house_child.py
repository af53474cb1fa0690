"""A whole worker of Planrail for the tests, with one slow tool: `python house_child.py URL HOME LOG WORD [VERSION]`.

The tool writes a line into LOG when it starts (run, number, WORD). VERSION 2 has another contract of it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import sys
from pathlib import Path

from executor.tool import ToolContext, tool
from executor.toolset import Toolset
from planrail.house import House, open_house
from planrail.settings import load_settings


def toolset(log: str, word: str, version: str) -> Toolset:
    @tool(effect="read")
    async def step(number: int, after: int, context: ToolContext) -> int:
        """Count on."""
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(handle, f"{context.run} {number} {word}\n".encode())
        os.close(handle)
        await asyncio.sleep(0.15)
        return number

    @tool(effect="read", name="step")
    async def changed(number: int, after: int, faster: bool = False) -> int:
        """Count on, or faster."""
        return number

    return Toolset.of("slow", [step if version == "1" else changed])


def with_tools(house: House, tools: Toolset) -> House:
    planning = dataclasses.replace(house.segments.planning, tools=tools.specs)
    segments = dataclasses.replace(house.segments, toolset=tools, planning=planning)
    return dataclasses.replace(house, toolset=tools, segments=segments)


async def main(url: str, home: str, log: str, word: str, version: str = "1") -> None:
    settings = load_settings({"PLANRAIL_DATABASE_URL": url, "PLANRAIL_HOME": home, **os.environ}, Path(home))
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    async with open_house(settings) as opened, with_tools(opened, toolset(log, word, version)).engine():
        print("ready", flush=True)
        await ending.wait()
    print("drained", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
