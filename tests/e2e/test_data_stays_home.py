"""What leaves a site that keeps its data at home, and what never does: read off the wire, with planted canaries.

One host, configured by the examples of the how-tos word for word, behind a proxy that writes down all that crosses.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.home import STORE, HomeSite, Visit
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import AirflowRest, DagRun
from tests.support.documented import documented, variables
from tests.support.own_site import Aws, Lineage, Repository
from tests.support.waiting import wait_until

PINNED = """
from pathlib import Path
from airflow.sdk import dag, task

SITE = {{"executor": "EdgeAgentExecutor", "queue": "home"}}
VERSION = "{version}"

@dag(schedule=None, params={{"folder": "/nowhere"}})
def pinned():
    @task(**SITE)
    def before(params=None):
        Path(params["folder"], "gate").read_text()
        return VERSION

    @task(**SITE)
    def after(_):
        return VERSION

    after(before())

pinned()
"""


@pytest.fixture(scope="module")
def site(
    bed: AirflowBed,
    make_host: Callable[..., AgentHost],
    repository: Repository,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[HomeSite]:
    """Give the site. Its agent runs when it is told how."""
    folder = tmp_path_factory.mktemp("files")
    with ExitStack() as stack:
        aws = Aws(tmp_path_factory.mktemp("aws"), key="the-access-key", secret="any")
        stack.enter_context(aws)
        aws.make_buckets("site-xcoms", "site-logs")
        lineage = stack.enter_context(Lineage())
        site = HomeSite(bed, make_host, folder, aws=aws, lineage=lineage, repository=repository)
        stack.enter_context(site.tap)
        yield site
        site.host.power_off()


@pytest.fixture(scope="module")
def kept(site: HomeSite) -> Visit:
    """Give a run of all its tasks, with all that the how-tos say."""
    site.start(variables(STORE)[1]["EDGE_AGENT_TASK_LOGS"])
    visit = site.run("home")
    assert {name for (name, _), state in visit.run.tasks().items() if state != "success"} == {"breaks"}
    return visit


@pytest.fixture(scope="module")
def told(site: HomeSite) -> Visit:
    """Give the same with Airflow's and the agent's own defaults for logs and templates."""
    site.start("push", AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH="4096")
    visit = site.run("home")
    # Now: the reader of the site's logs is one that takes what it finds in the table to its store.
    visit.logs["says"] = visit.run.wait_for_log("says", site.planted["line"])
    visit.logs["large"] = visit.run.wait_for_log("large", "Returned value was:")
    return visit


@pytest.fixture
def reader(bed: AirflowBed, site: HomeSite) -> Iterator[AirflowRest]:
    """Give an API server that may read the site's logs, configured by the example for it."""
    options = documented(STORE)[2]["logging"]
    logging = {f"AIRFLOW__LOGGING__{name.upper()}": value for name, value in options.items()}
    connection = site.host.process.environment["AIRFLOW_CONN_SITE_STORE"]
    name = f"api-server-{len(bed.parts)}"
    api = bed.add_api_server(logging | {"AIRFLOW_CONN_SITE_STORE": connection}, apps="core")
    yield api
    bed.stop(name)
    api.close()


def test_a_large_xcom_is_in_the_sites_store_and_airflow_has_its_address(bed: AirflowBed, site: HomeSite, kept: Visit):
    address = kept.run.xcom("large")
    assert address.startswith("s3://site_store@site-xcoms/xcom/home/")
    key = address.partition("@site-xcoms/")[2]
    value = json.loads(gzip.decompress(site.aws.read("site-xcoms", key)))
    assert value == [site.planted["large"]] * 500
    assert kept.run.xcom("reads") == [500, digest(site.planted["large"])], "and the next task has the value"
    assert kept.crossed("large") == []
    rest = f"/dags/home/dagRuns/{kept.run.run_id}/taskInstances"
    assert site.planted["large"] not in str(bed.rest.ask("GET", rest))


def test_the_next_tasks_argument_leaves_unless_templates_are_cut(site: HomeSite, told: Visit):
    assert "PUT /execution/task-instances/{}/rtif" in told.crossed("large")
    assert site.planted["large"] in str(told.run.task("reads")["rendered_fields"])


