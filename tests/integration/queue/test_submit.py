"""Submitting: what stands in the table afterwards, and where in the order."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from sqlalchemy import select

from airflow_plugin import clock
from airflow_plugin.config import QueueConfig
from airflow_plugin.queue.jobs import Workload
from edge_agent.protocol import EndReason, JobState, RunnerName
from tests.support.queue_bed import QueueBed


def test_a_job_waits_in_the_queue_with_all_that_was_said_about_it(queue):
    workload = Workload("ExecuteTask", uuid4(), "dag", "run", "task", 3, 2)
    id_ = queue.submit(
        queue="gpu",
        team="blue",
        requires={"gpu": True, "memory": 64.5, "python": ">=3.11"},
        payload={"a": [1, {"b": None}]},
        label="dag.task",
        slots=2,
        priority_weight=5,
        runner=RunnerName.TMUX,
        queue_timeout_seconds=60,
        workload=workload,
    )
    row = queue.job(id_)
    assert (row.state, row.reason, row.queue, row.team_name) == (JobState.QUEUED, None, "gpu", "blue")
    assert row.requires == {"gpu": True, "memory": 64.5, "python": ">=3.11"}
    assert json.loads(row.payload) == {"a": [1, {"b": None}]}
    assert (row.label, row.slots, row.priority_weight, row.runner) == ("dag.task", 2, 5, "tmux")
    assert (row.queue_deadline - row.queued_at).total_seconds() == pytest.approx(60, abs=0.5)
    key = (row.dag_id, row.run_id, row.task_id, row.map_index, row.try_number)
    assert key == ("dag", "run", "task", 3, 2)
    assert (row.workload_type, row.workload_id) == (workload.type, workload.id)
    assert (row.owner, row.notify, row.settled) == ("1", False, False)


def test_a_job_of_nobody_is_settled_from_the_start(queue):
    """Nobody has to hear of its end, so that nothing keeps it from being purged."""
    assert queue.job(queue.submit(owner=None)).settled


def test_without_a_timeout_a_job_waits_for_ever(queue):
    assert queue.job(queue.submit()).queue_deadline is None


def test_long_ids_a_large_payload_and_odd_characters_come_back_whole(queue):
    ids = "d" * 250, "r" * 250, "t" * 250
    payload = {"text": "ä\u0000€😀\n" * 40_000}
    row = queue.job(queue.submit(payload=payload, workload=Workload("ExecuteTask", uuid4(), *ids)))
    assert (row.dag_id, row.run_id, row.task_id) == ids
    assert json.loads(row.payload) == payload


def test_a_label_is_cut_to_its_column(queue):
    assert queue.job(queue.submit(label="x" * 2000)).label == "x" * 800


def test_a_rejected_job_ends_at_once_and_its_owner_hears_why(queue):
    id_ = queue.submit(rejection="requires: no such thing")
    row = queue.job(id_)
    assert (row.state, row.reason, row.message) == (
        JobState.FAILED,
        EndReason.REJECTED,
        "requires: no such thing",
    )
    assert [each.id for each in queue.heard()] == [id_]


CONFIG = QueueConfig(priority_step_seconds=10, priority_head_start_seconds=100)


@pytest.mark.parametrize(
    ("weight", "head_start"), [(0, 0), (1, 10), (-3, -30), (10, 100), (11, 100), (2**31, 100), (-(2**31), -100)]
)
def test_the_rank_is_the_time_of_queueing_less_a_bounded_head_start(database, weight, head_start):
    queue = QueueBed(database, CONFIG)
    plain, weighted = queue.job(queue.submit()), queue.job(queue.submit(priority_weight=weight))
    between = (weighted.queued_at - plain.queued_at).total_seconds()
    assert weighted.rank - plain.rank == pytest.approx(between - head_start, abs=0.01)


def test_the_rank_is_a_time_of_the_databases_clock(queue):
    with queue.database.transaction() as session:
        now = session.scalar(select(clock.epoch()))
    assert queue.job(queue.submit()).rank == pytest.approx(now, abs=2)
