"""The scheduler's ear: each end is heard once, by its owner, at the cost of what changed."""

from __future__ import annotations

from uuid import uuid4

from airflow_plugin.queue import jobs
from airflow_plugin.queue.jobs import Workload
from edge_agent.protocol import JobState


def test_an_owner_hears_of_each_step_once_and_of_no_other_owners(queue):
    agent = queue.register(slots=9)
    mine, other = queue.put(JobState.SUCCEEDED, agent), queue.put(JobState.FAILED, agent, owner="2")
    queue.put(JobState.RUNNING, agent)
    assert [each.id for each in queue.heard("1")] == [mine.id]
    assert queue.heard("1") == []
    assert [each.id for each in queue.heard("2")] == [other.id]


def test_hearing_of_nothing_is_one_statement(queue):
    queue.put(JobState.RUNNING)
    with queue.database.recorded() as statements:
        assert queue.heard() == []
    assert len(statements) == 1


def test_what_is_heard_tells_everything_but_the_payload(queue):
    workload = Workload("ExecuteTask", uuid4(), "dag", "run", "task", -1, 2)
    job = queue.put(JobState.FAILED, workload=workload, payload={"large": True})
    (heard,) = queue.heard()
    assert (heard.id, heard.owner, heard.state, heard.reason) == (job.id, "1", "failed", "exit")
    assert (heard.dag_id, heard.run_id, heard.task_id, heard.map_index, heard.try_number) == (
        "dag",
        "run",
        "task",
        -1,
        2,
    )
    assert not hasattr(heard, "payload")


def test_more_steps_than_one_call_takes_come_with_the_next(queue):
    agent = queue.register(slots=9)
    ended = {queue.put(JobState.SUCCEEDED, agent).id for _ in range(5)}
    seen = []
    for _ in range(3):
        with queue.database.transaction() as session:
            seen.append([each.id for each in jobs.hear(session, "1", limit=2)])
    assert [len(each) for each in seen] == [2, 2, 1]
    assert {id_ for each in seen for id_ in each} == ended
