"""What an attack finds: on each system two hosts at work, and the disk of one of them in other hands."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex

import httpx
from sqlalchemy import create_engine, text

from tests.bench.attacks.attack import ATTACKS, NEIGHBOUR, STOLEN, Attempt
from tests.bench.attacks.ours import OnOurs
from tests.bench.systems import System, worker_environment
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.forgery import bearer
from tests.support.process import Process
from tests.support.thief import Loot
from tests.support.waiting import wait_until

DAGS = Path(__file__).parent / "dags"
PATIENCE_SECONDS = 240.0
"""Nothing here is a measurement of time."""
PASSWORD = token_hex(16)
REMOVED_WITHIN_SECONDS = 300.0
"""edge3 removes no worker that it takes to be alive, which it does for a while."""
FIRST = "own-name", "no-credential"
PROGRAM = Path(__file__).with_name("edge3_thief.py")


def write_dags(folder: Path, alias: str) -> set[str]:
    """Write the Dags of both hosts, and return their ids."""
    shutil.copytree(DAGS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    place = {"executor": alias, "queues": [STOLEN, NEIGHBOUR]}
    (folder / "place.json").write_text(json.dumps(place), encoding="utf-8")
    return {f"work_{queue}" for queue in (STOLEN, NEIGHBOUR)}


def lock(system: System) -> None:
    """Let in only who logs in; by default everybody who comes to the Airflow of a test is an admin."""
    (passwords := system.bed.home / "passwords.json").write_text(json.dumps({"admin": PASSWORD}), encoding="utf-8")
    for part in system.bed.parts.values():
        part.process.environment |= {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            # Else most attacks would be refused because of those before.
            "AIRFLOW__EDGE_AGENT__FAILED_LOGINS_PER_MINUTE": "1000000",
        }
    system.bed.rest.login = "admin", PASSWORD


def furnish(bed: AirflowBed) -> None:
    """Give a site what its tasks need, and thieves want."""
    bed.rest.set_connection("vault", conn_type="postgres", host="db", password="the password")
    bed.rest.set_variable("colour", "red")


def begin(bed: AirflowBed, folder: Path) -> dict[str, DagRun]:
    """Let both hosts work, one task each and as much as they can take, and another waiting for the neighbour."""
    folder.mkdir(parents=True)
    runs = {queue: bed.rest.trigger(f"work_{queue}", {"folder": str(folder)}) for queue in (STOLEN, NEIGHBOUR)}
    for queue, run in runs.items():
        found = run.wait_for_task("work", "running", timeout=PATIENCE_SECONDS)
        run.wait_for_log("work", f"the log of {queue}", found["try_number"], timeout=PATIENCE_SECONDS)
    wait_in_queue(bed, NEIGHBOUR, folder)
    return runs


def wait_in_queue(bed: AirflowBed, queue: str, folder: Path) -> None:
    """Queue one more task for a host that is full or gone."""
    bed.rest.trigger(f"work_{queue}", {"folder": str(folder)}).wait_for_task("work", "queued", timeout=PATIENCE_SECONDS)


def attack_edge3(system: System, home: Path) -> list[Attempt]:
    """Let a thief have the environment of a worker, and do what it can."""
    furnish(system.bed)
    for name in (STOLEN, NEIGHBOUR):
        environment = worker_environment(system.bed, home / name, poll_seconds=1)
        arguments = ["-m", "airflow", "edge", "worker", "-q", name, "-c", "1", "-H", name]
        worker = Process(
            f"edge3 worker {name}",
            [str(system.python), *arguments],
            environment=environment,
            log=home / name / "worker.log",
            cwd=home / name,
        )
        system.workers[name] = worker.start()
    begin(system.bed, home / "shared")
    wait_in_queue(system.bed, STOLEN, home / "shared")
    environment = worker_environment(system.bed, home / STOLEN, poll_seconds=None)
    afterwards = [key for key in ATTACKS if key.startswith("removed")]
    found = _edge3_thief(system, environment, "attack", [key for key in ATTACKS if key not in afterwards])
    system.workers[STOLEN].kill_family()
    _remove(system.bed, STOLEN)
    return found + _edge3_thief(system, environment, "removed", afterwards)


def _remove(bed: AirflowBed, worker: str) -> None:
    """Remove a worker as edge3's page does for an admin, once it is known to have gone."""
    with httpx.Client(base_url=bed.url, timeout=30, trust_env=False) as client:
        path = f"/edge_worker/ui/worker/{worker}"
        wait_until(
            lambda: client.delete(path, headers=bearer(bed.rest.log_in())),
            until=lambda answer: answer.is_success,
            what=f"{worker} is removed",
            timeout=REMOVED_WITHIN_SECONDS,
            interval=2,
        )


def _edge3_thief(system: System, environment: dict[str, str], what: str, keys: Sequence[str]) -> list[Attempt]:
    versions = version("apache-airflow-core"), version("apache-airflow-providers-edge3")
    command = [str(system.python), "-I", str(PROGRAM), what, *versions, *keys]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [Attempt(key, possible, answer) for key, (possible, answer) in json.loads(done.stdout).items()]


def attack_ours(system: System, home: Path) -> list[Attempt]:
    """Let a thief have a copy of an agent's disk, taken while it works, and do what it can."""
    bed = system.bed
    furnish(bed)
    hosts = {name: _agent(bed, home / name, name) for name in (STOLEN, NEIGHBOUR)}
    for name, host in hosts.items():
        system.workers[name] = host.process
        host.start()
    runs = begin(bed, home / "shared")
    loot = Loot.of(hosts[STOLEN], home / "loot")
    assignment = _assignment(bed, NEIGHBOUR)
    attacks = OnOurs(bed, hosts[STOLEN], loot, run=runs[NEIGHBOUR], assignment=assignment)
    # While the host is still there, and before an address that is refused so often is cut.
    found = [attacks.attempt(key) for key in FIRST]
    hosts[STOLEN].power_off()
    wait_in_queue(bed, STOLEN, home / "shared")
    found += [attacks.attempt(key) for key in ATTACKS if key not in FIRST]
    attacks.close()
    return found


def _agent(bed: AirflowBed, home: Path, name: str) -> AgentHost:
    """Make a host as the how-to says: a token for its name and queue alone, in a file."""
    home.mkdir(parents=True)
    token = bed.create_token(name, [name], agents=[name])
    (file := home / "agent.token").touch(mode=0o600)
    file.write_text(token, encoding="ascii")
    settings = {"EDGE_AGENT_TOKEN_FILE": str(file)}
    return AgentHost(home, url=bed.url, name=name, token="", queues=[name], slots=1, dags=bed.dags, settings=settings)


def _assignment(bed: AirflowBed, agent: str) -> str:
    """Return the running assignment of an agent, which is written on no other host."""
    engine = create_engine(bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    query = text("SELECT assignment_id FROM edge_agent_job WHERE agent_name = :agent AND state = 'running'")
    with engine.connect() as connection:
        found = connection.execute(query, {"agent": agent}).scalar_one()
    engine.dispose()
    return str(found)
