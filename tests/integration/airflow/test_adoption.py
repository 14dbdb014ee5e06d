"""A scheduler dies with queued and running jobs: nothing is lost, and nothing runs twice."""

from __future__ import annotations

from uuid import UUID

import pytest
from airflow.jobs.job import Job, JobState
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.callback import CallbackKey
from airflow.utils.state import TaskInstanceState
from sqlalchemy import delete, update

from airflow_plugin import clock
from airflow_plugin.executor import AgentExecutor
from airflow_plugin.models import JobRow
from airflow_plugin.queue import jobs
from edge_agent.protocol import JobState as State
from tests.support.scheduling_bed import SchedulingBed, scheduler_of
from tests.support.workloads import add_callback, callback

QUEUED, RUNNING = TaskInstanceState.QUEUED, TaskInstanceState.RUNNING


def kill(bed: SchedulingBed, executor: AgentExecutor) -> None:
    """Let a scheduler have died long ago, as its heartbeat shows."""
    with bed.session() as session:
        session.execute(update(Job).where(Job.id == executor.job_id).values(latest_heartbeat=clock.in_seconds(-3600)))


def adopt(executor: AgentExecutor) -> int:
    """Let a scheduler do its own adoption; return how many task instances it reset."""
    job = Job(job_type="SchedulerJob")
    runner = SchedulerJobRunner(job=job, executors=[executor])
    job.id = scheduler_of(executor)
    return runner.adopt_or_reset_orphaned_tasks()


def restarted(bed: SchedulingBed, before: AgentExecutor) -> AgentExecutor:
    """Return the executor of the scheduler that comes after."""
    kill(bed, before)
    after = bed.scheduler()
    assert adopt(after) == 0
    return after


def test_queued_and_running_jobs_go_on_under_the_next_scheduler(bed: SchedulingBed):
    first, second = bed.dag_run("first", "second")
    dead = bed.scheduler()
    bed.queue(dead, first)
    (running,) = bed.start()
    bed.set(first, RUNNING)
    bed.queue(dead, second)

    executor = restarted(bed, dead)

    assert executor.slots_occupied == 2
    assert {job.owner for job in bed.jobs()} == {str(executor.job_id)}
    assert [bed.state(first), bed.state(second)] == [RUNNING, QUEUED]
    bed.set(first, TaskInstanceState.SUCCESS)
    bed.report(running)
    (queued,) = bed.start()
    bed.report(queued, State.FAILED, exit_code=1)
    assert len(bed.turn(executor)) == 2
    assert bed.state(second) == TaskInstanceState.UP_FOR_RETRY


