"""What is done to agents with a click, and what comes of it on their hosts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import delete, update
from sqlalchemy.exc import NoResultFound

from airflow_plugin.models import AgentRow
from edge_agent.protocol import AgentState, EndReason, JobState
from tests.e2e.page.conftest import Look, MakeSite
from tests.support.command_site import CommandSite
from tests.support.waiting import wait_until

TABS_TO_THE_TABLE = 100
"""More than it takes to get there from the top of Airflow's shell."""


def is_running(site: CommandSite, job_id) -> bool:
    """Whether a job runs."""
    return site.job(job_id).state == JobState.RUNNING


def wait_running(site: CommandSite, *job_ids) -> None:
    """Wait until jobs run."""
    wait_until(lambda: all(is_running(site, each) for each in job_ids), what="the jobs run", timeout=20)


def test_a_cordon_lets_what_runs_end_and_keeps_what_is_queued_until_it_is_lifted(
    look: Look, make_site: MakeSite, tmp_path: Path
):
    """And the page says of what is queued why it waits."""
    site, gate = make_site(), tmp_path / "gate"
    running = site.submit_entry(gate=gate)
    wait_running(site, running)
    view = look().open()
    question = view.choose(site.name, "Cordon")
    expect(question).to_contain_text("What runs goes on: 1 running job.")
    question.get_by_label("Reason").fill("disk swap")
    view.confirm("Cordon")
    for words in ("cordoned", "disk swap", "by admin"):
        expect(view.agent(site.name)).to_contain_text(words)

    queued = site.submit_entry()
    gate.touch()
    assert site.ended(running).state == JobState.SUCCEEDED
    view.open(tab="jobs", state="queued")
    why = f"{site.name}, the only agent that could take it, is cordoned (disk swap, by admin)"
    expect(view.row(why)).to_have_count(1)
    assert site.job(queued).state == JobState.QUEUED

    view.open()
    view.choose(site.name, "Uncordon")
    view.confirm("Uncordon")
    expect(view.agent(site.name)).not_to_contain_text("cordoned")
    site.audit(running, queued)


def test_an_agent_is_cordoned_with_the_keyboard_alone(look: Look, make_site: MakeSite):
    site = make_site()
    view = look().open()
    expect(view.agent(site.name)).to_be_visible()
    keyboard = view.page.keyboard
    focused = "document.activeElement.getAttribute('aria-label')"
    for _ in range(TABS_TO_THE_TABLE):
        keyboard.press("Tab")
        if view.page.evaluate(focused) == f"Actions on agent {site.name}":
            break
    else:
        pytest.fail("the menu of an agent cannot be reached with the Tab key")
    keyboard.press("Enter")
    expect(view.page.get_by_role("menuitem", name="Cordon", exact=True)).to_be_visible()
    keyboard.type("Cor")
    keyboard.press("Enter")
    expect(view.dialog()).to_be_visible()
    expect(view.dialog().get_by_label("Reason")).to_be_focused()
    keyboard.type("by hand")
    keyboard.press("Enter")
    expect(view.dialog()).to_have_count(0)
    expect(view.agent(site.name)).to_contain_text("by hand")
    assert site.agent().cordon_reason == "by hand"


def test_several_agents_are_cordoned_at_once(look: Look, make_site: MakeSite):
    sites = sorted((make_site() for _ in range(2)), key=lambda site: site.name)  # as the page does: 10 before 9
    view = look().open()
    for site in sites:
        view.page.get_by_role("checkbox", name=f"Select agent {site.name}").check(force=True)
    view.page.get_by_role("group", name="Actions on 2 agents").get_by_role("button", name="Cordon", exact=True).click()
    question = view.dialog()
    expect(question).to_contain_text(f"{sites[0].name} and {sites[1].name}")
    question.get_by_label("Reason").fill("new kernel")
    question.get_by_label("Lift it after", exact=True).fill("2")
    view.confirm("Cordon")
    for site in sites:
        expect(view.agent(site.name)).to_contain_text("new kernel")
        row = site.agent()
        assert row.cordoned_at
        assert row.cordon_expires_at
        assert (row.cordon_expires_at - row.cordoned_at).total_seconds() == 7200


def test_a_drained_agent_ends_with_its_last_job(look: Look, make_site: MakeSite, tmp_path: Path):
    site, gate = make_site(), tmp_path / "gate"
    running = site.submit_entry(gate=gate)
    wait_running(site, running)
    view = look().open()
    expect(view.choose(site.name, "Drain")).to_contain_text("The agent ends when its work is done: 1 running job.")
    view.confirm("Drain")
    expect(view.agent(site.name)).to_contain_text("draining")
    assert is_running(site, running)
    assert site.host.process.is_running
    gate.touch()
    assert site.ended(running).state == JobState.SUCCEEDED
    assert site.host.process.wait(timeout=30) == 0
    expect(view.agent(site.name)).to_contain_text("offline")


