"""What a user does to a task instance reaches its job, although Airflow tells executors nothing of it."""

from __future__ import annotations

import pytest
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, update

from airflow_plugin.config import QueueConfig
from airflow_plugin.executor import AgentExecutor
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import ownership
from airflow_plugin.queue.reaper import Reaper
from airflow_plugin.scheduling.owners import Owner
from edge_agent.protocol import AgentState, EndReason, JobState
from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import callback

RUNNING, SUCCESS, FAILED = TaskInstanceState.RUNNING, TaskInstanceState.SUCCESS, TaskInstanceState.FAILED
GRACE = 31.0
"""More than [core] task_success_overtime (20 s by default) and ten seconds."""


def queued(bed: SchedulingBed) -> tuple[AgentExecutor, TaskInstance]:
    """Queue a task instance."""
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    found = bed.ti(ti)
    assert found is not None
    return executor, found


def running(bed: SchedulingBed) -> tuple[AgentExecutor, TaskInstance]:
    """Queue one, and let the agent start it."""
    executor, ti = queued(bed)
    bed.start()
    bed.set(ti.id, RUNNING)
    bed.heartbeat(executor)
    return executor, ti


def test_a_queued_job_is_withdrawn_when_its_task_is_cleared(bed: SchedulingBed):
    executor, ti = queued(bed)
    renewed = bed.clear(ti.id)
    assert bed.turn(executor) == {}
    assert bed.job().state == JobState.CANCELLED
    assert bed.turn(executor) == {}
    assert (bed.state(renewed), bed.job().settled, executor.slots_occupied) == (None, True, 0)


@pytest.mark.parametrize("marked", [SUCCESS, FAILED, TaskInstanceState.SKIPPED])
def test_a_queued_job_is_withdrawn_when_its_task_is_marked(bed: SchedulingBed, marked: TaskInstanceState):
    executor, ti = queued(bed)
    bed.set(ti.id, marked)
    bed.turn(executor)
    assert bed.job().state == JobState.CANCELLED
    bed.turn(executor)
    assert (bed.state(ti.id), bed.job().settled) == (marked, True)


def test_a_queued_job_is_withdrawn_when_its_task_is_deleted(bed: SchedulingBed):
    executor, ti = queued(bed)
    bed.delete(ti.id)
    bed.turn(executor)
    assert (bed.job().state, bed.job().message) == (JobState.CANCELLED, "Its task instance was deleted.")
    bed.turn(executor)
    assert (bed.job().settled, executor.slots_occupied) == (True, 0)


def test_an_offer_is_withdrawn_too(bed: SchedulingBed):
    executor, ti = queued(bed)
    (assignment,) = bed.offer()
    bed.set(ti.id, FAILED)
    bed.turn(executor)
    assert bed.confirm([assignment]) == []
    assert bed.job().state == JobState.CANCELLED


def test_a_running_job_is_cancelled_at_once_when_its_task_is_cleared(bed: SchedulingBed):
    executor, ti = running(bed)
    renewed = bed.clear(ti.id)

    bed.turn(executor, 2)

    job = bed.job()
    assert (job.state, job.cancel_reason) == (JobState.RUNNING, "Its task instance was cleared.")
    with bed.session() as session:
        assert session.scalars(select(AgentRow.nudged)).one(), "the agent is to hear of it at once"
    bed.report(job.assignment_id, JobState.CANCELLED, reason="cancelled")  # type: ignore[arg-type]  # Airflow reads it as one
    bed.turn(executor)
    assert bed.state(renewed) is None, "it is scheduled anew at once"


def test_a_running_job_is_cancelled_at_once_when_its_task_is_deleted(bed: SchedulingBed):
    executor, ti = running(bed)
    bed.delete(ti.id)
    bed.turn(executor, 2)
    assert bed.job().cancel_reason == "Its task instance was deleted."


@pytest.mark.parametrize(
    "state", [SUCCESS, FAILED, TaskInstanceState.DEFERRED, TaskInstanceState.UP_FOR_RESCHEDULE, None]
)
def test_a_running_job_whose_task_has_ended_is_given_time_for_its_callbacks(
    bed: SchedulingBed, state: TaskInstanceState | None
):
    executor, ti = running(bed)
    bed.set(ti.id, state)

    bed.turn(executor, 2)
    bed.turn(executor, GRACE - 4)
    assert bed.job().cancel_requested_at is None
    bed.turn(executor, 4)
    assert bed.job().cancel_requested_at is not None


def test_a_running_job_whose_task_goes_to_its_next_try_is_given_that_time_too(bed: SchedulingBed):
    executor, ti = running(bed)
    bed.retry(ti.id)

    bed.turn(executor, 2)
    assert bed.job().cancel_requested_at is None
    bed.turn(executor, GRACE)
    assert bed.job().cancel_requested_at is not None


def test_a_job_that_runs_as_it_should_is_left_alone(bed: SchedulingBed):
    executor, _ = running(bed)
    for _ in range(5):
        assert bed.turn(executor) == {}
    assert (bed.job().state, bed.job().cancel_requested_at) == (JobState.RUNNING, None)
    assert executor.slots_occupied == 1


