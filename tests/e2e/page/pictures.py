"""The pictures of the documentation, taken of the real page: `make screenshots`. No test: it judges nothing.

They stand in `docs/images`, each light and dark. Whoever takes them looks at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow, EventRow, SampleRow
from tests.e2e.holding import Holding
from tests.e2e.page import plant
from tests.e2e.page.conftest import Look, forget_agents
from tests.e2e.page.test_commands import DAG, connect, link_of
from tests.e2e.page.view import View
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.browser import shrink

IMAGES = Path(__file__).parents[3] / "docs" / "images"
DAGS = {"meter_readings", "orders", "quality_report"}
LOOKS = {"light": False, "dark": True}


def take(view: View, name: str, look: str) -> None:
    """Take a picture of what is on the screen."""
    view.page.wait_for_load_state("networkidle")
    view.page.mouse.move(0, 0)
    picture = IMAGES / f"page-{name}-{look}.png"
    view.page.screenshot(path=picture, animations="disabled")
    shrink(picture)


@pytest.fixture
def _plant(engine: Engine, page_bed: AirflowBed) -> Iterator[None]:
    """Have the plant, and nothing else."""
    page_bed.rest.wait_for_dags(DAGS)
    forget(engine)
    plant.build(engine)
    yield
    forget(engine)


def forget(engine: Engine) -> None:
    """Forget the plant, and its past."""
    forget_agents(engine)
    with Session(engine) as session:
        for row in (EventRow, SampleRow):
            session.execute(delete(row))
        session.commit()


@pytest.mark.usefixtures("_plant")
@pytest.mark.parametrize("how", LOOKS)
def test_the_plant(look: Look, engine: Engine, how: str) -> None:
    """Agents, one of them, jobs and tokens."""
    view = look(dark=LOOKS[how], height=1150)
    plant.beat(engine)
    view.open()
    expect(view.agent(plant.SHOWN)).to_contain_text("healthy")
    take(view, "agents", how)
    view.page.set_viewport_size({"width": 1280, "height": 640})
    view.choose(plant.SHOWN, "Cordon")
    view.dialog().get_by_label("Reason").fill("disk swap, ticket 4711")
    take(view, "cordon", how)
    view.page.set_viewport_size({"width": 1280, "height": 1360})
    plant.beat(engine)
    view.open(agent=plant.SHOWN)
    expect(view.page.get_by_text("Slots used").first).to_be_visible()
    take(view, "agent", how)
    view.page.set_viewport_size({"width": 1280, "height": 880})
    plant.beat(engine)
    view.open(tab="jobs")
    expect(view.row("quality_report.train")).to_have_count(1)
    take(view, "jobs", how)
    view.page.set_viewport_size({"width": 1280, "height": 480})
    view.open(tab="tokens")
    expect(view.row("plant-hamburg")).to_have_count(1)
    take(view, "tokens", how)


@pytest.mark.parametrize("how", LOOKS)
def test_no_agent(look: Look, engine: Engine, how: str) -> None:
    """How the first one is installed."""
    forget(engine)
    view = look(dark=LOOKS[how], height=940).open()
    page = view.page
    page.get_by_label("Name of the agent").fill("db-07")
    page.get_by_label("Queues that it serves").fill("onprem")
    page.get_by_role("button", name="Create token").click()
    page.get_by_label("Airflow's address").fill("https://airflow.example.com")
    expect(page.get_by_text("Waiting for db-07")).to_be_visible()
    take(view, "first-agent", how)
    forget(engine)


def test_a_task_on_two_agents(
    look: Look, engine: Engine, page_bed: AirflowBed, make_host: Callable[..., AgentHost], tmp_path: Path
) -> None:
    """The tab of a task instance whose first host has died."""
    forget(engine)
    page_bed.rest.wait_for_dags(DAGS)
    first, second = make_host("hall-1", "halls").start(), make_host("hall-2", "halls")
    held = Holding(page_bed.rest.trigger("meter_readings", {"folder": str(tmp_path)}), tmp_path)
    held.wait_started()
    first.power_off()
    second.start()
    held.wait_started(2)
    for how, dark in LOOKS.items():
        view = look(dark=dark, height=640)
        task = f"{view.url}/dags/meter_readings/runs/{held.run.run_id}/tasks/read_hall_3/plugin/edge-agent"
        view.page.goto(task)
        expect(view.page.get_by_text("Runs on hall-2")).to_be_visible()
        take(view, "task", how)
    assert held.succeeds()


def test_commands(
    look: Look, engine: Engine, page_bed: AirflowBed, make_host: Callable[..., AgentHost], tmp_path: Path
) -> None:
    """The commands of a task: the button that leads to them, all of them, and one with its log."""
    forget(engine)
    make_host("hall-1", "halls").start()
    make_host("db-07", "onprem", EDGE_AGENT_KINDS="command").start()
    connect(look().open(), page_bed, "onprem")
    page_bed.rest.wait_for_dags({DAG})
    run = page_bed.rest.trigger(DAG, {"agent": "db-07", "folder": str(tmp_path)})
    for how, dark in LOOKS.items():
        view = look(dark=dark, height=560)
        view.page.goto(f"{view.url}/dags/{DAG}/runs/{run.run_id}/tasks/export/details")
        button = link_of(view)
        button.scroll_into_view_if_needed()
        take(view, "link", how)
        button.click()
        expect(view.row("Copy the dump off site")).to_contain_text("running")
        take(view, "commands", how)
        view.page.set_viewport_size({"width": 1280, "height": 720})
        view.page.get_by_role("button", name="Details and log of command copy").click()
        expect(view.page.get_by_role("log")).to_contain_text("copies them")
        take(view, "command", how)
    (tmp_path / "release").touch()
    assert run.wait() == "success"


@pytest.mark.usefixtures("_plant")
def test_side_by_side(look: Look, engine: Engine) -> None:
    """The stock provider's page of the same agents, in the same Airflow, for the page that compares them."""
    _stock_workers(engine)
    view = look(height=800)
    view.page.goto(f"{view.url}/plugin/edge_executor")
    expect(view.page.get_by_role("row").filter(has_text=plant.SHOWN)).to_be_visible()
    take(view, "compared-edge3", "light")
    print("axe about that page:", *view.findings("table"), sep="\n")


def _stock_workers(engine: Engine) -> None:
    """Write the same agents as workers of the stock provider: running, idle, in maintenance, gone."""
    from airflow.providers.edge3.models.edge_worker import EdgeWorkerModel, EdgeWorkerState

    states = {"db-08": EdgeWorkerState.MAINTENANCE_MODE, "gpu-2": EdgeWorkerState.MAINTENANCE_PENDING}
    states |= {"scale-9": EdgeWorkerState.UNKNOWN, "spare-1": EdgeWorkerState.OFFLINE}
    with Session(engine) as session:
        session.execute(delete(EdgeWorkerModel))
        for each in (row for row in plant.plant() if isinstance(row, AgentRow)):
            state = states.get(each.name, EdgeWorkerState.RUNNING)
            worker = EdgeWorkerModel(each.name, state, each.queues, last_update=datetime.now(tz=UTC))
            if each.cordon_reason:  # as that provider writes it
                begun = f"[{each.cordoned_at:%Y-%m-%d %H:%M}] - {each.cordoned_by} put node into maintenance mode"
                worker.maintenance_comment = f"{begun}\nComment: {each.cordon_reason}"
            worker.jobs_active = 1
            worker.concurrency = each.slots
            worker.sysinfo = {"status": 20, "airflow_version": "3.3.2", "concurrency": each.slots}
            session.add(worker)
        session.commit()