def test_a_stopped_agent_ends_what_runs_after_the_grace_and_leaves(look: Look, make_site: MakeSite):
    site = make_site()
    running = site.submit("exec sleep 3000")
    wait_running(site, running)
    view = look().open()
    question = view.choose(site.name, "Stop")
    question.get_by_label("Grace", exact=True).fill("1")
    view.confirm("Stop")
    expect(view.agent(site.name)).to_contain_text("stopping")
    assert site.ended(running).state in {JobState.CANCELLED, JobState.FAILED}
    assert site.host.process.wait(timeout=30) == 0
    expect(view.agent(site.name)).to_contain_text("offline")


def test_deleting_an_agent_takes_its_name_typed_and_fails_its_jobs(look: Look, make_site: MakeSite):
    site = make_site()
    running = site.submit("exec sleep 3000")
    wait_running(site, running)
    # A process that goes on would register anew. Nor is it to be lost before the click, on however slow a machine.
    site.write(lambda session: session.execute(update(AgentRow).values(missed_heartbeats=10_000)))
    site.host.power_off()
    view = look().open()
    question = view.choose(site.name, "Delete")
    expect(question).to_contain_text("What runs there fails at once: 1 running job.")
    button = question.get_by_role("button", name="Delete", exact=True)
    expect(button).to_be_disabled()
    question.get_by_label("Type").fill(site.name[:-1])
    expect(button).to_be_disabled()
    question.get_by_label("Type").fill(site.name)
    view.confirm("Delete")
    expect(view.agent(site.name)).to_have_count(0)
    job = site.job(running)
    assert (job.state, job.reason) == (JobState.FAILED, EndReason.DELETED)
    with pytest.raises(NoResultFound):
        site.agent()


def test_slots_and_queues_are_changed_while_the_agent_runs(look: Look, make_site: MakeSite):
    site = make_site(EDGE_AGENT_QUEUES="day,night")
    view = look().open()
    question = view.choose(site.name, "Change slots and queues")
    for name, value in (("Slots", "1"), ("Queues", "day, weekend")):
        question.get_by_role("radiogroup", name=name).get_by_text("Set", exact=True).click()
        question.get_by_role("textbox", name=name).fill(value)
    view.complaints.expected += [f"/agents/{site.name}/settings: 403"]
    question.get_by_role("button", name="Change", exact=True).click()
    expect(question).to_contain_text("takes no work from queue weekend")
    question.get_by_role("textbox", name="Queues").fill("day")
    view.confirm("Change")
    expect(view.agent(site.name)).to_contain_text("0/1")
    expect(view.agent(site.name)).not_to_contain_text("night")

    status = site.host.state / "status.json"
    wait_until(lambda: json.loads(status.read_text())["slots"] == 1, what="the agent has one slot", timeout=20)
    nightly, daily = site.submit("true", queue="night"), site.submit("true", queue="day")
    assert site.ended(daily).agent_name == site.name
    assert site.job(nightly).state == JobState.QUEUED

    question = view.choose(site.name, "Change slots and queues")
    for name in ("Slots", "Queues"):
        question.get_by_role("radiogroup", name=name).get_by_text("As the host says").click()
    view.confirm("Change")
    expect(view.agent(site.name)).to_contain_text("0/4")
    assert site.ended(nightly).agent_name == site.name
    wait_until(lambda: json.loads(status.read_text())["slots"] == 4, what="it has its own again", timeout=20)


def test_what_the_server_refuses_is_said_in_its_words_and_nothing_is_done(look: Look, make_site: MakeSite):
    """Somebody else deleted it between the look and the click."""
    site = make_site()
    view = look().open()
    question = view.choose(site.name, "Cordon")
    site.host.power_off()
    site.write(lambda session: session.execute(delete(AgentRow).where(AgentRow.name == site.name)))
    view.complaints.expected += [f"/agents/{site.name}/cordon: 404"]
    question.get_by_role("button", name="Cordon", exact=True).click()
    expect(question).to_contain_text(f"there is no agent named '{site.name}'")


def test_an_agent_of_its_own_page_shows_what_happened_to_it(look: Look, make_site: MakeSite):
    site = make_site()
    view = look().open()
    view.agent(site.name).get_by_role("link", name=site.name, exact=True).first.click()
    page = view.page
    expect(page.get_by_role("heading", name=site.name, exact=True)).to_be_visible()
    page.get_by_role("button", name="Cordon", exact=True).click()
    view.dialog().get_by_label("Reason").fill("look closer")
    view.confirm("Cordon")
    events = page.get_by_role("region", name="Events")
    expect(events).to_contain_text("look closer")
    expect(events).to_contain_text("by admin")
    assert site.agent().state == AgentState.CONNECTED
