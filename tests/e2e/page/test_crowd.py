"""A thousand agents: found, sorted and paged by the server, and on the screen without a pause.

The figures are printed (``pytest -rP``), not judged: a busy machine is no defect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect
from sqlalchemy import Engine

from tests.e2e.page.conftest import Look, forget_agents
from tests.e2e.page.crowd import add, crowd
from tests.e2e.page.view import API, View

AGENTS = 1000


@pytest.fixture(scope="module")
def many(engine: Engine) -> Iterator[None]:
    """Have a thousand agents."""
    forget_agents(engine)
    add(engine, crowd(AGENTS))
    yield
    forget_agents(engine)


def timed(view: View, asks: str, act: Callable[[], object], shown: Callable[[], Locator]) -> None:
    """Do what asks the server so, and print how long it took until the answer was shown, and how much was sent."""
    with view.page.expect_response(lambda answer: f"{API}agents?" in answer.url and asks in answer.url) as answered:
        began = time.monotonic()
        act()
    expect(shown()).to_be_visible()
    seconds = time.monotonic() - began
    answer = answered.value
    sizes = answer.request.sizes()
    timing = answer.request.timing
    print(
        f"{asks}: {seconds * 1000:.0f} ms from click to rows, {timing['responseEnd'] - timing['requestStart']:.0f} ms "
        f"of it the server's, {sizes['responseBodySize']} bytes on the wire, {len(answer.body())} unpacked"
    )


def first_row(view: View, text: str) -> Locator:
    """The first agent of the table, when it holds a text."""
    return view.page.get_by_role("table", name="Agents").get_by_role("row").nth(1).filter(has_text=text)


@pytest.mark.usefixtures("many")
def test_a_thousand_agents_are_filtered_sorted_and_paged(look: Look):
    view = look()
    page = view.page
    timed(view, "sort=name&limit=50&offset=0", view.open, lambda: first_row(view, "gdansk-0003"))
    expect(page.get_by_role("heading", name="1000 agents")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(51)
    next_page = page.get_by_role("button", name="Next page")
    timed(view, "offset=50", next_page.click, lambda: first_row(view, "gdansk-0253"))
    name = page.get_by_role("button", name="Agent", exact=True)
    timed(view, "sort=-name", name.click, lambda: first_row(view, "rotterdam-0996"))
    search = page.get_by_role("searchbox", name="Search name, host or address")
    timed(view, "search=genova-04", lambda: search.fill("genova-04"), lambda: first_row(view, "genova-0497"))
    expect(page.get_by_role("heading", name="20 of 1000 agents")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    lost = page.get_by_role("group", name="Filter by health").get_by_role("button", name="40 lost")
    timed(view, "health=lost", lost.click, lambda: first_row(view, "lost"))
    expect(page.get_by_role("heading", name="40 of 1000 agents")).to_be_visible()
    page.get_by_role("combobox", name="Filter by queues").click()
    option = page.get_by_role("option", name="gpu", exact=True)
    timed(view, "queue=gpu", option.click, lambda: first_row(view, "gpu"))
    page.keyboard.press("Escape")

    view.open(limit="200")
    expect(page.get_by_role("row")).to_have_count(201)
    with page.expect_response(lambda answer: f"{API}agents?" in answer.url):
        pass  # the next round of the same
    began = time.monotonic()
    page.get_by_role("checkbox", name="Select all agents of this page").check(force=True)
    expect(page.get_by_text("200 selected")).to_be_visible()
    print(f"200 rows selected: {(time.monotonic() - began) * 1000:.0f} ms")
