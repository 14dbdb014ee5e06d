"""One whole Airflow behind a sub-path, people of three roles, and a browser, for all tests of the page.

The sub-path is that of every address of this Airflow: what works here works at the root, the other way round is not
true. One test looks at a second API server of the same Airflow, which has none. The stock edge executor is there, too,
with its own page: two plugins share the shell of one UI.

Each test has agents of its own, and leaves none: the page shows all there are.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from sqlalchemy import Engine, create_engine, delete
from sqlalchemy.exc import NoResultFound

from airflow_plugin.models import AgentRow, JobRow, TokenRow
from tests.e2e.page.view import View
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import EXECUTOR, AirflowBed
from tests.support.browser import Complaints, chromium
from tests.support.command_site import CommandSite
from tests.support.postgres import Postgres
from tests.support.waiting import wait_until

HERE = Path(__file__).parent
DAGS = HERE / "dags"
SUB_PATH = "/x"
ROLES = ("admin", "op", "viewer")
"""Names of people, each of whom has the role of that name. The password is the name and ``-secret``."""

EDGE3 = "EdgeExecutor:airflow.providers.edge3.executors.EdgeExecutor"
NUMBERS = itertools.count(1)
PATIENCE_MILLISECONDS = 20_000
"""For what the page is to show: it asks every 5 s, and the machine does other things too."""

Look = Callable[..., View]
MakeSite = Callable[..., CommandSite]

_views: list[View] = []
_beds: list[AirflowBed] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a failure what was on the screen, and keep a picture of it."""
    report = yield
    if report.failed and report.when == "call" and HERE in item.path.parents:
        folder = item.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # noqa: SLF001  pytest has no public name for it
        for number, view in enumerate(_views):
            picture = folder / f"{item.name[:80]}-{number}.png"
            view.page.screenshot(path=picture)
            report.sections.append((f"The screen, also as {picture}", view.page.locator("body").inner_text()))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Generator[None]:
    """End this Airflow behind the last test of the page: the other tests have the machine to themselves."""
    yield
    if nextitem is None or HERE not in nextitem.path.parents:
        while _beds:
            _beds.pop().__exit__()


@pytest.fixture(scope="session")
def page_bed(
    postgres: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowBed]:
    """Give the Airflow whose page is looked at. Nothing here is deferred: it has no triggerer."""
    home = tmp_path_factory.mktemp("page")
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps({name: f"{name}-secret" for name in ROLES}), encoding="utf-8")
    with postgres.database(postgres_template) as url:
        settings = {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{name}" for name in ROLES),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            # So that the page, which asks every 5 s, sees an agent late before it is lost.
            "AIRFLOW__EDGE_AGENT__MISSED_HEARTBEATS": "5",
            "AIRFLOW__EDGE__API_ENABLED": "True",
        }
        both = f"{EXECUTOR},{EDGE3}"
        bed = AirflowBed(home / "airflow", url, dags=DAGS, executor=both, settings=settings, path=SUB_PATH)
        bed.rest.login = ("admin", "admin-secret")
        _beds.append(bed)
        try:
            yield bed.start("api-server", "scheduler", "dag-processor")
        finally:
            bed.__exit__()


@pytest.fixture(scope="session")
def engine(page_bed: AirflowBed) -> Iterator[Engine]:
    """Give the database of that Airflow."""
    engine = create_engine(page_bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"], pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Give Chromium."""
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with chromium() as it:
        yield it


@dataclass(frozen=True)
class Desk:
    """Opens views. Those of the same person in the same light share a context, and with it a cache and a login."""

    browser: Browser
    contexts: dict[tuple[str, str, bool], BrowserContext] = field(default_factory=dict)

    def look(self, url: str, role: str, *, dark: bool, width: int, height: int, alone: bool) -> View:
        """Give a view of an Airflow on which nothing is opened yet. ``alone``: it shares nothing."""
        seat = (url, role, dark)
        if alone:
            context = self._context(*seat)
        else:
            context = self.contexts[seat] = self.contexts.get(seat) or self._context(*seat)
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        view = View(page, url, Complaints.of(page))
        _views.append(view)
        return view

    def _context(self, url: str, role: str, dark: bool) -> BrowserContext:
        light: Literal["dark", "light"] = "dark" if dark else "light"
        context = self.browser.new_context(
            color_scheme=light,
            reduced_motion="reduce",
            timezone_id="Europe/Berlin",
            locale="en-GB",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        context.add_cookies([{"name": "_token", "value": _log_in(url, role), "url": f"{url}/"}])
        # Where Airflow's UI keeps what was chosen from its menu.
        context.add_init_script(f"localStorage.setItem('theme', '{light}')")
        return context


def _log_in(url: str, role: str) -> str:
    body = {"username": role, "password": f"{role}-secret"}
    answer = httpx.post(f"{url}/auth/token", json=body, timeout=60)
    assert answer.is_success, answer.text
    token: str = answer.json()["access_token"]
    return token


@pytest.fixture(scope="session")
def desk(browser: Browser) -> Iterator[Desk]:
    """Give where views are opened."""
    desk = Desk(browser)
    yield desk
    for context in desk.contexts.values():
        context.close()


@pytest.fixture
def look(desk: Desk, page_bed: AirflowBed) -> Iterator[Look]:
    """Give a function that opens a view: ``look("viewer", dark=True, width=390)``.

    When the test is over, the page must have complained of nothing but what the test has announced.
    """

    def look(
        role: str = "admin",
        *,
        url: str = page_bed.url,
        dark: bool = False,
        width: int = 1280,
        height: int = 900,
        alone: bool = False,
    ) -> View:
        return desk.look(url, role, dark=dark, width=width, height=height, alone=alone)

    yield look
    views = list(_views)
    _views.clear()
    for view in views:
        view.page.close()
        if view.page.context not in desk.contexts.values():
            view.page.context.close()
    complaints = [each for view in views for each in view.complaints.unexpected()]
    assert not complaints, "the page complained:\n" + "\n".join(complaints)


@pytest.fixture
def make_site(page_bed: AirflowBed, engine: Engine, tmp_path: Path) -> Iterator[MakeSite]:
    """Give a function that makes a host with a running agent for commands, which nobody else uses."""
    sites: list[CommandSite] = []

    def make(**settings: str) -> CommandSite:
        site = CommandSite(page_bed, tmp_path / f"host-{next(NUMBERS)}", **settings)
        sites.append(site)
        site.host.start()
        wait_until(site.is_well, what="it works", timeout=30, ignoring=(NoResultFound, FileNotFoundError))
        return site

    yield make
    for site in sites:
        site.host.power_off()
        site.engine.dispose()
    forget_agents(engine)


@pytest.fixture
def make_host(page_bed: AirflowBed, engine: Engine, tmp_path: Path) -> Iterator[Callable[..., AgentHost]]:
    """Give a function that makes a host for tasks of a queue; its agent is not started."""
    hosts: list[AgentHost] = []

    def make(name: str, *queues: str, **settings: str) -> AgentHost:
        token = page_bed.create_token(name, queues)
        host = AgentHost(
            tmp_path / name, url=page_bed.url, name=name, token=token, queues=queues, dags=DAGS, settings=settings
        )
        hosts.append(host)
        return host

    yield make
    for host in hosts:
        host.power_off()
    forget_agents(engine)


def forget_agents(engine: Engine) -> None:
    """Leave an Airflow that no agent has ever called."""
    with engine.begin() as connection:
        for row in (JobRow, AgentRow, TokenRow):
            connection.execute(delete(row))