def test_a_job_that_was_confirmed_and_has_not_started_yet_is_left_alone(bed: SchedulingBed):
    executor, _ = queued(bed)
    bed.start()
    bed.turn(executor)
    assert bed.job().cancel_requested_at is None


def test_a_superseded_job_that_goes_on_is_cancelled_after_the_grace_and_settled(bed: SchedulingBed):
    executor, ti = running(bed)
    bed.set(ti.id, TaskInstanceState.SCHEDULED, next_method="go_on")
    bed.queue(executor, ti.id)

    bed.turn(executor, 2)
    assert bed.jobs()[0].cancel_requested_at is None, "its process is about to end"
    bed.turn(executor, GRACE)
    first, second = bed.jobs()
    assert (first.cancel_requested_at is not None, second.cancel_requested_at) == (True, None)
    bed.report(first.assignment_id, JobState.CANCELLED, reason="cancelled")  # type: ignore[arg-type]  # Airflow reads it as one
    assert bed.turn(executor) == {}
    assert [job.settled for job in bed.jobs()] == [True, False]


def test_a_job_ends_with_the_scheduler_that_has_its_task_instance(bed: SchedulingBed):
    """It was adopted without its job: only that scheduler may end it."""
    executor, ti = running(bed)
    other = bed.scheduler()
    bed.set(ti.id, RUNNING, queued_by_job_id=other.job_id)
    bed.report(bed.job().assignment_id, JobState.FAILED, exit_code=1)  # type: ignore[arg-type]  # Airflow reads it as one

    assert bed.turn(executor) == {}
    assert (bed.job().owner, executor.slots_occupied) == (str(other.job_id), 0)
    assert len(bed.turn(other)) == 1
    assert bed.state(ti.id) == "gone"


def test_a_slice_is_bounded_and_the_next_goes_on_behind_it(bed: SchedulingBed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("airflow_plugin.scheduling.reconciliation.SLICE", 2)
    tis = bed.dag_run(*(f"t{number}" for number in range(5)))
    executor = bed.scheduler()
    bed.queue(executor, *tis)
    bed.start()
    bed.delete(tis[0])  # The run, and all of them with it.

    asked = []
    for _ in range(3):
        bed.turn(executor, 3)
        asked.append(sum(job.cancel_requested_at is not None for job in bed.jobs()))

    assert asked == [2, 4, 5]


def test_a_slot_is_given_back_when_another_scheduler_has_taken_the_job(bed: SchedulingBed):
    executor, _ = running(bed)
    other = bed.scheduler()
    with bed.session() as session:
        ownership.take_over(session, [bed.job().id], since=str(executor.job_id), to=str(other.job_id))

    assert bed.turn(executor) == {}
    assert executor.slots_occupied == 0


def test_the_grace_is_a_setting_of_airflows(bed: SchedulingBed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW__CORE__TASK_SUCCESS_OVERTIME", "100")
    executor, ti = running(bed)
    bed.set(ti.id, SUCCESS)
    bed.turn(executor, 2)
    bed.turn(executor, 100)
    assert bed.job().cancel_requested_at is None
    bed.turn(executor, 20)
    assert bed.job().cancel_requested_at is not None


def test_a_job_that_waits_for_its_lost_agent_ends_once_airflow_has_given_its_task_up(bed: SchedulingBed):
    """As it does after [scheduler] task_instance_heartbeat_timeout. The agent cannot be told to end it."""
    (ti,) = bed.dag_run(executor_config={"edge_agent": {"on_agent_lost": "wait"}})
    executor = bed.scheduler()
    bed.queue(executor, ti)
    bed.start()
    bed.set(ti, RUNNING)
    with bed.session() as session:
        session.execute(update(AgentRow).values(state=AgentState.LOST))
        assert not Reaper(QueueConfig()).run_once(session).anything
    again = bed.retry(ti)
    bed.turn(executor, 2)
    bed.turn(executor, GRACE)

    with bed.session() as session:
        assert Reaper(QueueConfig()).run_once(session).failed == 1

    assert (bed.job().state, bed.job().reason) == (JobState.FAILED, EndReason.AGENT_LOST)
    assert bed.turn(executor) == {}
    assert (bed.job().settled, bed.state(again)) == (True, TaskInstanceState.UP_FOR_RETRY)


def test_a_callback_that_is_gone_takes_its_job_with_it(bed: SchedulingBed):
    executor = bed.scheduler()
    with bed.session() as session:
        executor.queue_workload(callback(), session)  # There is no such row in Airflow's table.
    bed.turn(executor)
    assert bed.job().state == JobState.CANCELLED


def test_owners_of_teams_and_of_processes_are_told_apart():
    assert str(Owner(7, "blue")) == "7/blue"
    assert str(Owner(7, "blue").of(8)) == "8/blue"
    assert str(Owner(None, None, "process-1")) == "process-1"
