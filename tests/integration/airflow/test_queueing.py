"""Workloads become jobs in the scheduler's own transaction, and never break it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select, text

from airflow_plugin.models import JobRow
from edge_agent.protocol import EndReason, JobState, RunnerName
from tests.support.scheduling_bed import QUEUE, SchedulingBed
from tests.support.workloads import callback, connection_test, workload_of


def test_a_job_is_queued_with_its_task_instance_or_not_at_all(bed: SchedulingBed):
    first, second = bed.dag_run("first", "second")
    executor = bed.scheduler()

    bed.queue(executor, first)
    with bed.session() as session:
        bed.queue_in(session, executor, second)
        session.rollback()

    assert [job.workload_id for job in bed.jobs()] == [first]
    assert bed.state(second) == TaskInstanceState.SCHEDULED


def test_a_workload_whose_transaction_was_rolled_back_gives_its_slot_back(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    with bed.session() as session:
        bed.queue_in(session, executor, ti)
        session.rollback()
    assert executor.slots_occupied == 1

    events = bed.turn(executor)

    assert (events, executor.slots_occupied) == ({}, 0)
    assert bed.state(ti) == TaskInstanceState.SCHEDULED


def test_a_rollback_gives_an_earlier_job_back_its_owner(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    with bed.session() as session:
        bed.queue_in(session, executor, ti)
        session.rollback()

    assert bed.job().owner == str(executor.job_id)


def test_what_a_job_is(bed: SchedulingBed):
    (ti,) = bed.dag_run(
        pool_slots=3,
        priority_weight=7,
        executor_config={"edge_agent": {"requires": {"os": "linux"}, "runner": "tmux", "queue_timeout": 5}},
    )
    executor = bed.scheduler()
    bed.queue(executor, ti)

    job = bed.job()
    assert job.requires == {"os": "linux", "kind.task": True, "runner.tmux": True}
    assert (job.queue, job.slots, job.priority_weight, job.runner) == (QUEUE, 3, 7, RunnerName.TMUX)
    assert job.queue_deadline is not None
    assert (job.queue_deadline - job.queued_at).total_seconds() == pytest.approx(5, abs=0.1)
    assert (job.owner, job.settled, job.notify) == (str(executor.job_id), False, False)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({}, None),
        ({"on_agent_lost": "fail"}, None),
        ({"on_agent_lost": "wait", "wait_seconds": 600}, 600),
        ({"on_agent_lost": "wait"}, 86_400),
    ],
)
def test_a_task_waits_for_a_lost_agent_for_as_long_as_it_asks_or_as_the_site_allows(
    bed: SchedulingBed, asked: dict[str, Any], seconds: float | None
):
    (ti,) = bed.dag_run(executor_config={"edge_agent": asked})
    bed.queue(bed.scheduler(), ti)
    assert bed.job().lost_wait_seconds == seconds


def test_a_token_is_never_stored(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    bed.queue(bed.scheduler(), ti)

    payload = json.loads(bed.job().payload)
    assert payload["workload"]["ti"]["id"] == str(ti)
    assert payload["log_path"].startswith("dag_id=")
    assert "token" not in payload["workload"]
    assert "run_as_user" not in payload
    assert "planted-token" not in bed.job().payload


def test_the_user_that_a_task_asks_for_is_told_to_its_host(bed: SchedulingBed):
    (ti,) = bed.dag_run(executor_config={"edge_agent": {"run_as_user": "etl"}})
    bed.queue(bed.scheduler(), ti)
    assert json.loads(bed.job().payload)["run_as_user"] == "etl"


def test_ids_of_250_characters(bed: SchedulingBed):
    dag_id, run_id, task_id = "d" * 250, "r" * 250, "t" * 250
    (ti,) = bed.dag_run(task_id, dag_id=dag_id, run_id=run_id)
    executor = bed.scheduler()
    bed.queue(executor, ti)

    (assignment,) = bed.start()
    bed.report(assignment, JobState.FAILED, exit_code=1)
    (key,) = bed.turn(executor)

    assert (key.dag_id, key.run_id, key.task_id) == (dag_id, run_id, task_id)


def test_a_payload_of_200_kilobytes(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    large = "x" * 200_000
    with bed.session() as session:
        session.get_one(TaskInstance, ti).context_carrier = {"traceparent": large}
    bed.queue(bed.scheduler(), ti)

    payload = json.loads(bed.job().payload)
    assert payload["workload"]["ti"]["context_carrier"]["traceparent"] == large


@pytest.mark.parametrize(
    ("executor_config", "said"),
    [
        ({"edge-agent": {}}, "'edge-agent'"),
        ({"edge_agent": {"require": {}}}, "'require'"),
        ({"edge_agent": {"slots": 0}}, "slots is 0"),
        ({"edge_agent": {"runner": "docker"}}, "'docker'"),
        (
            {"edge_agent": {"on_agent_lost": "wait", "wait_seconds": 90_000}},
            "wait_seconds is 90000; this site allows at most 86400 ([edge_agent] lost_wait_seconds)",
        ),
        ({"edge_agent": {"requires": {"gpu": ["a100"]}}}, "'gpu'"),
    ],
)
def test_a_bad_executor_config_fails_the_task_with_its_reason_and_counts_a_retry(
    bed: SchedulingBed, executor_config: dict[str, Any], said: str
):
    (ti,) = bed.dag_run(executor_config=executor_config)
    executor = bed.scheduler()
    bed.queue(executor, ti)
    assert (bed.job().state, bed.job().reason) == (JobState.FAILED, EndReason.REJECTED)

    bed.turn(executor)

    assert bed.state(ti) == TaskInstanceState.UP_FOR_RETRY
    with bed.session() as session:
        audit = session.scalars(select(Log.extra).where(Log.event == "state mismatch")).one()
    assert said in str(audit)
    assert "Nothing was started" in str(audit)


def test_a_queue_no_agent_can_serve_fails_the_task(bed: SchedulingBed):
    (ti,) = bed.dag_run(queue="on prem/" + "x" * 200)
    executor = bed.scheduler()
    bed.queue(executor, ti)

    ((_, info),) = bed.turn(executor).values()

    assert "on prem/" in info
    assert bed.state(ti) == TaskInstanceState.UP_FOR_RETRY


def test_a_statement_that_fails_neither_raises_nor_poisons_the_transaction(
    bed: SchedulingBed, caplog: pytest.LogCaptureFixture
):
    """The queue's table is away for a moment. What else the scheduler does in this transaction stands."""
    ours, other = bed.dag_run("a", "b")
    executor = bed.scheduler()
    with bed.session() as session:
        session.execute(text("ALTER TABLE edge_agent_job RENAME TO away"))
    with bed.session() as session:
        session.get_one(TaskInstance, other).hostname = "changed"
        bed.queue_in(session, executor, ours)
    with bed.session() as session:
        session.execute(text("ALTER TABLE away RENAME TO edge_agent_job"))

    assert "Could not queue" in caplog.text
    after = bed.ti(other)
    assert after is not None
    assert (after.hostname, bed.state(ours)) == ("changed", TaskInstanceState.QUEUED)


