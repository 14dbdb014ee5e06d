"""What tasks on a host may have of Airflow's connections and variables: asked of Airflow's own Execution API."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from airflow.api_fastapi.auth.tokens import JWTGenerator
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from airflow_plugin.api.reach_guard import EXECUTION
from airflow_plugin.models import AgentRow, JobRow, TokenRow
from airflow_plugin.queue import reach, tokens
from airflow_plugin.queue.allowances import Allowance
from airflow_plugin.queue.jobs import Workload
from edge_agent.protocol import routes
from edge_agent.protocol.routes import REFUSED_HEADER
from edge_agent.protocol.secrets import REDACTED
from tests.integration.api.conftest import NUMBERS, Agent, Login
from tests.support.airflow_bed import AirflowBed
from tests.support.waiting import wait_until

NAMES = ("site_a_db", "other_db")


@pytest.fixture(scope="module")
def airflow(api_bed: AirflowBed, login: Login) -> AirflowBed:
    """Give the Airflow with some connections and variables."""
    with httpx.Client(base_url=f"{api_bed.url}/api/v2", headers=login("anna"), timeout=60) as http:
        for name in NAMES:
            made = [
                http.post("/connections", json={"connection_id": name, "conn_type": "http", "password": f"of-{name}"}),
                http.post("/variables", json={"key": name, "value": f"value-of-{name}"}),
            ]
            assert [answer.status_code for answer in made] == [201, 201], made
    return api_bed


@dataclass(frozen=True)
class Task:
    """A task as Airflow's Execution API sees it: by its token."""

    http: httpx.Client
    secret: str
    id: UUID

    def ask(self, path: str, method: str = "GET", *, secret: str | None = None, **more: Any) -> httpx.Response:
        generator = JWTGenerator(
            secret_key=secret or self.secret, valid_for=600, audience="urn:airflow.apache.org:task"
        )
        scope = "workload" if path.startswith("connection-tests") else "execution"
        token = generator.generate(extras={"sub": str(self.id), "scope": scope})
        return self.http.request(method, EXECUTION + path, headers=[("Authorization", f"Bearer {token}")], **more)

    def gets(self, path: str, **more: Any) -> int:
        return self.ask(path, **more).status_code


@pytest.fixture
def http(airflow: AirflowBed) -> Iterator[httpx.Client]:
    """Give a client of the whole server."""
    with httpx.Client(base_url=airflow.url, timeout=60) as client:
        yield client


@pytest.fixture
def task_of(
    airflow: AirflowBed, database: Session, submit: Callable[..., UUID]
) -> Iterator[Callable[[Allowance], Task]]:
    """Give a function that makes an agent with such a token, and a task that it runs."""
    clients = []

    def task_of(allowance: Allowance, id_: UUID | None = None) -> Task:
        secret = tokens.create(database, f"reach-{next(NUMBERS)}", allowance)
        database.commit()
        clients.append(httpx.Client(base_url=airflow.url + "/edge_agent", timeout=60))
        agent = Agent(clients[-1], secret.get_secret_value())
        agent.register()
        id_ = id_ or uuid4()
        # A callback: confirmed without a task instance that Airflow would have to know.
        submit(agent, workload=Workload("ExecuteCallback", id_))
        (offer,) = agent.poll()["offers"]
        assert agent.confirm(offer["assignment_id"])["confirmed"]
        clients.append(httpx.Client(base_url=airflow.url, timeout=60))
        return Task(clients[-1], airflow.environment["AIRFLOW__API_AUTH__JWT_SECRET"], id_)

    yield task_of
    for client in clients:
        client.close()


@pytest.fixture
def agent_of(database: Session) -> Callable[[Task], str]:
    """Give a function that returns the agent a task is on."""
    return lambda task: str(database.scalars(select(JobRow.agent_name).where(JobRow.workload_id == task.id)).one())


@pytest.fixture
def bounded(task_of: Callable[..., Task]) -> Task:
    """Give a task on a host that may have what is its site's, once the server knows that there is a list."""
    task = task_of(Allowance(connections=["site_a_*"], variables=["site_a_*"]))
    wait_until(lambda: task.gets("variables/other_db") == httpx.codes.FORBIDDEN, what="the list counts", timeout=10)
    return task


def test_a_task_gets_what_its_hosts_token_allows_and_nothing_else(bounded: Task):
    assert bounded.ask("connections/site_a_db").json()["password"] == "of-site_a_db"
    assert bounded.ask("variables/site_a_db").json()["value"] == "value-of-site_a_db"

    refused = bounded.ask("connections/other_db")

    assert refused.status_code == httpx.codes.FORBIDDEN
    assert refused.headers[REFUSED_HEADER] == "forbidden"
    assert refused.json()["detail"]["reason"] == "forbidden"
    words = refused.json()["detail"]["message"]
    assert "does not allow the connection 'other_db'; it allows site_a_*." in words
    assert "of-other_db" not in refused.text


