"""Machine: what it is, and how busy it is, without naming it."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

_LOOK_SECONDS = 1.0


def described() -> str:
    """Its processor, cores, and how busy others keep it just now; takes a second."""
    before, begun = busy_seconds(), time.perf_counter()
    time.sleep(_LOOK_SECONDS)
    share = busy_share(busy_seconds() - before, time.perf_counter() - begun)
    return f"{_processor()}, {os.cpu_count()} cores, {share:.0%} busy before we began; Python {platform.python_version()}"


def busy_seconds() -> float:
    """CPU seconds that the whole machine has spent so far; 0 where it does not say."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    ticks = [int(t) for t in stat.read_text().splitlines()[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def busy_share(cpu_s: float, wall_s: float) -> float:
    """The share of all cores."""
    return cpu_s / wall_s / (os.cpu_count() or 1)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
