"""The pack `shop`: the world of files of the kill tests, for `planrail serve` processes that may be killed."""

from __future__ import annotations

import os
from pathlib import Path

from executor.pack import Pack, PackHost
from tests.executor.mortal_world import MortalWorld, Shop

WORLD = "A2A_TEST_WORLD"  # the folder, in the environment
WORD = "A2A_TEST_WORD"  # the process's own


def pack(host: PackHost) -> Pack:
    world = MortalWorld(Path(os.environ[WORLD]))
    return Pack("shop", "A shop.", Shop(world, os.environ[WORD], pause_s=0.05).toolset())


def installed(folder: Path) -> Path:
    """A folder that, on the path of a process, makes the pack one that is installed."""
    about = folder / "shop_pack-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-pack\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[planrail.packs]\nshop = tests.a2a_node.shop_pack:pack\n")
    return folder
