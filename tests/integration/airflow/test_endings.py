"""Ends of jobs reach the scheduler once, however it or its events die on the way."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagbag import DBDagBag
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, text, update

from airflow_plugin.models import JobRow
from airflow_plugin.queue import jobs
from edge_agent.protocol import EndReason, JobState
from tests.support.scheduling_bed import SchedulingBed

QUEUED, RUNNING = TaskInstanceState.QUEUED, TaskInstanceState.RUNNING


def test_a_task_that_ended_well_is_settled_when_its_end_is_known(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    assert bed.turn(executor) == {}
    bed.set(ti, TaskInstanceState.SUCCESS)
    bed.report(assignment, exit_code=0)

    ((_, (state, info)),) = bed.turn(executor).items()

    assert (state, info) == ("success", "edge agent 'a1': exit code 0")
    assert (bed.job().settled, executor.slots_occupied) == (True, 0)
    assert bed.turn(executor) == {}


@pytest.mark.parametrize("state", [QUEUED, RUNNING])
def test_a_failed_job_fails_its_task_with_the_reason_and_retries_count(bed: SchedulingBed, state: TaskInstanceState):
    (ti,) = bed.dag_run(retries=1)
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, state)
    bed.report(assignment, JobState.FAILED, EndReason.SIGNAL, signal=9, message="out of memory")

    bed.turn(executor)

    with bed.session() as session:
        after = session.scalars(select(TaskInstance)).one()
        audit = session.scalars(select(Log.extra).where(Log.event == "state mismatch")).one()
    assert after.state == TaskInstanceState.UP_FOR_RETRY
    assert "edge agent 'a1': signal 9: out of memory" in str(audit)


def test_a_job_nobody_took_in_time_fails_its_task_and_retries_count(bed: SchedulingBed):
    (ti,) = bed.dag_run(queue="nobody", executor_config={"edge_agent": {"queue_timeout": 0.001}})
    executor = bed.scheduler()
    bed.queue(executor, ti)
    with bed.session() as session:
        session.execute(update(JobRow).values(queue_deadline=JobRow.queued_at))
    with bed.session() as session:
        assert jobs.give_up_waiting(session) == 1

    ((_, info),) = bed.turn(executor).values()

    assert "queue_timeout" in info
    assert bed.state(ti) == TaskInstanceState.UP_FOR_RETRY


def test_an_event_that_was_lost_is_told_again(bed: SchedulingBed):
    """The scheduler died between two steps, or a locked task instance was skipped: nobody acted."""
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    bed.report(assignment, JobState.FAILED, exit_code=1)
    bed.heartbeat(executor)
    executor.event_buffer.clear()

    assert bed.heartbeat(executor, 3) == {}, "it has had no time to act yet"
    assert len(bed.turn(executor, 10)) == 1
    assert bed.state(ti) == "gone", "it failed, and its retry has another id"
    assert bed.turn(executor) == {}
    assert bed.job().settled


@pytest.mark.postgres
def test_a_locked_task_instance_is_told_of_again(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    bed.report(assignment, JobState.FAILED, exit_code=1)
    with bed.session() as somebody:
        if somebody.get_bind().dialect.name != "postgresql":
            pytest.skip("SQLite locks no rows")
        somebody.execute(select(TaskInstance.id).where(TaskInstance.id == ti).with_for_update())
        assert len(bed.turn(executor)) == 1
    assert bed.state(ti) == RUNNING

    bed.turn(executor)
    assert bed.state(ti) == "gone"


def test_two_schedulers_never_tell_of_the_same_end(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    mine, other = bed.scheduler(), bed.scheduler()
    bed.queue(mine, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    bed.report(assignment, JobState.FAILED, exit_code=1)

    assert (bed.heartbeat(other), len(bed.heartbeat(mine))) == ({}, 1)


def test_a_late_report_of_a_superseded_job_is_told_to_nobody(bed: SchedulingBed):
    """A task deferred, and its trigger fired before the first process had ended: the key is the same."""
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (first,) = bed.start()
    bed.set(ti, TaskInstanceState.DEFERRED)
    bed.set(ti, TaskInstanceState.SCHEDULED, next_method="execute_complete")
    bed.queue(executor, ti)
    bed.report(first, JobState.FAILED, exit_code=1)

    assert bed.turn(executor) == {}
    assert bed.state(ti) == QUEUED
    (second,) = bed.start()
    bed.set(ti, TaskInstanceState.SUCCESS)
    bed.report(second)
    assert [state for state, _ in bed.turn(executor).values()] == ["success"]
    bed.turn(executor)
    assert [job.settled for job in bed.jobs()] == [True, True]


@pytest.mark.parametrize("state", [TaskInstanceState.DEFERRED, TaskInstanceState.UP_FOR_RESCHEDULE])
def test_a_deferred_or_rescheduled_task_is_let_go_of_without_an_event(bed: SchedulingBed, state: TaskInstanceState):
    """An event that comes when the task waits to be queued again would fail it."""
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, state)
    bed.report(assignment)

    assert bed.turn(executor) == {}
    assert (bed.job().settled, executor.slots_occupied) == (True, 0)


def test_a_rescheduled_task_that_waits_to_be_queued_again_is_not_failed(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, TaskInstanceState.SCHEDULED)
    bed.report(assignment)

    assert bed.turn(executor) == {}
    assert bed.state(ti) == TaskInstanceState.SCHEDULED


@pytest.mark.parametrize("ending", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_a_task_cleared_while_it_ran_runs_anew_at_once_however_it_ended(bed: SchedulingBed, ending: JobState):
    (ti,) = bed.dag_run(retry_delay=3600)
    executor = bed.scheduler()
    bed.queue(executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    renewed = bed.clear(ti)
    assert bed.state(renewed) == TaskInstanceState.RESTARTING
    reason = EndReason.CANCELLED if ending is JobState.CANCELLED else EndReason.EXIT
    bed.report(assignment, ending, reason)

    bed.turn(executor)

    assert bed.state(renewed) is None
    bed.turn(executor)
    assert bed.job().settled


def test_a_job_of_a_newer_release_does_not_keep_others_from_being_told(
    bed: SchedulingBed, caplog: pytest.LogCaptureFixture
):
    ours, strange = bed.dag_run("a", "b")
    executor = bed.scheduler()
    bed.queue(executor, ours, strange)
    for assignment in bed.start():
        bed.report(assignment, JobState.FAILED, exit_code=1)
    with bed.session() as session:
        of_strange = update(JobRow).where(JobRow.workload_id == strange)
        session.execute(of_strange.values(workload_type="RunTrigger"))

    bed.turn(executor)

    assert "RunTrigger" in caplog.text
    assert bed.state(ours) == TaskInstanceState.UP_FOR_RETRY
    assert {job.workload_id: job.settled for job in bed.jobs()}[strange]
    assert bed.state(strange) == TaskInstanceState.UP_FOR_RETRY, "it must not wait for ever either"


def test_a_database_that_is_away_does_not_end_the_scheduler(bed: SchedulingBed, caplog: pytest.LogCaptureFixture):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    bed.report(bed.start()[0], JobState.FAILED, exit_code=1)
    with bed.session() as session:
        session.execute(text("ALTER TABLE edge_agent_job RENAME TO away"))
    assert bed.heartbeat(executor) == {}
    assert "Could not hear of ended jobs" in caplog.text
    with bed.session() as session:
        session.execute(text("ALTER TABLE away RENAME TO edge_agent_job"))

    assert len(bed.heartbeat(executor)) == 1


def test_what_could_not_be_committed_is_not_told(bed: SchedulingBed, monkeypatch: pytest.MonkeyPatch):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    bed.report(bed.start()[0], JobState.FAILED, exit_code=1)
    with bed.session() as session:
        forbid(session)
    assert bed.heartbeat(executor) == {}
    with bed.session() as session:
        allow(session)

    assert len(bed.heartbeat(executor)) == 1


def forbid(session: Any) -> None:
    """Let the database refuse that anything is marked as heard."""
    if session.get_bind().dialect.name == "sqlite":
        session.execute(
            text(
                "CREATE TRIGGER forbid BEFORE UPDATE OF notify ON edge_agent_job WHEN OLD.notify "
                "BEGIN SELECT RAISE(ABORT, 'not now'); END"
            )
        )
    else:
        session.execute(
            text("ALTER TABLE edge_agent_job ADD CONSTRAINT forbid CHECK (notify OR ended_at IS NULL) NOT VALID")
        )


def allow(session: Any) -> None:
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("DROP TRIGGER forbid"))
    else:
        session.execute(text("ALTER TABLE edge_agent_job DROP CONSTRAINT forbid"))


def test_sync_looks_at_the_database_no_more_often_than_it_is_told(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    bed.heartbeat(executor)
    bed.report(bed.start()[0], JobState.FAILED, exit_code=1)

    assert bed.heartbeat(executor, 0.1) == {}
    assert len(bed.heartbeat(executor, 0.2)) == 1


def test_an_executor_without_a_scheduler_tells_of_its_own_jobs(bed: SchedulingBed):
    """That is how ``dag.test`` uses one."""
    from airflow_plugin.executor import AgentExecutor

    (ti,) = bed.dag_run()
    executor = AgentExecutor(monotonic=bed.clock)
    executor.start()
    with bed.session() as session:
        bed.queue_in(session, executor, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    bed.report(assignment, JobState.FAILED, exit_code=1)
    bed.heartbeat(executor)
    with create_session() as session:
        SchedulerJobRunner.process_executor_events(
            executor=executor, job_id=None, scheduler_dag_bag=DBDagBag(), session=session
        )
    assert bed.state(ti) == "gone"
    executor.end()
    bed.turn(bed.scheduler())
    assert bed.job().settled