def test_a_refusal_is_in_the_servers_log_without_secrets(bounded: Task, airflow: AirflowBed):
    bounded.ask("connections/eat_0123456789ab_abcdefghijklmnopqrstuvwxyz")
    said = f"does not allow the connection '{REDACTED}'; it allows site_a_*"
    wait_until(lambda: said in airflow.parts["api-server"].process.output(), what=said, timeout=10)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "variables/other_db"),
        ("GET", "connections/nothing_of_the_kind"),
        ("GET", "connections/SITE_A_DB"),
        ("GET", "connections/site_a_db/"),
        ("GET", "variables/keys"),
        ("GET", "variables/keys?prefix=site_a_"),
        ("PUT", "variables/other_db"),
        ("DELETE", "variables/other_db"),
        ("GET", "%63onnections/other_db"),
        ("GET", "connections/%6Fther_db"),
        ("POST", "connections/site_a_db"),
        ("GET", "connections/site_a_db/uri"),
        ("GET", "connections"),
        ("POST", "variables/site_a_db"),
        ("GET", "variables"),
        ("GET", "connection-tests/bulk"),
    ],
)
def test_whatever_else_is_asked_below_these_paths_is_refused(bounded: Task, method: str, path: str):
    """Also what this Airflow has no route for: the next one may."""
    body: dict[str, Any] = {"json": {"val": "planted"}} if method in {"PUT", "POST"} else {}
    assert bounded.ask(path, method, **body).status_code == httpx.codes.FORBIDDEN


def test_a_variable_that_is_allowed_can_be_written_and_deleted(bounded: Task):
    assert bounded.gets("variables/site_a_new", method="PUT", json={"val": "1"}) == httpx.codes.CREATED
    assert bounded.ask("variables/site_a_new").json()["value"] == "1"
    assert bounded.gets("variables/site_a_new", method="DELETE") == httpx.codes.NO_CONTENT
    assert bounded.gets("variables/site_a_new") == httpx.codes.NOT_FOUND


def test_tasks_elsewhere_and_on_hosts_without_a_list_get_everything(bounded: Task, task_of: Callable[..., Task]):
    elsewhere = Task(bounded.http, bounded.secret, uuid4())
    for task in (elsewhere, task_of(Allowance())):
        for path in ("connections/other_db", "variables/other_db", "variables/keys"):
            assert task.gets(path) == httpx.codes.OK


@pytest.mark.usefixtures("bounded")
def test_each_list_stands_for_itself_and_an_empty_one_allows_nothing(task_of: Callable[..., Task]):
    task = task_of(Allowance(variables=[]))
    assert task.gets("connections/other_db") == httpx.codes.OK
    answer = task.ask("variables/site_a_db")
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "it allows none." in answer.json()["detail"]["message"]


def test_of_a_task_that_was_on_several_hosts_each_has_to_allow_it(bounded: Task, task_of: Callable[..., Task]):
    """The token names the task; an earlier host of it may still have one."""
    task = task_of(Allowance(connections=["other_*"]), bounded.id)
    assert task.gets("connections/site_a_db") == httpx.codes.FORBIDDEN
    assert task.gets("connections/other_db") == httpx.codes.FORBIDDEN


def test_the_end_of_the_job_does_not_widen_it(bounded: Task, engine: Engine):
    with engine.begin() as connection:
        mine = {"id": bounded.id}
        connection.execute(
            text("UPDATE edge_agent_job SET state='succeeded', reason='exit', ended_at=now() WHERE workload_id=:id"),
            mine,
        )
    assert bounded.gets("connections/other_db") == httpx.codes.FORBIDDEN
    assert bounded.gets("connections/site_a_db") == httpx.codes.OK


def test_what_a_task_has_is_good_for_nothing_once_the_token_of_its_host_is_revoked(
    task_of: Callable[..., Task], agent_of: Callable[[Task], str], database: Session
):
    """Airflow would go on renewing it for whoever has it."""
    task = task_of(Allowance())
    paths = ["connections/other_db", "variables/other_db", "variables/keys", f"xcoms/a/b/c/{uuid4()}"]
    assert [task.gets(path) for path in paths] == [200, 200, 200, 404]
    name = agent_of(task)
    tokens.revoke(database, database.scalars(select(TokenRow.name).join(AgentRow).where(AgentRow.name == name)).one())
    database.commit()

    wait_until(lambda: task.gets(paths[0]) == httpx.codes.FORBIDDEN, what="the revocation counts", timeout=10)

    assert [task.gets(path) for path in paths] == [403, 403, 403, 403]
    assert "was revoked" in task.ask(paths[0]).json()["detail"]["message"]
    secret = tokens.create(database, f"reach-{next(NUMBERS)}")
    database.commit()
    with httpx.Client(base_url=str(task.http.base_url) + routes.MOUNT, timeout=60) as http:
        Agent(http, secret.get_secret_value(), name=name).register()
    assert task.gets(paths[0]) == httpx.codes.OK, "with another token the agent is the site's again"


