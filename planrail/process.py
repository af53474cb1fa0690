"""Process: how the interpreter is set where the process is Planrail's own. Importing Planrail sets nothing."""

from __future__ import annotations

import gc

_THRESHOLDS = (50_000, 20, 50)


def settle() -> None:
    """Collect cycles of objects more rarely: a worker holds much and makes few cycles.

    Python's own thresholds (700, 10, 10) took a quarter of the time of a worker with a hundred runs.
    """
    gc.set_threshold(*_THRESHOLDS)
