"""Commands: from a submit token that is made in the page to what it ran, and from the task there and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, expect

from tests.e2e.page.conftest import Look, MakeSite
from tests.e2e.page.view import View
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed

TOKEN = "nightly-commands"
DAG = "nightly_orders"


def connect(view: View, bed: AirflowBed, queue: str) -> str:
    """Create a submit token in the page, and write the connection that it shows; return the secret."""
    view.tab("Tokens")
    view.page.get_by_role("button", name="Create token").click()
    question = view.dialog()
    question.get_by_label("For").select_option("submit")
    question.get_by_label("Name").fill(TOKEN)
    question.get_by_label("Queues").fill(queue)
    question.get_by_label("Users to run as").fill("etl")
    question.get_by_role("button", name="Create token").click()
    shown = view.page.get_by_role("dialog", name=f"Token {TOKEN}")
    name, _, value = shown.get_by_role("region", name="connection", exact=True).inner_text().partition("=")
    assert name == "AIRFLOW_CONN_EDGE_AGENT_DEFAULT"
    fields = json.loads(value.strip("'"))
    bed.rest.set_connection("edge_agent_default", **fields | {"extra": json.dumps(fields["extra"])})
    assert view.findings("[role=dialog]") == []
    shown.get_by_role("button", name="I have kept it").click()
    secret: str = fields["password"]
    return secret


def link_of(view: View) -> Locator:
    """The button on a task of Airflow's own page, and not the tab of the same name."""
    return view.page.get_by_role("link", name="Edge Agent", exact=True).and_(view.page.locator("[target]"))


def test_a_submit_token_of_the_page_runs_commands_that_are_found_from_their_task_and_their_token(
    look: Look, page_bed: AirflowBed, make_site: MakeSite, make_host: Callable[..., AgentHost], tmp_path: Path
):
    site = make_site()
    make_host("hall-9", "halls").start()
    view = look().open()
    secret = connect(view, page_bed, site.name)
    expect(view.row(TOKEN)).to_contain_text("runs as etl")
    expect(view.row(TOKEN)).to_contain_text("never")
    page_bed.rest.wait_for_dags({DAG})
    run = page_bed.rest.trigger(DAG, {"agent": site.name, "folder": str(tmp_path)})

    its_tab = f"{view.url}/dags/{DAG}/runs/{run.run_id}/tasks/export"
    view.page.goto(f"{its_tab}/plugin/edge-agent")
    commands = view.page.get_by_role("region", name="Commands", exact=True)
    expect(commands.get_by_role("row").filter(has_text="Copy the dump off site")).to_contain_text("running")
    expect(commands.get_by_role("row").filter(has_text="Dump the orders")).to_contain_text("succeeded")
    expect(commands).to_contain_text(f"with {TOKEN}")
    expect(view.page.get_by_role("region", name="Attempts").get_by_role("row")).to_have_count(2)
    commands.get_by_role("button", name="Details and log of command dump").click()
    expect(view.page.get_by_role("log")).to_contain_text("dumped 7 orders")

    view.page.goto(f"{its_tab}/details")
    link_of(view).click()
    expect(view.page).to_have_url(re.compile(r"/x/plugin/edge-agents\?tab=jobs&kind=command&dag_id=nightly_orders"))
    expect(view.row("Dump the orders")).to_have_count(1)
    expect(view.row("Copy the dump off site")).to_contain_text("copy")
    assert view.findings() == []

    view.open(tab="tokens")
    expect(view.row(TOKEN)).to_contain_text("ago")
    view.page.get_by_role("button", name=f"Revoke {TOKEN}").click()
    expect(view.dialog()).to_contain_text("1 command has not ended.")
    view.dialog().get_by_role("button", name="Cancel").click()
    view.page.get_by_role("link", name=f"Commands submitted with {TOKEN}").click()
    expect(view.row("Copy the dump off site")).to_have_count(1)
    (tmp_path / "release").touch()
    assert run.wait() == "success"
    expect(view.row("Copy the dump off site")).to_contain_text("succeeded")
    assert secret not in view.page.content()