def test_the_host_of_a_deleted_agent_gets_nothing(bounded: Task, engine: Engine):
    with engine.begin() as connection:
        name = connection.scalar(
            text("SELECT agent_name FROM edge_agent_job WHERE workload_id=:id"), {"id": bounded.id}
        )
        connection.execute(text("DELETE FROM edge_agent WHERE name=:name"), {"name": name})
    answer = bounded.ask("connections/site_a_db")
    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "is gone" in answer.json()["detail"]["message"]


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(("tested", "status"), [("site_a_db", httpx.codes.OK), ("other_db", httpx.codes.FORBIDDEN)])
def test_a_connection_test_hands_out_only_what_the_host_may_have(
    task_of: Callable[..., Task], engine: Engine, tested: str, status: int
):
    task = task_of(Allowance(connections=["site_a_*"]))
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO connection_test_request (id, token, connection_id, state, created_at, updated_at, "
                "conn_type, commit_on_success) VALUES (:id, :token, :tested, 'queued', now(), now(), 'http', false)"
            ),
            {"id": task.id, "token": uuid4().hex, "tested": tested},
        )
    assert task.gets(f"connection-tests/{task.id}/connection") == status
    result = {"state": "failed", "result_message": "no"}
    reported = task.ask(f"connection-tests/{task.id}", "PATCH", json=result)
    assert reported.status_code == httpx.codes.NO_CONTENT, "how it ended can always be told"


def test_only_the_bearer_of_a_true_token_is_answered_about_it(bounded: Task):
    """Who makes up a token learns nothing of the task it names; of two the first counts."""
    made_up = bounded.ask("connections/other_db", secret="0" * 64)
    assert (made_up.status_code, made_up.json()) == (403, {"detail": "Invalid auth token"})
    assert bounded.http.get(f"{EXECUTION}connections/other_db").status_code == httpx.codes.UNAUTHORIZED
    generator = JWTGenerator(secret_key=bounded.secret, valid_for=600, audience="urn:airflow.apache.org:task")
    both = [
        ("Authorization", f"Bearer {generator.generate(extras={'sub': str(each), 'scope': 'execution'})}")
        for each in (uuid4(), bounded.id)
    ]
    statuses = [
        bounded.http.get(f"{EXECUTION}connections/other_db", headers=list(headers)).status_code
        for headers in itertools.permutations(both)
    ]
    assert statuses == [200, 403], "the first counts for us as for Airflow"


def test_the_plugin_shows_its_guard_where_airflow_lists_plugins(airflow: AirflowBed, login: Login):
    listed = httpx.get(f"{airflow.url}/api/v2/plugins", headers=login("anna"), timeout=60).json()["plugins"]
    (ours,) = [plugin for plugin in listed if plugin["name"] == "edge_agent"]
    assert [middleware["name"] for middleware in ours["fastapi_root_middlewares"]] == ["Airflow Edge Agent"]


def test_a_list_is_given_by_the_api_and_seen_there(airflow: AirflowBed, login: Login):
    name = f"listed-{next(NUMBERS)}"
    with httpx.Client(base_url=f"{airflow.url}/edge_agent/v1/ui", headers=login("olga"), timeout=60) as http:
        body = {"name": name, "connections": ["site_a_*"], "variables": []}
        assert http.post("/tokens", json=body).status_code == httpx.codes.CREATED
        (ours,) = [token for token in http.get("/tokens").json() if token["name"] == name]
    assert (ours["connections"], ours["variables"]) == (["site_a_*"], [])
    log = httpx.get(
        f"{airflow.url}/api/v2/eventLogs",
        params={"event": "edge_agent.tokens.create", "order_by": "-event_log_id", "limit": 5},
        headers=login("anna"),
        timeout=60,
    ).json()["event_logs"]
    assert any(name in (each["extra"] or "") and "site_a_*" in each["extra"] for each in log)


def test_without_tables_nothing_is_bounded():
    """Airflow with this package installed, and not migrated yet: its tasks go on."""
    engine = create_engine("sqlite://")
    with Session(engine) as session:
        assert not reach.is_bounded(session)
    engine.dispose()
