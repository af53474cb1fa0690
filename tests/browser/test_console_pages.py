"""Every page of the console: no wider than a telephone, readable in both schemes, named for who hears it, quick when long."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import api, watched
from tests.browser.stage import Served

pytestmark = pytest.mark.browser
TABS = ("Plan", "Graph", "Timeline", "Certificate", "Events", "Files", "Cost", "Fork")
PAGES = {
    "runs": "Runs",
    "playbooks": "Playbooks",
    "plans": "Kept plans",
    "schedules": "Schedules",
    "reports": "Evaluations",
    "health": "Health",
}
WIDE = "[document.documentElement.scrollWidth, innerWidth]"
FAINT = (Path(__file__).parent / "faint.js").read_text(encoding="utf-8")
SLOW = """window.slow = 0;
new PerformanceObserver((list) => { for (const e of list.getEntries()) slow = Math.max(slow, e.duration); })
  .observe({type: "longtask", buffered: true});"""
NAMED = {
    "button",
    "link",
    "textbox",
    "searchbox",
    "combobox",
    "checkbox",
    "radio",
    "tab",
    "tabpanel",
    "spinbutton",
    "dialog",
    "article",
    "list",
}


def nameless(page: Page) -> list[str]:
    """What somebody who hears the page is told nothing of."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        json.dumps(n.get("properties", [])[:2])
        for n in nodes
        if not n.get("ignored")
        and n["role"]["value"] in NAMED - {"list"}
        and not str(n.get("name", {}).get("value", "")).strip()
    ]


@pytest.fixture
def ended(page: Page, house: Served) -> dict[str, str]:
    """A run that is done, one that has failed, and one that asks."""
    house.curtain(1, 2, 3, 4)
    goals = {"scenes": "Play the scenes", "hasty": "Be hasty", "gossip": "Pass the gossip on"}
    runs = {name: api(page, "POST", "runs", {"goal": goal, "key": f"pages {name}"})["id"] for name, goal in goals.items()}
    for name, status in (("scenes", "done"), ("hasty", "failed"), ("gossip", "waiting")):
        page.goto(f"/console/runs/{runs[name]}")
        expect(page.locator(".state")).to_contain_text(status)
    return runs


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_telephone_or_faint_or_nameless(page: Page, ended: dict[str, str], scheme: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    wrong: list[Any] = []

    def looked(where: str) -> None:
        wide, width = page.evaluate(WIDE)
        wrong.extend([(where, "wide", wide)] if wide > width else [])
        wrong.extend((where, *faint) for faint in page.evaluate(FAINT))
        wrong.extend((where, "no name", what) for what in nameless(page))

    for path, title in PAGES.items():
        page.goto(f"/console/{path}")
        page.get_by_role("heading", name=title, exact=True).wait_for()
        expect(page.get_by_text("Loading …")).to_have_count(0)
        looked(path)
    for name in ("gossip", "hasty"):
        page.goto(f"/console/runs/{ended[name]}")
        page.get_by_role("tab", name="Plan").wait_for()
        looked(name)
    page.goto(f"/console/runs/{ended['scenes']}")
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_text("Loading …")).to_have_count(0)
        looked(tab)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    looked("keys")
    assert wrong == []


