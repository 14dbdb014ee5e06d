"""One agent for commands, its queue, and the database behind an API server."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import jobs, logs, tokens
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobKind, JobState
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.waiting import wait_until

NUMBERS = itertools.count(1)
T = TypeVar("T")


class CommandSite:
    """One agent, its queue, and the database behind the API server."""

    def __init__(self, airflow: AirflowBed, home: Path) -> None:
        self.name = f"agent-{next(NUMBERS)}"
        self.engine = create_engine(airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        token = self.write(lambda session: tokens.create(session, self.name)).get_secret_value()
        self.home, self.url, self.token = home, airflow.url, token
        self.host = self.agent_of(home)

    def agent_of(self, home: Path) -> AgentHost:
        """Make a host whose agent has the site's name."""
        return AgentHost(
            home,
            url=self.url,
            name=self.name,
            token=self.token,
            queues=[self.name],
            settings={"EDGE_AGENT_KINDS": "command"},
        )

    def write(self, work: Callable[[Session], T]) -> T:
        """Do something to the database, and commit it."""
        with Session(self.engine) as session:
            answer = work(session)
            session.commit()
            return answer

    def submit(self, command: str) -> UUID:
        """Queue a command for the agent."""
        job = jobs.NewJob(
            kind=JobKind.COMMAND, placement=Placement(self.name), payload={"command": command}, label="job"
        )
        return self.write(lambda session: jobs.submit(session, job, QueueConfig()))

    def job(self, job_id: UUID) -> JobRow:
        """Return a job as it stands."""
        with Session(self.engine) as session:
            return session.execute(select(JobRow).where(JobRow.id == job_id)).scalar_one()

    def agent(self) -> AgentRow:
        """Return the agent as it stands."""
        with Session(self.engine) as session:
            return session.execute(select(AgentRow).where(AgentRow.name == self.name)).scalar_one()

    def log(self, job_id: UUID) -> bytes:
        """Return what has arrived of a job's log."""
        with Session(self.engine) as session:
            return b"".join(logs.read(session, job_id))

    def ended(self, job_id: UUID, timeout: float = 40) -> JobRow:
        """Wait until a job has ended, and return it."""
        wait_until(
            lambda: self.job(job_id).state,
            until=lambda state: JobState(state).is_terminal,
            what="the job ends",
            timeout=timeout,
        )
        return self.job(job_id)

    def says(self, job_id: UUID, text: bytes, timeout: float = 20) -> None:
        """Wait until a text is in a job's log."""
        wait_until(lambda: self.log(job_id), until=lambda log: text in log, what=f"it says {text!r}", timeout=timeout)