def test_a_workload_that_could_not_be_stored_is_failed_until_airflow_has_acted(bed: SchedulingBed):
    """Not at once: had the transaction been rolled back, the event would fail a task that only waits."""
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    with bed.session() as session:
        session.execute(text("ALTER TABLE edge_agent_job RENAME TO away"))
    bed.queue(executor, ti)
    with bed.session() as session:
        session.execute(text("ALTER TABLE away RENAME TO edge_agent_job"))
    assert bed.turn(executor, 20) == {}

    ((_, info),) = bed.heartbeat(executor, 20).values()
    assert "its job is not in the queue of the edge agents" in info
    executor.event_buffer.clear()  # it was lost
    bed.turn(executor)
    assert bed.state(ti) == TaskInstanceState.UP_FOR_RETRY
    assert (bed.turn(executor), executor.slots_occupied) == ({}, 0)


def test_a_workload_of_an_unknown_type_fails_by_an_event(bed: SchedulingBed):
    executor = bed.scheduler()
    strange = SimpleNamespace(key="some key", failure_state="failed")
    with bed.session() as session:
        executor.queue_workload(strange, session)

    state, info = executor.event_buffer["some key"]  # type: ignore[index]  # it is no key of Airflow's
    assert state == "failed"
    assert "SimpleNamespace" in info


def test_a_workload_of_an_unknown_type_without_a_key_is_only_logged(
    bed: SchedulingBed, caplog: pytest.LogCaptureFixture
):
    executor = bed.scheduler()
    with bed.session() as session:
        executor.queue_workload(object(), session)

    assert executor.event_buffer == {}
    assert "a workload of type object cannot run on edge agents" in caplog.text


def test_callbacks_and_connection_tests_go_to_the_default_queue_before_any_task(bed: SchedulingBed):
    (ti,) = bed.dag_run(priority_weight=300, queue="default")
    executor = bed.scheduler()
    bed.queue(executor, ti)
    with bed.session() as session:
        executor.queue_workload(callback(), session)
        executor.queue_workload(connection_test(), session)
        executor.queue_workload(connection_test(queue="elsewhere"), session)

    jobs = sorted(bed.jobs(), key=lambda job: (job.rank, job.id))
    assert [job.workload_type for job in jobs][-1] == "ExecuteTask"
    assert sorted(job.queue for job in jobs) == ["default", "default", "default", "elsewhere"]
    assert [job.runner for job in jobs] == ["local"] * 3 + ["default"]
    assert not any("planted-token" in job.payload for job in jobs)
    assert executor.slots_occupied == 4


def test_a_callback_alone_in_a_transaction_is_rolled_back_with_it(bed: SchedulingBed):
    """SQLite's driver would take the savepoint for the transaction itself, and its release for a commit."""
    executor = bed.scheduler()
    with bed.session() as session:
        executor.queue_workload(callback(), session)
        session.rollback()

    assert bed.jobs() == []


def test_queueing_again_takes_the_earlier_job_from_its_owner(bed: SchedulingBed):
    """A deferred task that goes on has the same id and the same key."""
    (ti,) = bed.dag_run()
    executor = bed.scheduler()
    bed.queue(executor, ti)
    bed.queue(executor, ti)

    earlier, current = bed.jobs()
    assert (earlier.state, earlier.owner, earlier.notify) == (JobState.CANCELLED, None, False)
    assert (current.state, current.owner) == (JobState.QUEUED, str(executor.job_id))
    assert executor.slots_occupied == 1


def test_the_same_workload_may_be_queued_by_executors_of_two_teams(bed: SchedulingBed):
    (ti,) = bed.dag_run()
    executor = bed.scheduler(team_name="blue")
    bed.queue(executor, ti)

    job = bed.job()
    assert (job.team_name, job.owner) == ("blue", f"{executor.job_id}/blue")


def test_a_workload_is_known_to_the_executor_that_queued_it(bed: SchedulingBed):
    queued, not_queued = bed.dag_run("a", "b")
    executor = bed.scheduler()
    bed.queue(executor, queued)

    assert [executor.has_task(bed.ti(each)) for each in (queued, not_queued)] == [True, False]  # type: ignore[arg-type]  # Airflow reads it as one
    with bed.session() as session:
        assert workload_of(session.get_one(TaskInstance, queued)).key in executor.running
    assert isinstance(bed.job(), JobRow)
