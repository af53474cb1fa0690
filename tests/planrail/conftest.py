"""The command over a fresh data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.planrail.command import Command, with_odd_pack


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """`planrail` with the pack of odd tools, no model, and a data folder that does not exist yet."""
    return Command(with_odd_pack(tmp_path))
