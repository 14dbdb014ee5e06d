"""A host dies while it runs a task, and the page tells: late, lost, and where the task went on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.holding import Holding
from tests.e2e.page.conftest import Look
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed


def test_a_killed_agent_is_late_then_lost_and_its_task_goes_on_at_another(
    look: Look, page_bed: AirflowBed, make_host: Callable[..., AgentHost], tmp_path: Path
):
    """The tab of the task instance tells both attempts, each with its agent."""
    first, second = make_host("hall-1", "halls"), make_host("hall-2", "halls")
    first.start()
    page_bed.rest.wait_for_dags({"meter_readings"})
    held = Holding(page_bed.rest.trigger("meter_readings", {"folder": str(tmp_path)}), tmp_path)
    assert held.wait_started().agent == "hall-1"
    view = look().open()
    expect(view.agent("hall-1")).to_contain_text("healthy")
    first.power_off()
    expect(view.agent("hall-1")).to_contain_text("late")
    expect(view.agent("hall-1")).to_contain_text("missed")
    second.start()
    expect(view.agent("hall-1")).to_contain_text("lost")
    assert held.wait_started(2).agent == "hall-2"

    view.open(tab="jobs", state="running")
    view.page.get_by_role("link", name="meter_readings").first.click()
    view.page.get_by_role("tab", name="Edge Agent").or_(
        view.page.get_by_role("link", name="Edge Agent", exact=True)
    ).click()
    expect(view.page.get_by_text("Runs on hall-2")).to_be_visible()
    attempts = view.page.get_by_role("region", name="Attempts").get_by_role("row")
    expect(attempts.nth(1)).to_contain_text("hall-2")
    expect(attempts.nth(1)).to_contain_text("running")
    expect(attempts.nth(2)).to_contain_text("hall-1")
    expect(attempts.nth(2)).to_contain_text("its agent was lost")
    assert view.findings("section[aria-labelledby=attempts]") == []
    attempts.nth(1).get_by_role("button", name="Details and log of try 2").click()
    expect(view.page.get_by_role("log")).to_contain_text("Reading the meters of hall 3.")
    view.page.keyboard.press("Escape")

    assert held.succeeds()
    expect(view.page.get_by_text("Ran on hall-2")).to_be_visible()
    view.page.get_by_role("link", name="hall-1").first.click()
    events = view.page.get_by_role("region", name="Events")
    expect(events).to_contain_text("1 job failed")
