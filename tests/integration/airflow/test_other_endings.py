"""What the scheduler is told of workloads that are no tasks."""

from __future__ import annotations

from airflow.models.callback import Callback, CallbackKey
from airflow.models.connection_test import ConnectionTestRequest
from airflow.utils.state import CallbackState, TaskInstanceState
from sqlalchemy import select

from edge_agent.protocol import JobState
from tests.support.scheduling_bed import SchedulingBed
from tests.support.workloads import add_callback, callback, connection_test

QUEUED, RUNNING = TaskInstanceState.QUEUED, TaskInstanceState.RUNNING


def test_a_callback_is_told_to_run_and_to_have_ended(bed: SchedulingBed):
    executor = bed.scheduler()
    workload = callback()
    with bed.session() as session:
        key = CallbackKey(workload.callback.id)
        add_callback(session, workload)
        executor.queue_workload(workload, session)
    (assignment,) = bed.start()

    assert bed.turn(executor)[key][0] == CallbackState.RUNNING
    assert executor.slots_occupied == 1
    bed.report(assignment, JobState.FAILED, exit_code=2)
    bed.turn(executor)

    with bed.session() as session:
        after = session.scalars(select(Callback)).one()
        assert (after.state, after.output) == (CallbackState.FAILED, "edge agent 'a1': exit code 2")
    assert (bed.turn(executor), executor.slots_occupied) == ({}, 0)
    assert bed.job().settled


def test_a_connection_test_that_cannot_end_says_why(bed: SchedulingBed):
    executor = bed.scheduler()
    workload = connection_test(queue="no such/queue")
    with bed.session() as session:
        request = ConnectionTestRequest(connection_id="c", conn_type="http")
        request.id, request.state = workload.connection_test_id, "queued"
        session.add(request)
        executor.queue_workload(workload, session)

    bed.turn(executor)

    with bed.session() as session:
        after = session.scalars(select(ConnectionTestRequest)).one()
        assert after.state == "failed"
        assert "no such/queue" in str(after.result_message)
        assert after.active_connection_id is None
    assert (bed.job().settled, executor.slots_occupied) == (True, 0)
