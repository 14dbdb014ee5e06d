"""A host is stolen: what its complete disk, copied while it worked, is good for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from airflow_plugin.config import QueueConfig
from airflow_plugin.models import JobRow
from airflow_plugin.queue import jobs, logs
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobKind, JobState, routes
from tests.e2e.holding import Holding
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.forgery import WRONG, admins_token, bearer, doors, opened_by, task_token
from tests.support.thief import Loot, TakenTask, Thief
from tests.support.waiting import wait_until

SECRETS_OF_THE_SITE = (
    "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__API__SECRET_KEY",
    "AIRFLOW__CORE__FERNET_KEY",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN",
)
CANARY = f"canary-of-the-neighbour-{uuid4().hex}"


@dataclass
class Work:
    """What one host does: a task of Airflow's and a command, both until they are let go."""

    bed: AirflowBed
    host: AgentHost
    holding: Holding | None
    command: UUID

    def jobs(self) -> list[JobRow]:
        """Return its jobs that have not ended, as the server has them."""
        engine = create_engine(self.bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        with Session(engine, expire_on_commit=False) as session:
            rows = list(
                session.scalars(select(JobRow).where(JobRow.agent_name == self.host.name, JobRow.ended_at.is_(None)))
            )
        engine.dispose()
        return rows

    def running(self) -> list[JobRow]:
        """Return those that run."""
        return [job for job in self.jobs() if job.state == JobState.RUNNING]

    def task_instance(self) -> str:
        """Return the task instance of its task."""
        (found,) = [str(job.workload_id) for job in self.jobs() if job.workload_id is not None]
        return found

    def log(self) -> bytes:
        """Return the log of the command."""
        engine = create_engine(self.bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        with Session(engine) as session:
            written = b"".join(logs.read(session, self.command))
        engine.dispose()
        return written


def begin(bed: AirflowBed, host: AgentHost, queue: str, folder: Path, *, task: bool = True) -> Work:
    """Give a host a command, and a task unless it runs commands alone, and wait until both are at work."""
    folder.mkdir()
    command = f'echo "$WORD up"; until [ -e {folder}/release ]; do sleep 0.05; done'
    placement = Placement(queue)
    payload = {"command": command, "env": {"WORD": CANARY if queue == "neighbour" else "own"}}
    job = jobs.NewJob(kind=JobKind.COMMAND, placement=placement, payload=payload, label="command")
    engine = create_engine(bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with Session(engine) as session:
        jobs.submit(session, job, QueueConfig())
        session.commit()
    engine.dispose()
    work = Work(bed, host, Holding.begin(bed, queue, folder) if task else None, job.id)
    expected = 2 if task else 1
    wait_until(
        lambda: work.running() if b"up" in work.log() else [],
        until=lambda running: len(running) == expected and (work.holding is None or bool(work.holding.starts())),
        what=f"all work of {host.name} runs",
        timeout=120,
    )
    return work


@dataclass
class Theft:
    """What was taken, and the neighbour that nothing of it may touch."""

    bed: AirflowBed
    loot: Loot
    neighbour: Work


@pytest.fixture(scope="module")
def make_bounded(bed: AirflowBed, make_host: Callable[..., AgentHost]) -> Callable[..., AgentHost]:
    """Give a function that makes a host as the how-to says: a token for its name alone, in a file."""

    def make(name: str, queue: str, **settings: str) -> AgentHost:
        host = make_host(f"unused-{name}", queue, **settings)
        token = bed.create_token(name, [queue], agents=[name])
        (file := host.home / "agent.token").touch(mode=0o600)
        file.write_text(token, encoding="ascii")
        own = {"EDGE_AGENT_NAME": name, "EDGE_AGENT_TOKEN": "", "EDGE_AGENT_TOKEN_FILE": str(file)}
        host.name = name
        host.environment |= own
        host.process.environment |= own
        return host

    return make


@pytest.fixture(scope="module")
def theft(
    bed: AirflowBed, make_bounded: Callable[..., AgentHost], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Theft]:
    """Give the copy of a host's disk, taken while it ran a task and a command; then the host itself is gone."""
    home = tmp_path_factory.mktemp("theft")
    bed.rest.set_connection("vault", conn_type="postgres", host="db", password="of no use to a thief")
    stolen, near = make_bounded("stolen-1", "stolen").start(), make_bounded("neighbour-1", "neighbour").start()
    neighbour = begin(bed, near, "neighbour", home / "neighbour")
    work = begin(bed, stolen, "stolen", home / "own")
    loot = Loot.of(stolen, home / "copy")
    stolen.power_off()
    yield Theft(bed, loot, neighbour)
    assert work.holding is not None
    assert neighbour.holding is not None
    work.holding.run.set_state("hold", "failed")
    assert neighbour.holding.succeeds()


@dataclass
class Taken:
    """A task that a thief with a whole disk has taken and begun, as the host could have."""

    token_name: str
    thief: Thief
    task: TakenTask
    run: DagRun


@pytest.fixture
def taken(bed: AirflowBed, make_bounded: Callable[..., AgentHost], tmp_path: Path) -> Iterator[Taken]:
    """Give one."""
    name = f"taken-{uuid4().hex[:8]}"
    loot = Loot.of(make_bounded(name, "taken"), tmp_path / "copy")
    run = Holding.begin(bed, "taken", tmp_path / "ledger").run
    with Thief(loot) as thief:
        thief.come_in()
        yield Taken(name, thief, thief.take_a_task(), run)
    if run.task("hold")["state"] != "failed":
        run.set_state("hold", "failed")


def test_the_disk_holds_what_its_own_work_needs_and_nothing_of_the_site_or_the_neighbour(theft: Theft):
    assert any("payload.json" in path.name for path, _ in theft.loot.files()), "it was copied while work ran"
    token = Path(theft.loot.environment["EDGE_AGENT_TOKEN_FILE"]).read_text(encoding="ascii")
    assert theft.loot.where_is(token) == ["agent.token"]
    for name in SECRETS_OF_THE_SITE:
        assert theft.loot.where_is(theft.bed.environment[name]) == [], name
    near = theft.neighbour.host.process.environment
    assert theft.loot.where_is(Path(near["EDGE_AGENT_TOKEN_FILE"]).read_text(encoding="ascii")) == []
    assert theft.loot.where_is(CANARY) == []
    assert [theft.loot.where_is(str(job.assignment_id)) for job in theft.neighbour.jobs()] == [[], []]


def test_nothing_on_the_disk_opens_the_public_or_the_execution_api_or_signs_what_would(theft: Theft):
    bed, instance = theft.bed, theft.neighbour.task_instance()
    secret = bed.environment["AIRFLOW__API_AUTH__JWT_SECRET"]
    # What the forged tokens look like is right: with the secret that edge3 puts on every host they are let in.
    forged = admins_token(secret), task_token(secret, instance)
    assert doors(bed.url, *forged) == {"public": 200, "execution": 200}
    candidates = theft.loot.secrets()
    assert len(candidates) > 5
    assert opened_by(bed.url, candidates, instance) == []


def test_who_has_the_disk_registers_under_no_other_name_and_for_no_other_queue(theft: Theft):
    with Thief(theft.loot, EDGE_AGENT_NAME=theft.neighbour.host.name) as thief:
        status, why = thief.ask("register")
        assert (status, "does not allow the name" in why) == (403, True)
    with Thief(theft.loot, EDGE_AGENT_QUEUES="stolen,neighbour") as thief:
        status, why = thief.ask("register")
        assert (status, "does not allow queue neighbour" in why) == (403, True)
    assert len(theft.neighbour.running()) == 2


def test_who_has_the_disk_reads_nothing_of_anothers_jobs_and_changes_nothing(theft: Theft):
    ids = [str(job.assignment_id) for job in theft.neighbour.running()]
    log = theft.neighbour.log()
    assert len(ids) == 2
    with Thief(theft.loot) as thief:
        # The worst case: the thief has learnt the ids, which are on no other host.
        thief.come_in()
        unknown = [{"assignment_id": id_, "state": None} for id_ in ids]
        confirmed = thief.ask("confirm", assignments=ids)[1]
        assert (confirmed["confirmed"], sorted(confirmed["withdrawn"], key=str)) == ([], sorted(unknown, key=str))
        assert thief.ask("renew", assignments=ids)[1]["renewed"] == []
        ending = {"state": "failed", "reason": "exit", "exit_code": 1, "log_bytes": 0}
        reported = thief.ask("report", endings=[ending | {"assignment_id": id_} for id_ in ids])[1]
        assert (reported["accepted"], [each["state"] for each in reported["refused"]]) == ([], [None, None])
        for id_ in ids:
            assert thief.ask("send_log", assignment_id=id_, offset=len(log), content="forged")[0] == 404
        registered = thief.ask("register", held=ids)
        assert sorted(registered[1]["directives"]["drop"]) == sorted(ids), "it is told to drop what is not its own"
    assert sorted(str(job.assignment_id) for job in theft.neighbour.running()) == sorted(ids)
    assert theft.neighbour.log() == log


def test_who_has_the_disk_is_out_once_the_token_is_revoked(
    bed: AirflowBed, make_bounded: Callable[..., AgentHost], tmp_path: Path
):
    host = make_bounded("stolen-2", "canary", EDGE_AGENT_KINDS="command").start()
    begin(bed, host, "canary", tmp_path / "work", task=False)
    loot = Loot.of(host, tmp_path / "copy")
    host.power_off()
    with Thief(loot) as thief:
        thief.come_in()
        assert thief.ask("heartbeat", number=1, free_slots=1)[0] == 200
        assert "revoked" in bed.airflow("edge-agent", "tokens", "revoke", "stolen-2")
        assert thief.ask("heartbeat", number=2, free_slots=1)[0] == 409
        status, why = thief.ask("register")
        assert (status, "was revoked" in why) == (401, True)


def test_a_task_that_a_thief_takes_opens_what_airflow_gives_every_task_and_nothing_else(theft: Theft, taken: Taken):
    token, url = taken.task.token, theft.bed.url
    opened = doors(url, token, token)
    assert opened["execution"] == 200, "Airflow gives any task any connection"
    assert opened["public"] in WRONG
    with httpx.Client(base_url=url, headers=bearer(token), timeout=30, trust_env=False) as client:
        other = f"/execution/task-instances/{theft.neighbour.task_instance()}"
        said = {"hostname": "elsewhere", "pid": 1}
        assert client.put(f"{other}/heartbeat", json=said).status_code in WRONG
        assert client.post(f"{routes.MOUNT}/v1/ui/tokens", json={"name": "of-a-thief"}).status_code in WRONG
        assert client.put(f"{routes.MOUNT}/v1/ui/agents/neighbour-1/cordon", json={}).status_code in WRONG
    assert len(theft.neighbour.running()) == 2


def test_a_task_that_a_thief_has_taken_reads_nothing_more_once_the_token_is_revoked(bed: AirflowBed, taken: Taken):
    """Airflow renews its token all the same, for whoever shows it."""
    bed.rest.set_connection("vault", conn_type="postgres", host="db", password="of no use to a thief")
    assert doors(bed.url, taken.task.token, taken.task.token)["execution"] == 200
    bed.airflow("edge-agent", "tokens", "revoke", taken.token_name)
    assert taken.thief.ask("renew", assignments=[taken.task.assignment])[0] == 409, "we renew it no more"
    wait_until(
        lambda: doors(bed.url, taken.task.token, taken.task.token)["execution"],
        until=lambda status: status == 403,
        what="the revocation counts",
        timeout=10,
    )
