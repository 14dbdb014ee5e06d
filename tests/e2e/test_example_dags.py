"""Commands by the names their users know: the example Dags, and what their users see of results and failures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

from tests.docs.documents import ROOT
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun

EXAMPLES = sorted((ROOT / "airflow_edge_agent" / "example_dags").glob("*.py"))
ROW_BYTES = 300_000
"""More than any result may take in Airflow's database; RemSvc's took 6.3 MB."""


@pytest.fixture(scope="module")
def host(bed: AirflowBed, onprem: AgentHost, make_host: Callable[..., AgentHost]) -> AgentHost:
    """Give the host that the examples name, with connections as their users have them."""
    token = bed.create_token("examples", ["examples", "onprem"], kind="submit")
    here = {"host": "127.0.0.1", "port": bed.port, "schema": "http"}
    bed.rest.set_connection("edge_agent_default", conn_type="edge_agent", password=token, **here)
    bed.rest.set_connection("remsvc_default", conn_type="edge_agent", password=token, **here)
    # As Root Agent's users have it: no host, and the token among the extras.
    extra = json.dumps({"agent_token": token, "verify_ssl": False})
    bed.rest.set_connection("agent_default", conn_type="http", extra=extra)
    for example in EXAMPLES:
        shutil.copy(example, bed.dags)
    return make_host("db-07", "examples", slots=16, bare=True).start()


@pytest.fixture(scope="module")
def examples(bed: AirflowBed, host: AgentHost) -> dict[str, DagRun]:
    """Give a run of every example, when all have ended."""
    names = [path.stem for path in EXAMPLES]
    bed.rest.wait_for_dags(names)
    runs = {name: bed.rest.trigger(name) for name in names}
    for run in runs.values():
        run.wait(timeout=240)
    return runs


@pytest.fixture(scope="module")
def commands(bed: AirflowBed, host: AgentHost) -> DagRun:
    """Give a run of the Dag with what succeeds, when it has ended."""
    bed.rest.wait_for_dags({"named_commands"})
    run = bed.rest.trigger("named_commands")
    run.wait(timeout=240)
    return run


@pytest.fixture(scope="module")
def failures(bed: AirflowBed, host: AgentHost) -> DagRun:
    """Give a run of the Dag in which everything fails, when it has ended."""
    bed.rest.wait_for_dags({"named_failures"})
    run = bed.rest.trigger("named_failures")
    run.wait(timeout=240)
    return run


def last_log(run: DagRun, task_id: str, text: str) -> str:
    """Return the log of the last try once a text stands in it.

    A scheduler that is held up for half a minute has its tasks begun anew by itself, on a busy machine.
    """
    return run.wait_for_log(task_id, text, try_number=run.task(task_id)["try_number"])


@pytest.mark.parametrize("name", [path.stem for path in EXAMPLES])
def test_an_example_succeeds_on_the_host(examples: dict[str, DagRun], name: str):
    run = examples[name]
    assert run.state() == "success", {task: run.log(task[0]) for task in run.tasks()}


def test_the_example_of_our_own_reads_what_the_host_said(examples: dict[str, DagRun]):
    run = examples["example_edge_agent_command"]
    facts = run.xcom("facts")
    assert facts["cpus"] > 0
    assert run.xcom("greet") == f"a good day to {facts['user']} and {facts['cpus']} processors"
    last_log(run, "free_space", "Mounted on")


def test_a_short_command_answers_as_the_root_agent_does(commands: DagRun):
    answer = commands.xcom("both_streams")
    assert commands.xcom("both_streams", "edge_agent_jobs") == [answer.pop("job_id")]
    assert answer == {"status": "finished", "return_code": 0, "stdout": "out\nend\n", "stderr": "err\n"}
    log = last_log(commands, "both_streams", "end")
    assert "err" in log


def test_a_job_that_nobody_waits_for_is_found_by_the_sensor_that_is_given_its_id(commands: DagRun):
    answer = commands.xcom("start")
    assert answer == {"job_id": commands.xcom("start", "edge_agent_jobs")[0], "status": "submitted"}
    assert commands.task("poked")["state"] == "success"
    assert commands.task("poked")["end_date"] > commands.task("start")["end_date"]


def test_the_sensor_gives_its_worker_back_between_two_looks(examples: dict[str, DagRun]):
    """It looks once, is rescheduled, and looks again after half a minute."""
    last_log(examples["example_agent_tmux"], "wait_for_load", "Rescheduling task")


def test_twelve_commands_have_results_in_their_order(commands: DagRun):
    answer = commands.xcom("twelve")
    assert (answer["state"], answer["error_msg"]) == ("SUCCESS", None)
    assert [each["tid"] for each in answer["results"]] == list(range(1, 13))
    for tid, each in enumerate(answer["results"], start=1):
        assert (each["rc"], each["out"], each["err"]) == (0, f"{tid} of {commands.run_id}\n", f"e{tid}\n")


def test_24_outputs_of_262_kb_make_a_small_row_that_says_so(commands: DagRun):
    answer = commands.xcom("large")
    assert len(json.dumps(answer)) < ROW_BYTES
    assert {each["out"].splitlines()[0] for each in answer["results"]} == {
        "[the end of 262000 bytes; more of it is in the task's log]"
    }
    assert all(len(each["out"]) > 10_000 for each in answer["results"])


def test_a_handler_makes_of_the_results_what_it_likes(commands: DagRun):
    assert commands.xcom("handled")["results"] == {"1": "one", "2": "two"}


def test_a_failing_command_shows_its_output_and_does_not_stop_the_later_ones(failures: DagRun):
    assert failures.task("one_fails")["state"] == "failed"
    answer = failures.xcom("one_fails")
    assert (answer["state"], answer["error_msg"]) == ("FAILED", "Non-zero rc for tid(s): [2]")
    assert [(each["rc"], each["out"], each["err"]) for each in answer["results"]] == [
        (0, "first\n", ""),
        (3, "the reason\n", "why\n"),
        (0, "third\n", ""),
    ]
    log = last_log(failures, "one_fails", "exit code 3")
    assert "the reason" in log
    assert "why" in log


def test_when_the_time_for_all_is_over_what_runs_is_ended_and_the_later_ones_do_not_begin(
    failures: DagRun, host: AgentHost
):
    assert failures.task("too_long")["state"] == "failed"
    log = last_log(failures, "too_long", "begun")
    assert "never" not in log
    assert not [line for line in host.command_lines() if "sleep 600" in line]


def test_a_failure_of_a_short_command_is_one_with_its_code_and_last_words(failures: DagRun):
    answer = failures.xcom("exits")
    assert (answer["status"], answer["return_code"], answer["stdout"]) == ("finished", 7, "the reason\n")
    log = last_log(failures, "exits", "exit code 7")
    assert log.count("the reason") > 1


def test_a_command_that_runs_too_long_is_ended_on_the_host(failures: DagRun, host: AgentHost):
    answer = failures.xcom("ends")
    assert (answer["status"], answer["return_code"], answer["stdout"]) == ("failed", None, "begun\n")
    assert not [line for line in host.command_lines() if "sleep 600" in line]


def test_the_sensor_fails_as_the_job_did(failures: DagRun):
    assert failures.task("start")["state"] == "success"
    assert failures.task("hears_it")["state"] == "failed"
    last_log(failures, "hears_it", "exit code 5")


def test_a_sensor_with_an_id_that_nobody_knows_fails_and_says_so(failures: DagRun):
    assert failures.task("unknown")["state"] == "failed"
    last_log(failures, "unknown", "00000000-0000-4000-8000-000000000000")
