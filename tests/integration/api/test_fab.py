"""Airflow's roles with the other auth manager, and users who may read some Dags only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.orm import Session
from werkzeug.security import generate_password_hash

from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import jobs
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobKind, routes
from tests.integration.api.conftest import ROLES, Login, logging_in
from tests.integration.api.matrix import MATRIX, OF_USERS, USERS, ask
from tests.support.airflow_bed import AirflowBed
from tests.support.postgres import Postgres

OF_A_USER = sorted((route for route in MATRIX if "/ui/" in route[1]), key=str)
NEEDS_NO_SUBJECT = {
    ("POST", "/v1/ui/jobs/{job_id}/cancel"),
    ("GET", "/v1/ui/agents/{name}/history"),
    ("GET", "/v1/ui/agents/{name}/events"),
}
"""What asks for nothing that is not there: a job has ended, an agent was deleted."""
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
JOBS = routes.PREFIX + "/ui/jobs"

OF_ONE_DAG = "reader of mine"
"""A role that may see jobs, and tasks and logs of the one Dag it may read."""
MAY_READ = ("Jobs", "DAG Runs", "Task Instances", "Task Logs", "DAG:mine")


@pytest.fixture(scope="module")
def fab_bed(
    postgres: Postgres, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AirflowBed]:
    """Give an API server whose users are FAB's, one of each role."""
    settings = {"AIRFLOW__CORE__AUTH_MANAGER": FAB}
    with postgres.database(postgres_template) as url:
        bed = AirflowBed(tmp_path_factory.mktemp("fab") / "airflow", url, settings=settings, apps="core")
        try:
            bed.start("api-server")  # which makes the roles
            engine = create_engine(url)
            _make_users(engine)
            engine.dispose()
            yield bed
        finally:
            bed.__exit__()


def _make_users(engine: Engine) -> None:
    with engine.begin() as connection:
        _make_role(connection)
        everybody = ROLES | {"dora": OF_ONE_DAG, "paul": "public"}
        for number, (name, role) in zip(itertools.count(1000), everybody.items(), strict=False):
            user = {"id": number, "name": name, "password": generate_password_hash(f"{name}-secret")}
            connection.execute(
                text(
                    "INSERT INTO ab_user (id, first_name, last_name, username, password, active, email) "
                    "VALUES (:id, :name, :name, :name, :password, true, :name)"
                ),
                user,
            )
            connection.execute(
                text(
                    "INSERT INTO ab_user_role (id, user_id, role_id) "
                    "SELECT :id, :id, id FROM ab_role WHERE lower(name) = :role"
                ),
                {"id": number, "role": role},
            )


def _make_role(connection: Connection) -> None:
    connection.execute(text("INSERT INTO ab_role (id, name) VALUES (1000, :name)"), {"name": OF_ONE_DAG})
    connection.execute(text("INSERT INTO ab_view_menu (id, name) VALUES (1000, 'DAG:mine')"))
    connection.execute(
        text(
            "INSERT INTO ab_permission_view (id, permission_id, view_menu_id) "
            "SELECT 100000, id, 1000 FROM ab_permission WHERE name = 'can_read'"
        )
    )
    connection.execute(
        text(
            "INSERT INTO ab_permission_view_role (id, permission_view_id, role_id) "
            "SELECT 100000 + pv.id, pv.id, 1000 FROM ab_permission_view pv "
            "JOIN ab_permission p ON p.id = pv.permission_id JOIN ab_view_menu v ON v.id = pv.view_menu_id "
            "WHERE p.name = 'can_read' AND v.name = ANY(:names)"
        ),
        {"names": list(MAY_READ)},
    )


@pytest.fixture(scope="module")
def fab_login(fab_bed: AirflowBed) -> Login:
    """Give a function that logs a user in."""
    return logging_in(fab_bed)


@pytest.mark.parametrize("route", OF_A_USER, ids=" ".join)
def test_with_fab_each_role_gets_the_same(fab_bed: AirflowBed, fab_login: Login, route: tuple[str, str]) -> None:
    """What a route does needs a subject that is there; where there is none, 404 shows that it was let in."""
    row = MATRIX[route]
    expected = {role: row.expected[role] for role in OF_USERS}
    if "{" in route[1] and route not in NEEDS_NO_SUBJECT:
        expected = {role: status if status == httpx.codes.FORBIDDEN else 404 for role, status in expected.items()}
    got = {}
    with httpx.Client(base_url=fab_bed.url + routes.MOUNT, timeout=60) as http:
        for number, (role, user) in enumerate(USERS.items()):
            names = {"name": "nobody", "job_id": str(uuid4()), "new": f"new-{number}"}
            got[role] = ask(http, route, row, names, None, **fab_login(user)).status_code
    assert got == expected


@pytest.fixture(scope="module")
def work(fab_bed: AirflowBed) -> dict[str, UUID]:
    """Give a job of each of two Dags, and a command, by its label."""
    engine = create_engine(fab_bed.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with Session(engine) as session:
        found = {name: _submit(session, name) for name in ("mine", "theirs", "command")}
        session.commit()
    engine.dispose()
    return found


def _submit(session: Session, name: str) -> UUID:
    about = jobs.Workload("ExecuteTask", uuid4(), name, "run", "task", -1, 1) if name != "command" else None
    kind = JobKind.TASK if about else JobKind.COMMAND
    job = jobs.NewJob(kind=kind, placement=Placement("q", None, {}), payload={}, label=name, workload=about)
    return jobs.submit(session, job, QueueConfig())


@pytest.mark.parametrize(("user", "reads"), [("dora", {"mine", "command"}), ("vera", {"mine", "theirs", "command"})])
def test_with_fab_a_job_tells_what_it_is_about_to_those_who_may_read_its_dag(
    fab_bed: AirflowBed, fab_login: Login, work: dict[str, UUID], user: str, reads: set[str]
) -> None:
    with httpx.Client(base_url=fab_bed.url + routes.MOUNT, headers=fab_login(user), timeout=60) as http:
        views = {UUID(view["id"]): view for view in http.get(JOBS).json()["jobs"]}
        for name, job in work.items():
            told = name in reads
            assert views[job]["label"] == (name if told else "")
            assert views[job]["hidden"] is not told
            one = http.get(f"{JOBS}/{job}").json()["job"]
            assert one | {"wait_seconds": None} == views[job] | {"wait_seconds": None}
            assert http.get(f"{JOBS}/{job}/log").status_code == (200 if told else 404)
            assert http.get(JOBS, params={"search": name}).json()["total"] == told


def test_with_fab_who_may_not_see_jobs_sees_none(fab_bed: AirflowBed, fab_login: Login, work: dict[str, UUID]) -> None:
    with httpx.Client(base_url=fab_bed.url + routes.MOUNT, headers=fab_login("paul"), timeout=60) as http:
        for path in (JOBS, f"{JOBS}/{work['command']}", f"{JOBS}/{work['command']}/log"):
            assert http.get(path).status_code == httpx.codes.FORBIDDEN