@pytest.mark.parametrize("heard", [False, True])
def test_an_end_that_nobody_acted_on_is_told_by_the_next_scheduler(bed: SchedulingBed, heard: bool):
    (ti,) = bed.dag_run()
    dead = bed.scheduler()
    bed.queue(dead, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    bed.report(assignment, State.FAILED, exit_code=1)
    if heard:
        assert len(bed.heartbeat(dead)) == 1, "it heard, and died before it acted"

    executor = restarted(bed, dead)

    assert len(bed.turn(executor)) == 1
    assert bed.state(ti) == "gone"


def test_a_task_instance_without_a_job_is_queued_anew(bed: SchedulingBed):
    with_job, without = bed.dag_run("a", "b")
    dead = bed.scheduler()
    bed.queue(dead, with_job, without)
    with bed.session() as session:
        session.execute(delete(JobRow).where(JobRow.workload_id == without))
    kill(bed, dead)
    executor = bed.scheduler()

    assert adopt(executor) == 1
    assert [bed.state(with_job), bed.state(without)] == [QUEUED, "gone"]


def test_a_task_cleared_while_no_scheduler_was_there_is_adopted_by_its_key(bed: SchedulingBed):
    """Its id is new; were it not found, it could run anew while the process before it still runs."""
    (ti,) = bed.dag_run()
    dead = bed.scheduler()
    bed.queue(dead, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)
    renewed = bed.clear(ti)

    executor = restarted(bed, dead)
    bed.turn(executor, 2)
    assert bed.job().cancel_reason == "Its task instance was cleared."
    bed.report(assignment, State.CANCELLED, reason="cancelled")  # type: ignore[arg-type]  # Airflow reads it as one
    bed.turn(executor)
    assert bed.state(renewed) is None


def test_a_scheduler_that_was_only_slow_lets_go_of_what_was_adopted(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    slow = bed.scheduler()
    bed.queue(slow, ti)
    (assignment,) = bed.start()
    bed.set(ti, RUNNING)

    executor = restarted(bed, slow)
    bed.report(assignment, State.FAILED, exit_code=1)

    assert bed.heartbeat(slow) == {}
    assert slow.slots_occupied == 0
    assert len(bed.heartbeat(executor)) == 1


def test_adoption_is_undone_with_the_transaction_it_was_part_of(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    dead, executor = bed.scheduler(), None
    bed.queue(dead, ti)
    executor = bed.scheduler()
    with bed.session() as session:
        from airflow.models.taskinstance import TaskInstance

        assert executor.try_adopt_task_instances([session.get_one(TaskInstance, ti)]) == []
        session.rollback()

    assert bed.job().owner == str(dead.job_id)


def test_task_instances_that_no_session_holds_are_adopted(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    dead = bed.scheduler()
    bed.queue(dead, ti)
    executor = bed.scheduler()

    assert executor.try_adopt_task_instances([bed.ti(ti)]) == []  # type: ignore[list-item]  # Airflow reads it as one
    assert bed.job().owner == str(executor.job_id)
    assert executor.try_adopt_task_instances([]) == []


def dead_for_airflow(bed: SchedulingBed, executor: AgentExecutor) -> None:
    with bed.session() as session:
        session.execute(update(Job).where(Job.id == executor.job_id).values(state=JobState.FAILED))


def test_a_callback_of_a_dead_scheduler_is_taken_by_another(bed: SchedulingBed):
    """Airflow adopts task instances only."""
    dead = bed.scheduler()
    workload = callback()
    with bed.session() as session:
        add_callback(session, workload)
        dead.queue_workload(workload, session)
    (assignment,) = bed.start()
    bed.report(assignment)
    executor = bed.scheduler()
    assert bed.turn(executor) == {}, "its scheduler lives"
    dead_for_airflow(bed, dead)

    bed.turn(executor)
    assert bed.turn(executor)[CallbackKey(workload.callback.id)][0] == "success"
    bed.turn(executor)
    assert bed.job().settled


def test_a_job_of_a_dead_scheduler_that_nobody_waits_for_is_ended(bed: SchedulingBed):
    """Its Dag run ended: Airflow adopts only task instances of runs that run."""
    queued, running = bed.dag_run("a", "b")
    dead = bed.scheduler()
    bed.queue(dead, running)
    (assignment,) = bed.start()
    bed.queue(dead, queued)
    for ti in (queued, running):
        bed.set(ti, TaskInstanceState.FAILED)
    dead_for_airflow(bed, dead)
    executor = bed.scheduler()

    for _ in range(4):
        bed.turn(executor)

    by_id: dict[UUID | None, JobRow] = {job.workload_id: job for job in bed.jobs()}
    assert (by_id[queued].state, by_id[queued].settled) == (State.CANCELLED, True)
    assert by_id[running].cancel_requested_at is not None
    bed.report(assignment, State.CANCELLED, reason="cancelled")  # type: ignore[arg-type]  # Airflow reads it as one
    bed.turn(executor)
    assert all(job.settled for job in bed.jobs())


def test_a_job_of_a_dead_scheduler_whose_task_waits_is_left_to_airflows_adoption(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    dead = bed.scheduler()
    bed.queue(dead, ti)
    dead_for_airflow(bed, dead)

    bed.turn(bed.scheduler())

    assert bed.job().owner == str(dead.job_id)


def test_a_job_whose_task_was_adopted_without_it_follows(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    dead, heir, third = bed.scheduler(), bed.scheduler(), bed.scheduler()
    bed.queue(dead, ti)
    bed.set(ti, QUEUED, queued_by_job_id=heir.job_id)
    dead_for_airflow(bed, dead)

    bed.turn(third)

    assert bed.job().owner == str(heir.job_id)


def test_what_a_process_without_a_scheduler_left_is_settled_after_a_day(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    gone = AgentExecutor(monotonic=bed.clock)
    with bed.session() as session:
        bed.queue_in(session, gone, ti)
    with bed.session() as session:
        jobs.cancel(session, [bed.job().id], "over")
        session.execute(update(JobRow).values(ended_at=clock.in_seconds(-90_000)))
    executor = bed.scheduler()

    for _ in range(2):
        bed.turn(executor)

    assert bed.job().settled


def test_teams_do_not_take_each_others_jobs(bed: SchedulingBed):
    dead = bed.scheduler(team_name="blue")
    with bed.session() as session:
        dead.queue_workload(callback(), session)
    dead_for_airflow(bed, dead)

    bed.turn(bed.scheduler(team_name="red"))
    assert bed.job().owner == f"{dead.job_id}/blue"
    blue = bed.scheduler(team_name="blue")
    bed.turn(blue)
    assert bed.job().owner == str(blue.owner)
