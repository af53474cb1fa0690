"""Chromium: a real one without a window, and its pages, each watched for what it complains of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, sync_playwright

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 15_000
_EXPECTED = ("401 (Unauthorized)", "403 (Forbidden)", "409 (Conflict)", "422 (Unprocessable")  # of an answer that is no 2xx


def program() -> str:
    """The browser; without one the tests are skipped, or fail where it is demanded."""
    found = os.environ.get("PLANRAIL_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    if not found:
        reason = "no Chromium here: install the package chromium, or name one in PLANRAIL_CHROMIUM"
        if os.environ.get("PLANRAIL_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@contextmanager
def browsing() -> Iterator[Browser]:
    """One browser, for as many pages as there are tests."""
    path = program()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


def watched(page: Page) -> list[str]:
    """What the page complains of from now on: errors, and what its policy forbids."""
    found: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(e in message.text for e in _EXPECTED):
            found.append(message.text)

    def broke(error: Error) -> None:
        found.append(f"{error.message} {error.stack}")

    page.on("console", heard)
    page.on("pageerror", broke)
    page.on("dialog", lambda dialog: (found.append(f"a dialog: {dialog.message}"), dialog.dismiss())[0])
    page.set_default_timeout(WAIT_MS)
    return found


def api(page: Page, method: str, path: str, body: Any = None) -> Any:
    """A request as the page sends them."""
    script = """async ([method, path, body]) => {
      const session = await (await fetch("/console/api/session")).json();
      const headers = {"content-type": "application/json", "x-csrf-token": session.csrf};
      const sent = method === "GET" ? undefined : JSON.stringify(body ?? {});
      const answer = await fetch("/console/api/" + path, {method, headers, body: sent});
      return [answer.status, await answer.json().catch(() => null)];
    }"""
    status, told = page.evaluate(script, [method, path, body])
    assert 200 <= status < 300, (status, told)
    return told
