"""One browser and one server of this house's own for all tests of the folder; each test has a page that has signed in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chromium import WAIT_MS, browsing, watched
from tests.browser.stage import Served, served, staged


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    with browsing() as found:
        yield found


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(staged(tmp_path_factory.mktemp("stage"))) as found:
        yield found


@pytest.fixture(scope="package")
def signed_in(browser: Browser, house: Served) -> object:
    """The cookies of who came by the link."""
    page = browser.new_page()
    page.goto(house.way_in)
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    state = page.context.storage_state()
    page.context.close()
    return state


@pytest.fixture
def page(browser: Browser, house: Served, signed_in: object) -> Iterator[Page]:
    """A page at the runs; at the end it must have complained of nothing."""
    house.close()
    context = browser.new_context(storage_state=signed_in, base_url=house.address, viewport={"width": 1280, "height": 900})  # type: ignore[arg-type]
    page = context.new_page()
    complaints = watched(page)
    page.goto("/console/runs")
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
    yield page
    context.close()
    assert complaints == []