def test_what_a_python_task_returns_is_a_line_of_its_log_and_leaves_with_that(told: Visit):
    assert told.planted["large"] in told.logs["large"]
    assert "POST /edge_agent/v1/assignments/{}/logs" in told.crossed("large")


def test_a_small_xcom_leaves(kept: Visit):
    assert kept.run.xcom("small") == kept.planted["small"]
    assert kept.crossed("small") == ["POST /execution/xcoms/{}"]


def test_a_log_in_the_store_is_read_on_airflows_page_and_never_crosses(
    site: HomeSite, kept: Visit, reader: AirflowRest
):
    elsewhere = DagRun(reader, kept.run.dag_id, kept.run.run_id)
    log = elsewhere.log("says")
    assert f"said: {site.planted['line']}" in log
    assert log.count("home-1 writes this log to the log store of its site when the task has ended.") == 1
    assert site.planted["error"] in elsewhere.log("breaks")
    assert site.planted["line"] not in kept.run.log("says"), "an API server without a way there has the words alone"
    assert "home-1 writes this log" in kept.run.log("says")
    assert (kept.crossed("line"), kept.crossed("error")) == ([], [])
    assert not (site.host.state / "late_logs").exists()


def test_a_log_that_is_pushed_leaves_and_errors_with_it(told: Visit):
    assert told.planted["line"] in told.logs["says"]
    assert told.crossed("line") == ["POST /edge_agent/v1/assignments/{}/logs"]
    assert told.crossed("error") == ["POST /edge_agent/v1/assignments/{}/logs"]


def test_a_log_that_stays_on_the_host_is_named_on_airflows_page(site: HomeSite):
    site.start(variables(STORE)[2]["EDGE_AGENT_TASK_LOGS"])
    visit = site.run("home_says")
    log = visit.run.wait_for_log("says", "This log stays on its host: home-1, ")
    (place,) = [path for path in (site.host.state / "task_logs").rglob("*.log") if visit.run.run_id in str(path)]
    assert str(place) in log
    assert site.planted["line"] in place.read_text()
    assert visit.crossed("line") == []
    assert visit.left_with(str(site.host.home)) == ["POST /edge_agent/v1/assignments/{}/logs"], "with its path"


def test_a_connection_of_the_site_is_used_and_airflow_never_hears_of_it(bed: AirflowBed, site: HomeSite, kept: Visit):
    assert kept.run.xcom("connects") == digest(site.planted["password"])
    assert kept.crossed("password") == []
    assert kept.with_("site_db") == [], "not even its name is asked for"
    assert "site_db" not in str(bed.rest.ask("GET", "/connections"))


def test_a_secrets_manager_of_the_site_serves_as_well(site: HomeSite):
    managed = {"conn_type": "postgres", "host": "db", "password": site.planted["managed"]}
    manager = site.aws.client("secretsmanager")
    manager.create_secret(Name="airflow/connections/site_db", SecretString=json.dumps(managed))
    site.start("store", secrets_example=1)
    visit = site.run("home_connects")
    assert visit.run.xcom("connects") == digest(site.planted["managed"])
    assert (visit.crossed("managed"), visit.with_("site_db")) == ([], [])


def test_a_name_that_the_host_does_not_know_is_asked_for(kept: Visit):
    assert kept.left_with("home_unknown") == ["GET /execution/variables/home_unknown"]


def test_the_log_shows_stars_for_its_password(site: HomeSite, kept: Visit):
    keys = site.aws.keys("site-logs")
    (key,) = [key for key in keys if kept.run.run_id in key and "task_id=connects" in key]
    log = site.aws.read("site-logs", key).decode()
    assert "connecting as etl with ***" in log
    assert site.planted["password"] not in log


def test_what_a_template_makes_of_a_variable_leaves_unless_templates_are_cut(kept: Visit, told: Visit):
    assert told.run.task("templated")["rendered_fields"]["bash_command"] == f"echo {told.planted['variable']}"
    assert "PUT /execution/task-instances/{}/rtif" in told.crossed("variable")
    assert kept.crossed("variable") == []
    assert kept.run.task("templated")["state"] == "success"