def test_the_keyboard_alone_leads_through_runs_tabs_and_back(page: Page, ended: dict[str, str]) -> None:
    page.goto("/console/runs")
    expect(page.get_by_role("heading", name="Needs you")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("play the scenes")
    expect(page.locator("[data-row]").first).to_contain_text("Play the scenes")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Play the scenes")).to_be_visible()
    page.keyboard.press("]")
    expect(page.get_by_role("tab", name="Graph")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Timeline")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("p")
    expect(page.get_by_role("heading", name="Playbooks")).to_be_focused()


def test_the_chosen_scheme_is_kept_and_wins_over_the_systems(page: Page) -> None:
    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    page.emulate_media(color_scheme="dark")
    dark = ground()
    page.get_by_role("button", name="Colours: auto").click()
    light = ground()
    page.reload()
    page.get_by_role("button", name="Colours: light").wait_for()
    assert (ground() == light, dark == light) == (True, False)


def test_a_run_of_a_thousand_steps_and_ten_thousand_events_stays_quick_and_small(page: Page, ended: dict[str, str]) -> None:
    run = ended["scenes"]
    view = api(page, "GET", f"runs/{run}")
    step, many = view["steps"][0], 1_000
    view["script"] = "\n".join(f"s{n} = stage.scene(number={n})" for n in range(1, many + 1))
    view["steps"] = [
        {**step, "id": f"s{n}", "line": n, "spans": [[n * 0.01, n * 0.01 + 0.4]], "seconds": 0.4} for n in range(1, many + 1)
    ]
    view |= {"busy_s": 11.0, "seq": 10_000}
    told = f"event: view\ndata: {json.dumps(view)}\n\nevent: end\ndata: {{}}\n\n"
    page.route(f"**/console/api/runs/{run}", lambda route: route.fulfill(json=view))
    page.route(f"**/console/api/runs/{run}/live*", lambda route: route.fulfill(content_type="text/event-stream", body=told))
    page.route(f"**/console/api/runs/{run}/events*", lambda route: route.fulfill(json=_events(route.request.url)))
    page.add_init_script(SLOW)
    took: dict[str, float] = {}

    def timed(what: str, act: str, there: str) -> None:
        took[what] = page.evaluate(
            f"""async () => {{ const begun = performance.now(); {act};
            while (!document.querySelector({there!r})) {{
              if (performance.now() - begun > 10000) return 10000;
              await new Promise(requestAnimationFrame);
            }}
            await new Promise(requestAnimationFrame); return performance.now() - begun; }}"""
        )

    page.goto(f"/console/runs/{run}")
    page.locator("#line-1000").wait_for(state="attached")
    took["the page's longest task"] = page.evaluate("slow")
    timed("timeline", "document.querySelectorAll('[role=tab]')[2].click()", ".time-row")
    timed(
        "scroll it to its end",
        "const w = document.querySelector('.timeline .window'); w.scrollTop = w.scrollHeight",
        ".window-row[aria-posinset='1000']",
    )
    page.get_by_role("tab", name="Events").click()
    expect(page.locator(".events [role=status]")).to_have_text("10,000")
    timed(
        "scroll the events to their end",
        "const w = document.querySelector('.events .window'); w.scrollTop = w.scrollHeight",
        ".window-row[aria-posinset='10000']",
    )
    timed(
        "filter them",
        "const s = document.querySelector('.event-search input'); s.value = 's77 ·'; s.dispatchEvent(new Event('input'))",
        ".events [aria-setsize='10']",
    )
    print({what: round(ms) for what, ms in took.items()})
    assert page.locator(".window-row").count() < 120
    assert max(took.values()) < 5_000, took  # a tenth of that on a machine that does nothing else


def _events(url: str) -> Any:
    after = int(url.partition("after=")[2].partition("&")[0])
    event = {"type": "call_finished", "item": "", "value": {"items": [1, 2, 3]}}
    return {
        "events": [
            {"seq": n, "at": "2026-11-29T12:00:00Z", "event": {**event, "step": f"s{n % 1000} "}}
            for n in range(after + 1, after + 1001)
        ],
        "next": None,
    }


def test_the_way_in_without_keys_is_a_link_that_is_good_once(browser: Browser, house: Served) -> None:
    link = house.link()
    context = browser.new_context()
    page = context.new_page()
    complaints = watched(page)
    page.goto(f"{house.address}/console/health")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("planrail console")
    page.goto(link)
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    assert "token" not in page.url
    again = browser.new_context().new_page()
    again.goto(link)
    expect(again.get_by_role("alert")).to_contain_text("used, or too old")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    again.context.close()
    context.close()
    assert complaints == []
