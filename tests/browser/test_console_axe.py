"""The console before axe-core, other people's rules of what everybody can use: it finds nothing. `make foreign` installs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import api
from tests.browser.stage import Served

pytestmark = pytest.mark.foreign
AXE = Path(sys.prefix) / "foreign" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("runs", "playbooks", "plans", "schedules", "reports", "health")
GOALS = ("Be hasty", "Pass the rumours on", "Fill in the form", "Play the scenes")
TABS = ("Graph", "Timeline", "Certificate", "Events", "Files", "Cost", "Fork")


def test_nothing_of_the_console_is_against_the_rules_of_axe(page: Page, house: Served) -> None:
    house.curtain(1, 2, 3, 4)
    rules = AXE.read_text(encoding="utf-8")
    runs = [api(page, "POST", "runs", {"goal": goal, "key": f"axe {goal}"})["id"] for goal in GOALS]
    wrong: list[Any] = []

    def looked(where: str) -> None:
        page.get_by_text("Loading …").wait_for(state="detached")
        page.evaluate(f"{rules}; null")
        found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        wrong.extend((where, v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found)

    for path in PAGES:
        page.goto(f"/console/{path}")
        page.locator("main h1").wait_for()
        looked(path)
    for goal, run in zip(GOALS, runs, strict=True):
        page.goto(f"/console/runs/{run}")
        page.locator(".state .is-done, .state .is-failed, .state .is-waiting").wait_for()
        looked(goal)
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        looked(tab)
    assert wrong == []
