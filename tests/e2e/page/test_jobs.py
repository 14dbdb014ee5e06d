"""Jobs: why one waits, its log as it grows, and its end by a click."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from edge_agent.protocol import JobState
from tests.e2e.page.conftest import Look, MakeSite
from tests.e2e.page.view import DIALOG
from tests.support.waiting import wait_until


def test_the_page_says_of_each_queued_job_why_no_agent_takes_it(look: Look, make_site: MakeSite, tmp_path: Path):
    gate = tmp_path / "gate"
    site = make_site(EDGE_AGENT_SLOTS="1")
    reasons = {
        site.submit("true", queue="nobodys"): "no agent serves queue 'nobodys'",
        site.submit("true", requires={"gpu": True}): (
            f"1 agent serves queue '{site.name}', none has gpu = true: {site.name} has no gpu"
        ),
    }
    held = site.submit_entry(gate=gate)
    wait_until(lambda: site.job(held).state == JobState.RUNNING, what="it runs", timeout=20)
    full = site.submit_entry()
    reasons[full] = f"{site.name}, the only agent that could take it, is full (1 of 1 slots in use)"
    view = look("viewer").open(tab="jobs", state="queued")
    for reason in reasons.values():
        expect(view.row(reason)).to_have_count(1)
    gate.touch()
    site.audit(held, full)
    expect(view.row("is full")).to_have_count(0)


def test_a_log_is_followed_as_it_is_written_and_to_its_end(look: Look, make_site: MakeSite, tmp_path: Path):
    site, gate = make_site(), tmp_path / "gate"
    job = site.submit(f"echo it begins; until [ -e {gate} ]; do sleep 0.05; done; seq 1 3000; echo it is over")
    site.says(job, b"it begins")
    view = look("viewer").open(tab="jobs", queue=site.name)
    view.page.get_by_role("button", name="Details and log of command job").click()
    log = view.page.get_by_role("log")
    expect(log).to_contain_text("it begins")
    expect(view.dialog()).to_contain_text("Log: live")
    assert view.findings(DIALOG) == []
    gate.touch()
    expect(log).to_contain_text("it is over")
    expect(log.get_by_text("it is over")).to_be_in_viewport()
    expect(view.dialog()).to_contain_text("Log: complete")
    expect(view.dialog()).to_contain_text("succeeded")
    lines = log.inner_text().split()
    assert lines[-3003:-4] == [str(number) for number in range(1, 3000)], "each line once, and in order"


def test_a_job_is_cancelled_and_its_process_is_gone(look: Look, make_site: MakeSite):
    site = make_site()
    job = site.submit("echo up; exec sleep 3000")
    site.says(job, b"up")
    view = look("op").open(tab="jobs", queue=site.name)
    view.page.get_by_role("button", name="Details and log of command job").click()
    view.page.get_by_role("button", name="Cancel job").click()
    question = view.page.get_by_role("alertdialog")
    expect(question).to_contain_text(f"{site.name} ends what runs of job")
    question.get_by_label("Reason").fill("wrong plant")
    question.get_by_role("button", name="Cancel job").click()
    assert site.ended(job).state == JobState.CANCELLED
    expect(question).to_have_count(0)
    expect(view.dialog()).to_contain_text("cancelled")
    expect(view.dialog()).to_contain_text("wrong plant")
    wait_until(lambda: "sleep 3000" not in " ".join(site.host.command_lines()), what="the process is gone")
