"""Pictures: the console as docs/ shows it, taken anew: `python -m tests.browser.pictures [FOLDER]`; needs a Chromium."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from tests.browser.chromium import api, browsing
from tests.browser.stage import Served, served, staged

LEADS, DESK, GOSSIP = (
    "Find dental leads in Austin and draft introductions",
    "Answer the front desk's messages",
    "Pass the gossip on",
)
GOALS = (
    "Go through what came in after hours",
    "Work off the open tickets",
    "Import the listings in sample.csv",
    DESK,
    "Be hasty",
    GOSSIP,
    LEADS,
)
OVER = ".state .is-done, .state .is-failed, .state .is-waiting"
WIDE, NARROW = (1200, 760), (390, 760)
PICTURES = {
    "runs": ("", "", "light", WIDE),
    "run": (LEADS, "", "light", WIDE),
    "question": (GOSSIP, "", "dark", WIDE),
    "graph": (DESK, "#graph", "dark", WIDE),
    "narrow": (GOSSIP, "", "light", NARROW),
}


def pictures(browser: Browser, house: Served, folder: Path) -> None:
    """All of them, of runs that have just been."""
    page = browser.new_page()
    page.goto(house.way_in)
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    runs = {}
    for goal in GOALS:
        runs[goal] = api(page, "POST", "runs", {"goal": goal, "key": goal})["id"]
        page.goto(f"{house.address}/console/runs/{runs[goal]}")
        page.locator(OVER).wait_for()
    api(page, "POST", "runs", {"goal": "Play the scenes", "key": "scenes"})
    house.curtain(1, 2)
    for name, (goal, view, scheme, (width, height)) in PICTURES.items():
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of them
        page.set_viewport_size({"width": width, "height": height})
        page.goto("about:blank")
        page.goto(f"{house.address}/console/runs/{runs.get(goal, '')}{view}")
        page.locator(".state .pill, .row .pill").first.wait_for()
        page.get_by_text("Loading …").wait_for(state="detached")
        page.wait_for_timeout(300)
        page.screenshot(path=folder / f"console-{name}.png", animations="disabled")


def main() -> None:
    """Take them into a folder."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "docs" / "images")
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home, browsing() as browser, served(staged(Path(home))) as house:
        pictures(browser, house, folder)


if __name__ == "__main__":
    main()
