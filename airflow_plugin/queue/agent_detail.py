"""One agent with its jobs and what happened to it: all that its page tells but the history, in one answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from airflow_plugin.queue import agent_views, events, job_lists, job_views
from airflow_plugin.queue.agent_views import AgentView
from airflow_plugin.queue.events import Events
from airflow_plugin.queue.job_lists import Wanted
from airflow_plugin.queue.job_views import JobView
from edge_agent.protocol import TERMINAL, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

MOST_HELD = 50
"""Enough for most agents' slots; the list of jobs has all."""

MOST_ENDED = 10
MOST_EVENTS = 15

HELD = frozenset({JobState.OFFERED, JobState.RUNNING})


class AgentDetail(BaseModel):
    """One agent, and the time at which this was so."""

    agent: AgentView
    jobs: list[JobView] = Field(description="What it has in hand, then what it did last; each the newest first.")
    events: Events = Field(description="The last ones; /events has those before.")
    server_time: datetime


def detail(session: Session, config: QueueConfig, name: str) -> AgentDetail:
    """Return one agent with what surrounds it.

    :raises NotFound: when there is none of that name.
    """
    agent = agent_views.agent(session, config, name)
    # Asked for apart, so that a long one is not crowded out by many short ones.
    held = job_lists.jobs(session, config, Wanted(states=HELD, agent=name), limit=MOST_HELD)
    ended = job_lists.jobs(session, config, Wanted(states=TERMINAL, agent=name), limit=MOST_ENDED)
    return AgentDetail(
        agent=agent,
        jobs=[*held, *ended],
        events=events.listed(session, name, limit=MOST_EVENTS),
        server_time=job_views.time_of(session),
    )
