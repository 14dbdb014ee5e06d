"""Whatever happens to an answer on its way: each job runs once, is reported once, and its log is whole."""

from __future__ import annotations

from edge_agent.protocol import JobState
from tests.integration.agent.steps import attempts, ended, forgotten, met, registered
from tests.support.waiting import wait_until


def test_a_lost_offer_comes_back_and_runs_once(queue, agent, tmp_path):
    queue.limits = queue.limits.model_copy(update={"offer_seconds": 0.5})
    fault = queue.fault("poll", "drop")
    job = queue.submit(f"echo x >> {tmp_path / 'runs'}")
    ended(job)
    assert fault.met == 1
    assert job.offers == 2
    assert (tmp_path / "runs").read_text() == "x\n"


def test_a_confirm_whose_answer_was_lost_is_asked_again_and_starts_one_process(queue, agent, tmp_path):
    fault = queue.fault("confirm", "drop", times=3)
    job = queue.submit(f"echo x >> {tmp_path / 'runs'}")
    ended(job)
    assert fault.met == 3
    assert job.offers == 1
    assert (tmp_path / "runs").read_text() == "x\n"


def test_an_offer_withdrawn_before_the_confirm_leaves_nothing_behind(queue, agent):
    fault = queue.fault("confirm", "status", times=None)
    job = queue.submit("echo never")
    met(fault)
    queue.cancel(job)
    fault.times = 0
    forgotten(agent)
    assert job.state is JobState.CANCELLED
    assert not job.log


def test_a_session_that_ends_while_a_confirm_is_unanswered_puts_the_job_back(queue, agent, tmp_path):
    """Nobody will ever tell whether it was confirmed; the agent says that it never started."""
    fault = queue.fault("confirm", "drop", times=None)
    job = queue.submit(f"echo x >> {tmp_path / 'runs'}")
    met(fault)
    first = job.assignment_id
    queue.end_session()
    fault.times = 0
    registered(queue, 2)
    assert queue.registrations[1].never_started == (first,)
    ended(job)
    assert job.offers == 2
    assert (tmp_path / "runs").read_text() == "x\n"


def test_an_answer_to_a_confirm_that_comes_when_its_session_is_over_starts_nothing(queue, agent, tmp_path):
    """By then the job may be another's: a silent agent is taken for lost, and its jobs are given to others."""
    fault = queue.fault("confirm", "delay")
    job = queue.submit(f"echo x >> {tmp_path / 'runs'}")
    met(fault)
    first = job.assignment_id
    queue.end_session()
    wait_until(lambda: "The session has ended" in agent.output(), what="the agent knows")
    fault.end()
    registered(queue, 2)
    assert queue.registrations[1].never_started == (first,)
    assert first not in queue.registrations[1].held
    ended(job)
    assert job.offers == 2
    assert (tmp_path / "runs").read_text() == "x\n"


def test_a_report_whose_answer_was_lost_is_repeated_and_accepted(queue, agent):
    fault = queue.fault("report", "drop", times=2)
    job = queue.submit("true")
    wait_until(lambda: job.reports == 3, what="the report comes three times")
    forgotten(agent)
    assert (fault.met, job.state) == (2, JobState.SUCCEEDED)


def test_a_late_report_is_refused_and_the_attempt_dropped(queue, agent):
    fault = queue.fault("report", "status", times=None)
    job = queue.submit("true")
    met(fault)
    with queue.changed:
        job.step("lose", JobState.FAILED)
    fault.times = 0
    forgotten(agent)
    assert job.ending is None


def test_an_ending_the_server_cannot_read_is_kept_and_holds_up_no_other(queue, agent):
    fault = queue.fault("report", "status", times=None)
    jobs = [queue.submit("true", label=label) for label in ("a", "unreadable", "b", "c")]
    met(fault)
    queue.unreadable = {job.assignment_id for job in jobs if job.label == "unreadable"}
    wait_until(lambda: agent.output().count("assignment_ended"), until=lambda n: n == 4, what="all end")
    fault.times = 0
    for job in jobs:
        if job.label != "unreadable":
            ended(job)
    wait_until(lambda: len(attempts(agent)), until=lambda left: left == 1, what="one attempt is left")
    assert attempts(agent)[0].name in {str(each) for each in queue.unreadable}
    wait_until(lambda: "report_unreadable" in agent.output(), what="the agent says so, as it may be reported last")
