from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from edge_agent.attempt_dir import AttemptDir
from edge_agent.task_host import task_environment
from edge_agent.task_host.environment import of_attempt
from edge_agent.task_host.hostname import agent_name

FIXED = {
    "AIRFLOW__CORE__EXECUTOR": "Local,Edge:a.b.C",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "https://site.example/execution/",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "edge_agent.task_host.hostname.agent_name",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////dev/null",
}


def build(**inherited: str) -> dict[str, str]:
    return task_environment(
        inherited,
        agent_name="one",
        executor="Local,Edge:a.b.C",
        default_queue="site-queue",
        server="https://site.example/execution/",
    )


def test_the_agents_own_environment_is_passed_on_without_its_settings():
    built = build(PATH="/bin", EDGE_AGENT_TOKEN="secret", EDGE_AGENT_CONFIG="/etc/x.toml", AIRFLOW_HOME="/srv")

    assert (built["PATH"], built["AIRFLOW_HOME"]) == ("/bin", "/srv")
    assert {name for name in built if name.startswith("EDGE_AGENT")} == {"EDGE_AGENT_NAME"}
    assert "secret" not in built.values()


@pytest.mark.parametrize("name", FIXED)
def test_what_must_agree_with_the_site_cannot_be_set_on_the_host(name: str):
    assert build(**{name: "the host's"})[name] == FIXED[name]


@pytest.mark.parametrize("name", ["AIRFLOW__OPERATORS__DEFAULT_QUEUE", "AIRFLOW__CORE__LOAD_EXAMPLES"])
def test_what_is_harmless_can(name: str):
    assert build(**{name: "the host's"})[name] == "the host's"


def test_the_sites_default_queue_holds_where_the_host_has_none():
    assert build()["AIRFLOW__OPERATORS__DEFAULT_QUEUE"] == "site-queue"


def test_no_number_of_failed_heartbeats_ends_a_task():
    assert int(build()["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"]) >= 10**6


def test_an_attempt_adds_its_own_log_folder_and_whose_it_is(tmp_path: Path):
    attempt = AttemptDir.create(tmp_path, uuid4(), {"job_id": "the-job"})

    assert of_attempt(attempt, agent="one", server="https://site.example/") == {
        "EDGE_AGENT_NAME": "one",
        "EDGE_AGENT_ASSIGNMENT_ID": str(attempt.assignment_id),
        "EDGE_AGENT_JOB_ID": "the-job",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": "https://site.example/",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(tmp_path / attempt.path.name / "log"),
    }


def test_the_hostname_of_a_task_is_its_agents_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EDGE_AGENT_NAME", "one")
    assert agent_name() == "one"


def test_the_agents_side_imports_no_airflow():
    script = "import sys, edge_agent.task_host; sys.exit('airflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
