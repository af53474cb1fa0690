"""What people do at the console, in a real browser at a real server: watch, decide, mend, and come to no harm."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import api, watched
from tests.browser.stage import HOSTILE, LONG, Served, served, staged

pytestmark = pytest.mark.browser
FORM = """(to) => {
  const form = document.body.appendChild(document.createElement("form"));
  Object.assign(form, {method: "post", enctype: "text/plain", action: to});
  form.submit();
}"""
SEEN = HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\u202c", "⟨U+202C⟩").replace("\u200b", "⟨U+200B⟩")


def begin(page: Page, goal: str) -> str:
    """A run with that goal, looked at."""
    run: str = api(page, "POST", "runs", {"goal": goal, "key": f"{goal} {uuid4()}"})["id"]
    page.goto(f"/console/runs/{run}")
    return run


def test_a_goal_is_given_by_the_keyboard_and_its_run_watched_live_to_its_end(page: Page, house: Served) -> None:
    page.keyboard.press("n")
    page.get_by_role("textbox", name="Goal").fill("Play the scenes")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Play the scenes")).to_be_visible()
    expect(page.locator(".state")).to_have_text("●running")
    expect(page.get_by_role("button", name="opening: under way")).to_be_visible()
    house.curtain(1, 2)
    expect(page.get_by_role("button", name="opening: done")).to_be_visible()
    expect(page.get_by_role("button", name="rest: under way, 1 of 3")).to_be_visible()
    house.curtain(3, 4)
    expect(page.locator(".state")).to_have_text("✓done")
    expect(page.get_by_role("region", name="Answer")).to_contain_text("3 scenes after 1")
    assert page.title() == "Play the scenes · Planrail"


def test_an_approval_is_given_by_the_keyboard_and_the_effect_happens_once(page: Page, house: Served) -> None:
    begin(page, "Post the note")
    card = page.get_by_role("article", name="post the note")
    expect(card).to_contain_text("ann@example.org")
    expect(page.locator(".state")).to_have_text("?waiting")
    before = house.posted()
    page.keyboard.press("j")
    expect(card).to_be_focused()
    page.keyboard.press("a")
    expect(page.locator(".state")).to_have_text("✓done")
    expect(card).to_have_count(0)
    assert house.posted() == [*before, "ann@example.org: the note"]


def test_a_denied_approval_ends_the_run_without_the_effect_and_says_who_denied_it(page: Page, house: Served) -> None:
    before = house.posted()
    begin(page, "Post the note")
    page.get_by_role("button", name="Deny").click()
    expect(page.locator(".state")).to_have_text("✗failed")
    expect(page.get_by_role("region", name="Where it hurt")).to_contain_text("local said no")
    assert house.posted() == before


def test_what_a_stranger_wrote_stays_text_wherever_it_is_shown(page: Page, house: Served) -> None:
    before = house.posted()
    begin(page, "Pass the gossip on")
    card = page.locator("[data-question]")
    expect(card).to_contain_text(SEEN)
    expect(card).to_contain_text("written by a stranger: stage.stranger")
    card.focus()
    page.keyboard.press("d")
    expect(page.locator(".state")).to_have_text("✓done")
    answer = page.get_by_role("region", name="Answer")
    expect(answer.get_by_role("columnheader").nth(2)).to_have_text(SEEN)
    expect(answer.get_by_role("cell").first).to_have_text(SEEN)
    page.get_by_role("button", name="JSON").click()
    answer.get_by_role("button", name="Show all").click()
    expect(answer).to_contain_text(LONG)
    page.get_by_role("tab", name="Events").click()
    page.get_by_role("listitem").filter(has_text="question asked").click()
    expect(page.locator(".event-whole")).to_contain_text("⟨U+202E⟩gnp.elif")
    assert page.locator("main img, main script, main svg[onload]").count() == 0
    assert page.title() == "Pass the gossip on · Planrail"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert house.posted() == before


def test_of_what_strangers_wrote_one_value_is_allowed_and_another_is_not(page: Page, house: Served) -> None:
    before = house.posted()
    begin(page, "Pass the rumours on")
    card = page.locator("[data-question]")
    expect(card.get_by_role("listitem")).to_have_count(2)
    expect(card.get_by_role("button", name="Allow the chosen")).to_be_disabled()
    card.get_by_role("listitem").filter(has_text="done[1]").get_by_role("checkbox").check()
    card.get_by_role("button", name="Allow the 1 chosen").click()
    expect(page.locator(".state")).to_have_text("✓done")
    answer = page.get_by_role("region", name="Answer").get_by_role("listitem")
    expect(answer).to_have_text(["kept it", f"posted to {SEEN}"])
    assert len(house.posted()) == len(before) + 1


def test_a_free_answer_has_a_field_for_each_part_and_says_what_is_missing(page: Page) -> None:
    begin(page, "Fill in the form")
    card = page.get_by_role("article", name="How shall it be?")
    card.get_by_role("radio", name="late").check()
    card.get_by_role("button", name="Send the answer").click()
    expect(card.get_by_role("alert")).to_have_text("guests is needed.")
    card.get_by_role("spinbutton", name="guests").fill("3")
    card.get_by_role("group", name="quiet").get_by_role("radio", name="No").check()
    card.get_by_role("textbox", name="names").fill("Ann\nBob")
    card.get_by_role("button", name="Send the answer").click()
    expect(page.locator(".state")).to_have_text("✓done")
    answer = page.get_by_role("region", name="Answer")
    answer.get_by_role("button", name="JSON").click()
    said = json.loads(answer.locator("pre").inner_text())
    assert said == {"slot": "late", "guests": 3, "quiet": False, "note": None, "names": ["Ann", "Bob"]}


def test_a_run_is_cancelled_and_goes_on_with_another_ceiling(page: Page, house: Served) -> None:
    begin(page, "Play the scenes")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".state")).to_have_text("–cancelled")
    expect(page.get_by_role("region", name="What to do")).to_contain_text("goes on from here")
    house.curtain(1, 2, 3, 4)
    page.get_by_role("button", name="Resume").click()
    dialog = page.get_by_role("dialog", name="Resume the run")
    dialog.get_by_label("Tool calls").fill("250")
    dialog.get_by_role("button", name="Resume").click()
    expect(page.locator(".state")).to_have_text("✓done")
    page.get_by_role("tab", name="Cost").click()
    expect(page.get_by_role("tabpanel", name="Cost")).to_contain_text("of 250")


def test_a_fork_with_a_mistake_shows_where_it_is_and_starts_once_it_is_mended(page: Page) -> None:
    begin(page, "Be hasty")
    expect(page.locator(".state")).to_have_text("✗failed")
    expect(page.get_by_role("region", name="Where it hurt")).to_contain_text("too few scenes")
    page.get_by_role("button", name="Fork", exact=True).click()
    script = page.get_by_role("textbox", name="The fork's script")
    expect(script).to_be_focused()
    good = script.input_value().replace("> 9", "> 1")
    script.fill(good.replace("answer(len(scenes))", "answer(stage.scent(number=1))"))
    expect(page.locator(".diagnostic")).to_contain_text("There is no tool stage.scent")
    expect(page.get_by_role("button", name="Start the fork")).to_be_disabled()
    script.fill(good)
    expect(page.locator(".editor")).to_contain_text("✓ Certified")
    first = page.url
    page.get_by_role("button", name="Start the fork").click()
    page.wait_for_url(lambda url: url.split("#")[0] != first.split("#")[0])
    expect(page.locator(".state")).to_have_text("✓done")
    expect(page.get_by_role("region", name="Answer")).to_contain_text("2")


def test_a_page_of_another_origin_changes_nothing(page: Page, house: Served) -> None:
    run = begin(page, "Post the note")
    expect(page.locator(".state")).to_have_text("?waiting")
    with Foreign() as elsewhere:
        other = page.context.new_page()
        other.goto(elsewhere)
        to = f"{house.address}/console/api/runs"
        asked = "([to, more]) => fetch(to, {credentials: 'include', ...more}).then(() => 'read', () => 'refused')"
        assert other.evaluate(asked, [to, {}]) == "refused"
        assert other.evaluate(asked, [f"{to}/{run}/cancel", {"method": "POST", "mode": "no-cors", "body": "{}"}]) == "refused"
        with other.expect_response(f"{to}/{run}/cancel") as answered:
            other.evaluate(FORM, f"{to}/{run}/cancel")
        assert answered.value.status == 403
        other.close()
    page.reload()
    expect(page.locator(".state")).to_have_text("?waiting")


def test_a_revoked_key_is_signed_out_where_nothing_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    command = staged(tmp_path)
    key = command("keys", "create", "ann", "--person").out.split()[0]
    with served(command) as house:
        context = browser.new_context(base_url=house.address)
        page = context.new_page()
        complaints = watched(page)
        page.goto("/console")
        page.get_by_label("API key").fill("pr_wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not known")
        page.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_focused()
        expect(page.get_by_role("banner")).to_contain_text("ann")
        command("keys", "revoke", "ann")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.evaluate("fetch('/console/api/runs').then(r => r.status)") == 401
        context.close()
    assert complaints == []


class Foreign:
    """A server of somebody else, on this machine."""

    def __enter__(self) -> str:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<title>elsewhere</title>")

            def log_message(self, *args: object) -> None:
                return

        self._server = HTTPServer(("127.0.0.1", 0), Page)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/"

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
