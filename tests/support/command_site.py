"""A host with an agent that runs commands, its queue, and the database behind the real queue API."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import jobs, logs, tokens
from airflow_plugin.queue.placement import Placement
from edge_agent.attempt_dir import AttemptDir
from edge_agent.protocol import AgentState, EndReason, JobKind, JobState
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.waiting import wait_until

NUMBERS = itertools.count(1)
WORDS = b"".join(b"%d\n" % number for number in range(1, 5001))
"""What a job of the ledger says: 24 kB, of which every byte can be told from its neighbours."""

T = TypeVar("T")


class CommandSite:
    """One agent and its queue, which nobody else serves. ``url``: where the API is to be found from the host."""

    def __init__(self, airflow: AirflowBed, home: Path, *, url: str | None = None, **settings: str) -> None:
        self.name = f"agent-{next(NUMBERS)}"
        self.engine = create_engine(airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        token = self.write(lambda session: tokens.create(session, self.name)).get_secret_value()
        self.home, self.url, self.token, self.settings = home, url or airflow.url, token, settings
        self.host = self.agent_of(home)
        self.ledger = home / "ledger"
        self._entries: dict[UUID, str] = {}

    def agent_of(self, home: Path) -> AgentHost:
        """Make a host whose agent has the site's name, and its token in a file."""
        home.mkdir(parents=True)
        file = home / "token"
        file.touch(mode=0o600)
        file.write_text(self.token)
        settings = {"EDGE_AGENT_KINDS": "command", "EDGE_AGENT_TOKEN_FILE": str(file), **self.settings}
        return AgentHost(home, url=self.url, name=self.name, token="", queues=[self.name], settings=settings)

    def write(self, work: Callable[[Session], T]) -> T:
        """Do something to the queue in a transaction, and return what comes of it."""
        with Session(self.engine) as session:
            answer = work(session)
            session.commit()
            return answer

    def submit(
        self, command: str, *, queue: str | None = None, requires: dict[str, Any] | None = None, label: str = "job"
    ) -> UUID:
        """Queue a command, in the site's own queue unless another is named."""
        placement = Placement(queue or self.name, requires=requires or {})
        job = jobs.NewJob(kind=JobKind.COMMAND, placement=placement, payload={"command": command}, label=label)
        return self.write(lambda session: jobs.submit(session, job, QueueConfig()))

    def job(self, job_id: UUID) -> JobRow:
        """Return a job as it stands now."""
        with Session(self.engine) as session:
            return session.execute(select(JobRow).where(JobRow.id == job_id)).scalar_one()

    def agent(self) -> AgentRow:
        """Return the agent as the server sees it."""
        with Session(self.engine) as session:
            return session.execute(select(AgentRow).where(AgentRow.name == self.name)).scalar_one()

    def attempt(self, job_id: UUID) -> AttemptDir:
        """Return the directory of a job on the host."""
        return AttemptDir(self.host.state / "attempts" / str(self.job(job_id).assignment_id))

    def log(self, job_id: UUID) -> bytes:
        """Return what the server has of a job's log."""
        with Session(self.engine) as session:
            return b"".join(logs.read(session, job_id))

    def ended(self, job_id: UUID, timeout: float = 40) -> JobRow:
        """Wait for the end of a job."""
        wait_until(
            lambda: self.job(job_id).state,
            until=lambda state: JobState(state).is_terminal,
            what=f"the job of {self.name} ends",
            timeout=timeout,
        )
        return self.job(job_id)

    def says(self, job_id: UUID, text: bytes, timeout: float = 20) -> None:
        """Wait until a job has said something."""
        wait_until(lambda: self.log(job_id), until=lambda log: text in log, what=f"it says {text!r}", timeout=timeout)

    # -- the ledger, in which jobs write that they start and end

    def submit_entry(self, *, gate: Path | None = None) -> UUID:
        """Queue a command that writes its start and its end into the ledger, and says :data:`WORDS` between.

        ``gate``: a file that it waits for before it says anything.
        """
        name = f"entry-{next(NUMBERS)}"
        wait = f"until [ -e {gate} ]; do sleep 0.05; done; " if gate else ""
        job_id = self.submit(f"echo {name} start >> {self.ledger}; {wait}seq 5000; echo {name} end >> {self.ledger}")
        self._entries[job_id] = name
        return job_id

    def entries(self, job_id: UUID) -> list[str]:
        """Return what a job has written into the ledger."""
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        return [what for name, _, what in (line.partition(" ") for line in lines) if name == self._entries[job_id]]

    def audit(self, *job_ids: UUID, timeout: float = 40) -> None:
        """Wait for the end of jobs of the ledger; see that each ran once, said every word once, and left nothing.

        ``job_ids``: all there are.
        """
        for job_id in job_ids:
            job = self.ended(job_id, timeout)
            found = (self.name, job.state, job.reason, job.exit_code, self.entries(job_id))
            assert found == (self.name, JobState.SUCCEEDED, EndReason.EXIT, 0, ["start", "end"])
            assert self.log(job_id) == WORDS, self.name
        wait_until(
            lambda: list((self.host.state / "attempts").iterdir()),
            until=lambda left: not left,
            what=f"no attempt of {self.name} is left",
        )
        wait_until(self.is_well, what=f"{self.name} is well again", timeout=20)
        assert "report_refused" not in self.host.output(), self.name

    def is_well(self) -> bool:
        """Whether the agent says of itself, and the server of the agent, that all is as it should be."""
        status = json.loads((self.host.state / "status.json").read_text())
        says_so = status["registered"] and status["queue_api"]["answering"] and status["free_slots"] == status["slots"]
        return says_so and self.agent().state == AgentState.CONNECTED
