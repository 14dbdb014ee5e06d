"""What Dag authors write runs on the host, and Airflow knows everything about it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def kinds(bed: AirflowBed, onprem: AgentHost, tmp_path_factory: pytest.TempPathFactory) -> DagRun:
    """Give one run of the Dag with every kind of task, when it has ended."""
    bed.rest.set_variable("e2e_greeting", "good day")
    bed.rest.set_connection("e2e_db", conn_type="generic", password="drowssap")
    bed.rest.wait_for_dags({"kinds", "fails"})
    run = bed.rest.trigger("kinds", {"folder": str(tmp_path_factory.mktemp("kinds"))})
    run.wait(timeout=200)
    return run


def test_the_run_succeeds_and_every_task_ran_on_the_host(kinds: DagRun):
    assert kinds.state() == "success", kinds.tasks()
    states = kinds.tasks()
    assert states.pop(("never", -1)) == "skipped"
    assert set(states.values()) == {"success"}, states
    assert len([key for key in states if key[0] == "mapped"]) == 50
    hosts = {kinds.task(task, index)["hostname"] for task, index in states}
    assert hosts == {"onprem-1"}


def test_bash_says_where_it_ran(kinds: DagRun):
    assert kinds.xcom("bash") == "onprem-1"


def test_a_task_in_tmux_is_one_like_any_other(kinds: DagRun):
    """It goes to an agent that has told the server of its tmux, and says there where it ran."""
    assert kinds.xcom("in_tmux") == "onprem-1"
    kinds.wait_for_log("in_tmux", "onprem-1")


def test_values_travel_between_tasks(kinds: DagRun):
    assert kinds.xcom("consume") == 6
    assert kinds.xcom("total") == sum(number * number for number in range(50))


def test_a_deferred_task_resumes_on_an_agent_with_one_log_of_both_parts(kinds: DagRun):
    assert kinds.xcom("deferred") == "resumed"
    log = kinds.wait_for_log("deferred", "after the deferral")
    assert log.index("before the deferral") < log.index("after the deferral")


def test_a_sensor_that_gives_its_slot_back_looks_again(kinds: DagRun):
    assert kinds.task("reschedule")["state"] == "success"


def test_a_retry_has_a_log_of_its_own(kinds: DagRun):
    assert kinds.task("second_try")["try_number"] == 2
    kinds.wait_for_log("second_try", "the first try fails", try_number=1)
    assert "the first try fails" not in kinds.log("second_try", try_number=2)


def test_connections_and_variables_come_through_the_execution_api(kinds: DagRun):
    assert kinds.xcom("secrets") == ["password", "good day"]


def test_a_setup_and_its_teardown_run_around_the_work(kinds: DagRun):
    assert kinds.xcom("use_cluster") == "used cluster-1"
    assert kinds.xcom("drop_cluster") == "dropped cluster-1"


def test_a_failure_is_read_where_airflow_shows_it_and_its_callback_ran_on_the_host(
    bed: AirflowBed, onprem: AgentHost, tmp_path: Path, kinds: DagRun
):
    run = bed.rest.trigger("fails", {"folder": str(tmp_path)})
    assert run.wait() == "failed"
    run.wait_for_log("broken", "this is what the author must read")
    wait_until((tmp_path / "callback").exists, what="the failure callback wrote its note")
    assert (tmp_path / "callback").read_text() == onprem.name


def test_ids_as_long_as_airflow_allows_run(bed: AirflowBed, onprem: AgentHost):
    bed.rest.wait_for_dags({"d" * 250})
    run = bed.rest.trigger("d" * 250)
    assert run.wait() == "success"
    assert run.xcom("t" * 250) == "ran"


def test_a_connection_is_tested_from_the_host(bed: AirflowBed, onprem: AgentHost):
    body = {
        "connection_id": "e2e_tested",
        "conn_type": "fs",
        "extra": json.dumps({"path": "/"}),
        "executor": "EdgeAgentExecutor",
        "queue": "onprem",
    }
    queued = bed.rest.ask("POST", "/connections/enqueue-test", json=body)
    headers = {"Airflow-Connection-Test-Token": queued["token"]}

    def answer() -> dict[str, str]:
        return bed.rest.ask("GET", "/connections/enqueue-test", headers=headers)

    done = wait_until(
        answer, until=lambda test: test["state"] in {"success", "failed"}, what="the test ends", timeout=60
    )
    assert done["state"] == "success", done


def test_the_host_listens_nowhere_and_holds_no_key_of_the_deployment(bed: AirflowBed, onprem: AgentHost, kinds: DagRun):
    """No inbound port; neither environment nor command line nor file has a secret of the server's."""
    listening = [
        connection
        for pid in onprem.pids()
        for connection in psutil.Process(pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == []
    names = ("API_AUTH__JWT_SECRET", "CORE__FERNET_KEY", "DATABASE__SQL_ALCHEMY_CONN", "API__SECRET_KEY")
    secrets = [bed.environment[f"AIRFLOW__{name}"].encode() for name in names]
    for pid in onprem.pids():
        for about in ("environ", "cmdline"):
            told = Path(f"/proc/{pid}/{about}").read_bytes()
            assert not any(secret in told for secret in secrets), (pid, about)
    for folder, _, files in os.walk(onprem.home):
        for file in files:
            content = Path(folder, file).read_bytes() if Path(folder, file).is_file() else b""
            assert not any(secret in content for secret in secrets), Path(folder, file)


def test_a_finished_host_keeps_no_attempt_and_no_process_of_a_job(onprem: AgentHost, kinds: DagRun):
    wait_until(lambda: not list((onprem.state / "attempts").iterdir()), what="no attempt is kept", timeout=30)
