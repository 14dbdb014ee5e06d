"""Secrets are planted, work is done, and all that a thief or a colleague could look at is searched for them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import JobRow
from airflow_plugin.queue import jobs
from airflow_plugin.queue.placement import Placement
from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.processes import family_of
from edge_agent.protocol import EndReason, JobKind, JobState, RunnerName
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.canaries import Canaries
from tests.support.runners import end_tmux
from tests.support.waiting import wait_until

HOLD = 'echo "$WHOSE up"; read -r _ < {}/$WHOSE'
"""Waits at a pipe, without a process of its own for it: such would have the command's environment as well."""
HELD = (RunnerName.LOCAL, RunnerName.TMUX)


def _planted(kind: str) -> str:
    return f"canary-{kind}-{secrets.token_hex(8)}"


class Site:
    """One host with secrets in all its work."""

    def __init__(self, bed: AirflowBed, host: AgentHost, folder: Path, canaries: Canaries) -> None:
        self.bed, self.host, self.folder, self.canaries = bed, host, folder, canaries
        self.url = bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
        self._engine = create_engine(self.url)

    def submit(self, command: list[str] | str, runner: RunnerName = RunnerName.LOCAL, **more: object) -> UUID:
        """Queue a command with a secret in its environment."""
        env = {"DATABASE_PASSWORD": self.canaries.planted["a job's variable"], "WHOSE": runner.value}
        job = jobs.NewJob(
            kind=JobKind.COMMAND,
            placement=Placement("canary"),
            payload={"command": command, "env": env} | more,
            label=f"{runner} command",
            runner=runner,
        )
        with Session(self._engine) as session:
            jobs.submit(session, job, QueueConfig())
            session.commit()
        return job.id

    def job(self, job_id: UUID) -> JobRow:
        """Return a job as the server has it."""
        with Session(self._engine, expire_on_commit=False) as session:
            row = session.get(JobRow, job_id)
            assert row is not None
            return row

    def wait_for(self, job_id: UUID, *states: JobState) -> JobRow:
        """Wait until a job is in one of these states."""
        return wait_until(
            lambda: self.job(job_id),
            until=lambda job: job.state in states,
            what=f"job {job_id} is {' or '.join(states)}",
            timeout=60,
        )

    def processes_of(self, job_id: UUID) -> set[int]:
        """Return the processes of a command. Its environment is its own business, and holds its secret."""
        attempt = AttemptDir(self.host.state / "attempts" / str(self.job(job_id).assignment_id))
        wrapper = wait_until(attempt.identity, what="the command runs")
        assert isinstance(wrapper, Identity)
        children = {each.pid for each in family_of(wrapper)} - {wrapper.pid}
        return {pid for pid in children if not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"tmux")}

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


@pytest.fixture
def site(bed: AirflowBed, make_host: Callable[..., AgentHost], tmp_path: Path) -> Iterator[Site]:
    """Give a host with an agent whose secrets are known, and a connection with a password."""
    (folder := tmp_path / "shared").mkdir()
    host = make_host("canary-1", "canary", EDGE_AGENT_KEEP_FAILED_HOURS="1", EDGE_AGENT_LOG_LEVEL="debug")
    token = host.environment["EDGE_AGENT_TOKEN"]
    # As the how-to says, and not in a variable of the agent's own.
    (file := host.home / "agent.token").touch(mode=0o600)
    file.write_text(token, encoding="ascii")
    host.process.environment |= {"EDGE_AGENT_TOKEN": "", "EDGE_AGENT_TOKEN_FILE": str(file)}
    planted = {"the agent token": token, "a job's variable": _planted("variable"), "a password": _planted("password")}
    bed.rest.set_connection("canary", conn_type="postgres", host="db", password=planted["a password"])
    with host:
        yield (it := Site(bed, host, folder, Canaries(planted)))
        it.close()
        end_tmux(host.state)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees all environments")
def test_no_secret_is_found_where_it_does_not_belong(bed: AirflowBed, site: Site):
    canaries, hold = site.canaries, HOLD.format(site.folder)
    bed.rest.wait_for_dags({"canary"})
    run = bed.rest.trigger("canary", {"folder": str(site.folder)})
    for runner in HELD:
        os.mkfifo(site.folder / runner)
    held = [site.submit(hold, runner) for runner in HELD]
    failed = site.submit(["/no/such/program"])
    refused = site.submit("true", cwd=7)
    run.wait_for_task("uses", "running")
    run.wait_for_log("uses", "holding")
    own: set[int] = set()
    for job_id in held:
        site.wait_for(job_id, JobState.RUNNING)
        own |= site.processes_of(job_id)
    assert len(own) >= 2

    assert canaries.in_processes("cmdline") == {}
    assert canaries.in_processes("environ", but=own) == {}
    for options in ((), ("--json",)):
        assert canaries.in_text(site.host.run("status", *options).stdout) == set()
    assert canaries.in_database(site.url) == {}

    for runner in HELD:
        (site.folder / runner).write_text("go\n")
    (site.folder / "release").touch()
    assert run.wait() == "success"
    for job_id in held:
        assert site.wait_for(job_id, *JobState).state != JobState.FAILED
        site.wait_for(job_id, JobState.SUCCEEDED)
    site.wait_for(failed, JobState.FAILED)
    job = site.wait_for(refused, JobState.FAILED)
    assert job.reason == EndReason.REJECTED
    assert canaries.in_text(str(job.message)) == set()
    attempts = site.host.state / "attempts"
    wait_until(lambda: list(attempts.iterdir()), until=lambda left: not left, what="all attempts are removed")
    assert len(list((site.host.state / "kept").iterdir())) == 2
    site.host.stop()

    token_file = Path(site.host.process.environment["EDGE_AGENT_TOKEN_FILE"])
    assert canaries.in_files(site.host.home, but=[token_file]) == {}
    assert canaries.in_files(bed.home, but=bed.home.glob("*.db*")) == {}
    assert canaries.in_database(site.url) == {}
