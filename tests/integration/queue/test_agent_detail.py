"""One agent as its page shows it: itself, what it has in hand and had, what happened to it."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from airflow_plugin.errors import NotFound
from airflow_plugin.models import AgentRow
from airflow_plugin.queue import agent_detail, agent_search, agent_views
from airflow_plugin.queue.agent_search import AgentSearch
from edge_agent.protocol import JobKind, JobState


def test_an_agent_is_seen_with_what_it_has_in_hand_and_takes(queue):
    agent = queue.register(slots=8, kinds=(JobKind.TASK, JobKind.COMMAND))
    queue.put(JobState.RUNNING, agent, slots=2)
    queue.put(JobState.OFFERED, agent, slots=3)
    queue.put(JobState.SUCCEEDED, agent)
    queue.submit()
    with queue.database.transaction() as session:
        (seen,) = agent_search.page(session, queue.config, AgentSearch()).agents
    assert (seen.used_slots, seen.slots, seen.running, seen.offered) == (5, 8, 1, 1)
    assert seen.kinds == [JobKind.TASK, JobKind.COMMAND]
    with queue.database.transaction() as session:
        assert agent_views.agent(session, queue.config, "a1").model_dump(exclude={"missed"}) == seen.model_dump(
            exclude={"missed"}
        )
        assert [each.name for each in agent_views.agents(session, queue.config)] == ["a1"]


def test_an_agent_is_shown_with_its_jobs_those_in_hand_first_and_what_happened_to_it(queue):
    agent = queue.register(slots=300)
    ended = [queue.put(JobState.SUCCEEDED, agent).id for _ in range(agent_detail.MOST_ENDED + 2)]
    held = [queue.put(JobState.RUNNING, agent).id, queue.put(JobState.OFFERED, agent).id]
    queue.put(JobState.RUNNING, queue.register("a2"))
    with queue.database.transaction() as session:
        found = agent_detail.detail(session, queue.config, "a1")
    assert [job.id for job in found.jobs] == [*held[::-1], *ended[:1:-1]]
    assert [event.kind for event in found.events.events] == ["registered"]


def test_a_job_keeps_the_host_it_was_let_start_on(queue):
    agent = queue.register(hostname="rack-7")
    held = queue.put(JobState.RUNNING, agent)
    waiting = queue.put(JobState.OFFERED, agent)
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(hostname="rack-8"))
    assert (queue.job(held.id).hostname, queue.job(waiting.id).hostname) == ("rack-7", None)


def test_an_agent_that_is_not_there_is_said_so(queue):
    with pytest.raises(NotFound, match="no agent named 'a1'"), queue.database.transaction() as session:
        agent_views.agent(session, queue.config, "a1")
