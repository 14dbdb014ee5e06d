"""The quickstart, followed by a newcomer from the first line to the last, on a machine with nothing but the wheel."""

from __future__ import annotations

import configparser
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.docs.documents import DOCS, Block, blocks
from tests.docs.shell import Command, commands, commands_of
from tests.support.installed import Built, Environment, empty
from tests.support.ports import free_ports
from tests.support.process import Process, clean_environment
from tests.support.transcript import Place
from tests.support.waiting import wait_until

PATIENCE_SECONDS = 240
"""For an Airflow that compiles itself on a machine that does other things too."""

pytestmark = [pytest.mark.airflow, pytest.mark.minutes, pytest.mark.timeout(600)]

AS_ROOT = '\n[tasks]\nrun_as_user = "root"\n'
"""What root's agent needs in its policy: a test may run as root, and the page says not to."""


def page(*languages: str) -> list[Block]:
    """Return the examples of the quickstart."""
    return [block for block in blocks(*languages) if block.path == DOCS / "quickstart.md"]


def printed(*words: str) -> Command:
    """Return the one command of the quickstart that begins so."""
    (found,) = [each for block in page("sh") for each in commands_of(block) if each.begins(*words)]
    return found


@pytest.fixture(scope="module")
def machine(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Give an environment in which the quickstart's two lines of pip were run, and nothing else."""
    with empty(tmp_path_factory.mktemp("machine")) as environment:
        for block in page("sh"):
            for command in commands_of(block):
                if command.begins("pip"):
                    environment.pip(*command.words[1:], dist=built.wheel.parent)
        environment.take_what_is_compiled()
        yield environment


def test_what_is_printed_installs_what_it_says(machine: Environment, built: Built):
    """Each line of pip that any page has; an extra that is not there would be a warning to its reader.

    Of any release: there is only the present one here.
    """
    shown = [*commands("pip", "install"), *commands("/opt/edge-agent/bin/pip", "install")]
    for line in {tuple(word.partition("==")[0] for word in each.words[1:]) for each in shown}:
        machine.pip(*line, dist=built.wheel.parent)
    extras = {extra for each in shown for extra in re.findall(r"\[(\w+)\]", each.words[-1])}
    provided = machine.python(
        "import importlib.metadata as m; print(m.metadata('airflow-edge-agent').get_all('Provides-Extra'))"
    )
    assert {"server", "tasks"} <= extras
    assert [extra for extra in extras if f"'{extra}'" not in provided] == []


@pytest.fixture
def places(machine: Environment, tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    """Give the two shells: beside Airflow, and on the host."""
    port, *log_ports = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    folder = {"https://airflow.example.com": url}
    folder |= {path: str(tmp_path / path[1:]) for path in ("/etc/edge-agent", "/srv/dags")}
    quick = {
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(log_ports[0]),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(log_ports[1]),
    }
    both = []
    for name, variables in {
        "airflow": quick,
        "host": {
            "EDGE_AGENT_STATE_DIR": str(tmp_path / "state"),
            "EDGE_AGENT_POLICY_FILE": f"{folder['/etc/edge-agent']}/policy.toml",
        },
    }.items():
        (home := tmp_path / name).mkdir()
        environment = clean_environment(home, AIRFLOW_HOME=str(home), **variables)
        environment["PATH"] = os.pathsep.join([str(machine.bin), environment["PATH"]])
        both.append(Place(home, environment, folder))
    yield both[0], both[1]
    for place in reversed(both):
        place.end()


def test_the_quickstart_does_what_it_says(places: tuple[Place, Place]):
    """From an empty machine to a task that ran on the agent, by what is printed there and in that order."""
    site, host = places
    airflow = beside_airflow(site)
    token = site.type(printed("airflow", "edge-agent", "tokens", "create"))
    agent = on_the_host(host, token)
    dag = page("python")[0].text
    (site.home / "dags").mkdir()
    for folder in (str(site.home / "dags"), "/srv/dags"):
        host.write(f"{folder}/nightly.py", dag)

    site.type(printed("airflow", "dags", "reserialize"))
    wait_for(site, airflow, "SELECT count(*) FROM dag WHERE dag_id = 'nightly'", "the Dag is there")
    site.type(printed("airflow", "dags", "unpause"))
    site.type(printed("airflow", "dags", "trigger"))
    wait_for(site, airflow, "SELECT count(*) FROM task_instance WHERE state = 'success'", "the task ran")
    assert re.search(r"db-07 .*connected", site.type(printed("airflow", "edge-agent", "agents", "list")))
    assert re.search(r"(running|succeeded) .*nightly", site.type(printed("airflow", "edge-agent", "jobs", "list")))
    assert re.search(r"db-07.* running since", host.type(printed("edge-agent", "status")))
    assert agent.stop(60, first=signal.SIGTERM) == 0, agent.output()

    host.environment["EDGE_AGENT_CONFIG"] = host.here("/etc/edge-agent/agent.toml")
    for command in commands("edge-agent", "server-key"):
        host.type(command)


def beside_airflow(site: Place) -> Process:
    """Follow the first part; return the Airflow that runs."""
    site.type(printed("airflow", "db", "migrate"))
    (wanted := configparser.ConfigParser(interpolation=None)).read_string(page("ini")[0].text)
    file = site.home / "airflow.cfg"
    text, count = re.subn(r"(?m)^executor = .*$", f"executor = {wanted['core']['executor']}", file.read_text())
    assert count == 1
    file.write_text(text)
    airflow = site.start(printed("airflow", "standalone"))
    url = f"{site.environment['AIRFLOW__API__BASE_URL']}/api/v2/version"

    def answers() -> bool:
        airflow.must_run()
        return httpx.get(url).is_success

    wait_until(answers, what="Airflow answers", timeout=PATIENCE_SECONDS, ignoring=(httpx.TransportError,))
    return airflow


def on_the_host(host: Place, token: str) -> Process:
    """Follow the second part; return the agent that runs."""
    for block in page("sh"):
        for command in commands_of(block):
            if command.begins("install") or command.begins("export"):
                host.type(command, answer=token)
    for block in page("toml"):
        path = block.text.splitlines()[0].removeprefix("# ")
        host.write(path, block.text + AS_ROOT * (path.endswith("policy.toml") and os.geteuid() == 0))
    assert "FAIL" not in host.type(printed("edge-agent", "check"))
    return host.start(printed("edge-agent", "run"))


def wait_for(site: Place, airflow: Process, question: str, what: str) -> None:
    """Wait until Airflow's database has an answer."""

    def answer() -> int:
        airflow.must_run()
        with closing(sqlite3.connect(f"file:{site.home / 'airflow.db'}?mode=ro", uri=True)) as database:
            (count,) = database.execute(question).fetchone()
        return int(count)

    wait_until(answer, what=what, timeout=PATIENCE_SECONDS, interval=0.5, ignoring=(sqlite3.OperationalError,))
