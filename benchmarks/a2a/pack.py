"""Pack: the tools of the runs that are measured."""

from __future__ import annotations

import asyncio
from pathlib import Path

from executor.pack import Pack, PackHost
from executor.tool import tool
from executor.toolset import Toolset


@tool(effect="read")
async def same(n: int) -> int:
    """The number."""
    return n


@tool(effect="read")
async def pause(n: int, ms: int) -> int:
    """The number, after a while."""
    await asyncio.sleep(ms / 1000)
    return n


def pack(host: PackHost) -> Pack:
    return Pack(name="bench", about="Numbers, for benchmarks.", tools=Toolset.of("bench", [same, pause]))


def install(folder: Path) -> None:
    """Make the pack one that is installed, for whoever has the folder among the places that modules come from."""
    place = folder / "bench-1.dist-info"
    place.mkdir(exist_ok=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: bench\nVersion: 1\n")
    (place / "entry_points.txt").write_text("[planrail.packs]\nbench = benchmarks.a2a.pack:pack\n")
