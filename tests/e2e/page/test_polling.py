"""How often the page asks: once an interval for what is seen, never when nobody looks, less when it fails.

The page's clock is the test's: minutes pass in a moment, the server's answers take the time that they take.
"""

from __future__ import annotations

from collections import Counter

import pytest
from playwright.sync_api import expect

from tests.e2e.page.conftest import Look, MakeSite
from tests.e2e.page.view import API, View
from tests.support.waiting import wait_until

INTERVAL_MILLISECONDS = 5_000
HIDE = """hidden => {
    Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => hidden ? 'hidden' : 'visible'});
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange', {bubbles: true}));
}"""


COUNT = """() => {
    const send = window.fetch;
    window.asked = [];
    window.open_requests = 0;
    window.fetch = (request, ...more) => {
        if (request.url?.includes('%s')) window.asked.push(new URL(request.url).pathname.split('%s')[1]);
        window.open_requests += 1;
        return send(request, ...more).finally(() => { window.open_requests -= 1; });
    };
}"""
"""Notes what the page asks for as it asks: what the browser tells of requests comes when it comes."""


def asked(view: View, intervals: int) -> Counter[str]:
    """Let intervals pass, and return what was asked for in them."""
    page = view.page
    page.evaluate("window.asked = []")
    for _ in range(intervals):
        page.clock.run_for(INTERVAL_MILLISECONDS - 1)
        wait_until(lambda: page.evaluate("window.open_requests === 0"), what="all is answered", timeout=30)
        page.clock.run_for(1)
        wait_until(lambda: page.evaluate("window.open_requests === 0"), what="all is answered", timeout=30)
    return Counter(page.evaluate("window.asked"))


@pytest.fixture
def view(look: Look, make_site: MakeSite) -> View:
    """Give a view of one agent whose clock stands still."""
    site = make_site()
    view = look(alone=True)
    view.page.clock.install()
    view.open()
    expect(view.agent(site.name)).to_be_visible()
    view.page.evaluate(COUNT % (API, API))
    view.page.clock.pause_at(view.page.evaluate("Date.now() + 1000"))
    asked(view, 1)
    return view


def test_each_tab_asks_once_an_interval(view: View):
    assert asked(view, 4) == {"agents": 4}
    view.tab("Jobs")
    asked(view, 1)
    expect(view.page.get_by_text("No job has been queued")).to_be_visible()
    assert asked(view, 4) == {"jobs": 4}
    view.tab("Tokens")
    asked(view, 1)
    expect(view.page.get_by_role("row").nth(1)).to_be_visible()
    assert asked(view, 4) == {"tokens": 4}


def test_the_page_of_one_agent_asks_once_an_interval_too_and_for_its_history_once_in_a_while(view: View):
    link = view.page.get_by_role("row").nth(1).get_by_role("link").first
    name = link.inner_text()
    link.click()
    asked(view, 1)
    expect(view.page.get_by_role("heading", name="Running and recent jobs")).to_be_visible()
    assert asked(view, 12) == {f"agents/{name}": 12, f"agents/{name}/history": 2}


def test_nothing_is_asked_while_nobody_looks_and_at_once_when_somebody_does(view: View):
    view.page.evaluate(HIDE, True)
    assert asked(view, 8) == {}
    view.page.evaluate(HIDE, False)
    assert view.page.evaluate("window.asked") == ["agents"]
    asked(view, 1)
    assert asked(view, 2) == {"agents": 2}


def test_a_server_that_fails_is_asked_less_and_less_and_the_page_says_that_what_it_shows_is_old(view: View):
    view.complaints.expected.append("/edge_agent/v1/ui/agents")
    view.page.route("**/edge_agent/v1/ui/agents**", lambda route: route.abort("connectionrefused"))
    assert asked(view, 1) == {"agents": 1}
    expect(view.page.get_by_text("What you see may be old").first).to_be_visible()
    expect(view.page.get_by_role("row")).to_have_count(2)
    # After 10, 20, 40, 60 and 60 seconds.
    assert asked(view, 190 // 5) == {"agents": 5}
    view.page.unroute("**/edge_agent/v1/ui/agents**")
    assert asked(view, 13) != {}, "it is asked again within a minute"
    asked(view, 1)
    expect(view.page.get_by_text("What you see may be old")).to_have_count(0)
    assert asked(view, 3) == {"agents": 3}
