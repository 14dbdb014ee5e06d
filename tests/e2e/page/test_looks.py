"""Everybody can use the page: in the dark, on a narrow screen, by hearing it, and wherever Airflow lives."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine

from tests.e2e.page.conftest import Look, forget_agents
from tests.e2e.page.crowd import add, agent
from tests.e2e.page.view import DIALOG, OURS
from tests.support.airflow_bed import AirflowBed

BRIGHTNESS = """element => {
    const canvas = document.createElement('canvas').getContext('2d');
    canvas.fillStyle = getComputedStyle(element).color;
    canvas.fillRect(0, 0, 1, 1);
    return Math.max(...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3));
}"""
"""How bright the letters of an element are, from 0 to 255."""

WIDER = """page => [...page.querySelectorAll('*')].filter(element => {
    const scrolls = node => node !== page
        && (['auto', 'scroll', 'hidden'].includes(getComputedStyle(node).overflowX) || scrolls(node.parentElement));
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.right > innerWidth + 1 && !scrolls(element.parentElement);
}).map(element => element.outerHTML.slice(0, 200))"""
"""What hangs out of the page on the right, unless something within the page lets it scroll."""

TABS = {"agents": {}, "jobs": {"tab": "jobs"}, "tokens": {"tab": "tokens"}, "one agent": {"agent": "plant-1"}}


@pytest.fixture(scope="module", autouse=True)
def _plants(engine: Engine) -> Iterator[None]:
    """Have a healthy agent, one that is cordoned, and one that is lost."""
    forget_agents(engine)
    cordon = {"cordoned_by": "admin", "cordon_reason": "new firmware for the whole line, then a long test of it"}
    now = agent("").last_seen_at
    add(
        engine,
        [
            agent("plant-1", queues=["onprem", "reports", "gpu"]),
            agent("plant-2", cordoned_at=now, versions={"agent": "0.0.9", "airflow": "3.3.1"}, **cordon),
            agent("plant-3", state="lost", slots=64),
        ],
    )
    yield
    forget_agents(engine)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("tab", TABS)
def test_axe_finds_nothing_serious(look: Look, tab: str, dark: bool):
    view = look(dark=dark).open(**TABS[tab])
    expect(view.page.get_by_role("progressbar")).to_have_count(0)
    view.page.wait_for_load_state("networkidle")
    assert view.findings() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious_in_a_question(look: Look, dark: bool):
    view = look(dark=dark).open()
    view.choose("plant-1", "Change slots and queues")
    expect(view.dialog()).to_be_visible()
    assert view.findings(DIALOG) == []


def test_the_page_is_dark_when_airflow_is(look: Look):
    """The same words, twice."""
    seen = []
    for dark in (False, True):
        heading = look(dark=dark).open().page.get_by_role("heading", name="3 agents")
        seen.append(heading.evaluate(BRIGHTNESS))
    by_day, by_night = seen
    assert by_day < 100 < by_night


@pytest.mark.parametrize("tab", TABS)
def test_on_a_narrow_screen_nothing_is_wider_than_it(look: Look, tab: str):
    """Tables scroll within the page; what is done to agents can be reached."""
    view = look(width=390, height=844).open(**TABS[tab])
    view.page.wait_for_load_state("networkidle")
    assert view.page.locator(OURS).evaluate(WIDER) == []
    assert view.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_agent_is_cordoned_on_a_narrow_screen(look: Look):
    view = look(width=390, height=844).open()
    view.choose("plant-1", "Cordon")
    view.dialog().get_by_label("Reason").fill("from the train")
    view.confirm("Cordon")
    expect(view.agent("plant-1")).to_contain_text("from the train")


def test_the_page_is_found_in_the_menu_and_takes_everything_from_below_airflows_path(look: Look, page_bed: AirflowBed):
    view = look()
    asked: list[str] = []
    ours = f"http://127.0.0.1:{page_bed.port}"
    view.page.on("request", lambda request: asked.append(request.url.removeprefix(ours)))
    view.page.goto(view.url)
    view.page.get_by_role("button", name="Admin").click()
    view.page.get_by_role("menuitem", name="Edge Agents").click()
    expect(view.agent("plant-1")).to_be_visible()
    assert urlsplit(view.page.url).path == f"{page_bed.path}/plugin/edge-agents"
    above = [path for path in asked if path.startswith("/") and not f"{path}/".startswith(f"{page_bed.path}/")]
    assert above == []
    assert not any(path.startswith("http") for path in asked)
    assert any("/edge_agent/static/main.js" in path for path in asked)


def test_the_page_works_where_airflow_has_no_path(look: Look, page_bed: AirflowBed):
    root = page_bed.add_api_server(apps="core")
    view = look(url=root.url).open()
    expect(view.agent("plant-1")).to_be_visible()
    view.choose("plant-1", "Uncordon" if view.agent("plant-1").get_by_text("cordoned").count() else "Cordon")
    view.page.keyboard.press("Escape")
    view.page.close()  # it would go on asking, and complain
    page_bed.stop(*(name for name in page_bed.parts if name.startswith("api-server-")))
    root.close()


def test_the_stock_edge_page_and_this_one_are_shown_in_one_shell(look: Look):
    """Both plugins leave their component in the same place of the browser."""
    view = look()
    page = view.page
    page.goto(view.url)
    for _ in range(2):
        page.get_by_role("button", name="Admin").click()
        page.get_by_role("menuitem", name="Edge Executor").click()
        expect(page.get_by_role("tablist", name="Edge Agents")).to_have_count(0)
        page.get_by_role("button", name="Admin").click()
        page.get_by_role("menuitem", name="Edge Agents").click()
        expect(view.agent("plant-1")).to_be_visible()