@pytest.mark.parametrize("name", ["unread", "environment", "dag_code", "key"])
def test_what_nobody_sends_never_crosses(kept: Visit, told: Visit, name: str):
    assert kept.crossed(name) == told.crossed(name) == []


def test_no_path_of_the_host_leaves(site: HomeSite, kept: Visit):
    assert kept.left_with(str(site.host.home)) == []


def test_what_the_agent_says_of_its_host_leaves(site: HomeSite, kept: Visit):
    registrations = [each.sent() for each in site.tap.exchanges if each.path.endswith("/session")]
    said = next(each for each in registrations if each)
    place = {"hostname", "queues", "kinds", "slots", "capabilities", "versions"}
    assert set(said) == place | {"instance", "held", "never_started"}
    assert set(said["versions"]) == {"agent", "python", "airflow", "task_sdk"}
    assert {"os", "arch", "cpus", "memory_gb", "python", "airflow", "hostname"} <= set(said["capabilities"])
    beats = [each.sent() for each in kept.exchanges if each.path.endswith(("/heartbeat", "/poll"))]
    health = next(found for beat in beats if (found := (beat.get("beat") or beat).get("health")))
    assert {"load_1m", "memory_total_bytes", "memory_available_bytes", "disk_free_bytes", "clock"} <= set(health)


def test_what_a_task_says_of_itself_leaves(kept: Visit):
    starts = [each.sent() for each in kept.exchanges if each.path.endswith("/run")]
    assert set(starts[0]) == {"hostname", "unixname", "pid", "start_date", "state"}
    ends = {name for each in kept.exchanges if each.path.endswith("/state") for name in each.sent()}
    assert {"state", "end_date"} <= ends <= {"state", "end_date", "task_outlets", "outlet_events", "rendered_map_index"}


def test_lineage_goes_to_the_sites_own_receiver_and_not_to_airflow(site: HomeSite, kept: Visit):
    ended = wait_until(lambda: site.lineage.of("home.large", "COMPLETE"), what="the end is told", timeout=60)
    assert ended[0]["job"]["namespace"] == "site-a"
    assert site.lineage.of("home.large", "START")
    failed = wait_until(lambda: site.lineage.of("home.breaks", "FAIL"), what="a failure is told", timeout=60)
    assert site.planted["error"] in json.dumps(failed), "with the error"
    everything = json.dumps(site.lineage.events)
    silent = set(site.planted) - {"error", "variable"}
    assert {name for name in silent if site.planted[name] in everything} == set()
    assert kept.with_("openlineage") == []


def test_a_run_goes_on_with_the_commit_it_began_with(site: HomeSite, bed: AirflowBed, repository: Repository):
    site.start("push")
    before = len(site.tap.exchanges)
    old = repository.commit("pinned.py", PINNED.format(version="old"))
    bed.rest.wait_for_dags({"pinned"})
    os.mkfifo(gate := site.folder / "gate")
    run = bed.rest.trigger("pinned", {"folder": str(site.folder)})
    run.wait_for_task("before", "running")
    new = repository.commit("pinned.py", PINNED.format(version="new"))
    wait_until(
        lambda: bed.rest.ask("GET", "/dags/pinned/details")["bundle_version"],
        until=lambda version: version == new,
        what="Airflow has read the new commit",
        timeout=90,
        interval=0.5,
    )
    gate.write_text("")  # who reads has waited for this
    gate.unlink()
    gate.touch()
    assert run.wait() == "success"
    assert run.xcom("after") == "old"
    later = site.run("pinned").run
    assert (later.xcom("before"), later.xcom("after")) == ("new", "new")
    crossed = "\n".join(each.up + each.down for each in site.tap.exchanges[before:])
    assert old in crossed, "the commit's id comes with the task"
    assert "VERSION = " not in crossed, "its code does not"


def digest(text: str) -> str:
    """Return what a task says of a secret that it has."""
    return hashlib.sha256(text.encode()).hexdigest()
