"""What the tables refuse, whatever a statement says: the last guard of the invariants."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from airflow_plugin import clock
from airflow_plugin.models import AgentRow, Base, JobRow, LogRow, TokenRow
from edge_agent.protocol import JobState

JOB_CONTRADICTIONS: dict[str, tuple[JobState, dict[str, Any]]] = {
    "a state nobody knows": (JobState.QUEUED, {"state": "resting"}),
    "no slot at all": (JobState.QUEUED, {"slots": 0}),
    "queued, and still somebody's": (JobState.QUEUED, {"assignment_id": uuid4()}),
    "queued, and at its end": (JobState.QUEUED, {"ended_at": clock.now(), "reason": "exit"}),
    "offered to no assignment": (JobState.OFFERED, {"assignment_id": None}),
    "offered to no session": (JobState.OFFERED, {"session_id": None}),
    "offered to no agent": (JobState.OFFERED, {"agent_name": None}),
    "running in no assignment": (JobState.RUNNING, {"assignment_id": None}),
    "running in no session": (JobState.RUNNING, {"session_id": None}),
    "running on no agent": (JobState.RUNNING, {"agent_name": None}),
    "running, with a reason for its end": (JobState.RUNNING, {"reason": "exit"}),
    "running, with the time of its end": (JobState.RUNNING, {"ended_at": clock.now()}),
    "ended without a reason": (JobState.FAILED, {"reason": None}),
    "ended at no time": (JobState.SUCCEEDED, {"ended_at": None}),
}

AGENT_CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "a state nobody knows": {"state": "asleep"},
    "connected without a session": {"session_id": None},
}


@pytest.mark.parametrize("contradiction", JOB_CONTRADICTIONS)
def test_a_job_cannot_be(queue, contradiction):
    state, values = JOB_CONTRADICTIONS[contradiction]
    job = queue.put(state)
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.id == job.id).values(**values))


@pytest.mark.parametrize("contradiction", AGENT_CONTRADICTIONS)
def test_an_agent_cannot_have(queue, contradiction):
    queue.register()
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(update(AgentRow).values(**AGENT_CONTRADICTIONS[contradiction]))


def test_a_token_cannot_be_of_a_kind_nobody_knows(queue):
    queue.token()
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(update(TokenRow).values(kind="master"))


def test_every_check_of_the_models_is_tried_here():
    """A new constraint needs a row above that it refuses."""
    checks = {
        constraint.name
        for table in Base.metadata.sorted_tables
        for constraint in table.constraints
        if str(constraint.name).startswith("ck_")
    }
    assert checks == {
        "ck_edge_agent_state_known",
        "ck_edge_agent_connected_has_session",
        "ck_edge_agent_job_state_known",
        "ck_edge_agent_job_slots_positive",
        "ck_edge_agent_job_queued_is_free",
        "ck_edge_agent_job_held_has_holder",
        "ck_edge_agent_job_ended_has_reason",
        "ck_edge_agent_token_kind_known",
    }


def test_two_jobs_cannot_share_an_assignment(queue):
    agent = queue.register()
    first, second = queue.put(JobState.RUNNING, agent), queue.put(JobState.RUNNING, agent)
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(update(JobRow).where(JobRow.id == second.id).values(assignment_id=first.assignment))


def test_two_agents_cannot_share_a_session(queue):
    first, _ = queue.register("a1"), queue.register("a2")
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(update(AgentRow).where(AgentRow.name == "a2").values(session_id=first.session_id))


def test_two_tokens_cannot_share_a_name(queue):
    row = queue.token()
    same = {column.name: getattr(row, column.name) for column in TokenRow.__table__.columns}
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(insert(TokenRow).values(**same | {"id": uuid4()}))


def chunk(job_id: Any, assignment: Any) -> dict[str, Any]:
    return {
        "assignment_id": assignment,
        "start_offset": 0,
        "job_id": job_id,
        "written_at": clock.now(),
        "data": b"x",
    }


def test_two_chunks_of_a_log_cannot_start_at_the_same_offset(queue):
    job = queue.put(JobState.RUNNING)
    twice = [chunk(job.id, job.assignment) | {"written_at": job.agent.registered.agent.last_seen_at}] * 2
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(insert(LogRow), twice)


def test_a_log_belongs_to_a_job_and_goes_with_it(queue):
    with pytest.raises(IntegrityError), queue.database.transaction() as session:
        session.execute(insert(LogRow).values(**chunk(uuid4(), uuid4())))
    job = queue.put(JobState.SUCCEEDED)
    with queue.database.transaction() as session:
        session.execute(insert(LogRow).values(**chunk(job.id, job.assignment)))
        session.execute(delete(JobRow).execution_options(synchronize_session=False))
    with queue.database.transaction() as session:
        assert session.scalars(select(LogRow)).all() == []


def test_an_agent_outlives_the_token_it_registered_with(queue):
    queue.register()
    with queue.database.transaction() as session:
        session.execute(delete(TokenRow).execution_options(synchronize_session=False))
    assert queue.agent().token_id is None
