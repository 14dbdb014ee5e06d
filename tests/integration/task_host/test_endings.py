"""How a task ends, and what its result says of it: what Airflow was told, and nothing else."""

from __future__ import annotations

from uuid import uuid4

import pytest

from edge_agent.attempt_dir import Result
from edge_agent.task_host import TaskHost
from tests.support.execution_api import ExecutionApi
from tests.support.task_site import TOKEN, Run, TaskSite, task

pytestmark = pytest.mark.asyncio(loop_scope="session")


def everything_in(run: Run) -> str:
    return "\n".join(path.read_text() for path in run.attempt.path.rglob("*") if path.is_file())


async def test_a_task_succeeds_and_its_xcom_arrives(host: TaskHost, site: TaskSite, api: ExecutionApi):
    run = await site.spawn(host, task("simple", "succeeds"))

    assert await run.result() == Result(exit_code=0, state="success")
    assert run.instance.state == "success"
    assert api.xcoms["simple/manual__1/succeeds/return_value"] == {"answer": 42}
    assert "hello from the task" in run.log.read_text()


async def test_a_task_that_raises_has_failed_although_its_supervisor_ended_well(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("simple", "fails"))

    assert await run.result() == Result(exit_code=1, state="failed")
    assert run.instance.state == "failed"
    assert "on purpose" in run.log.read_text()


async def test_a_task_with_retries_left_is_up_for_retry(host: TaskHost, site: TaskSite):
    payload = task("simple", "retries")
    site.api.instance(payload["workload"]["ti"]["id"]).run_context = {"should_retry": True, "max_tries": 2}
    run = await site.spawn(host, payload)

    assert await run.result() == Result(exit_code=1, state="up_for_retry")


@pytest.mark.parametrize(
    ("task_id", "state"),
    [("skips", "skipped"), ("reschedules", "up_for_reschedule"), ("defers", "deferred")],
)
async def test_a_task_that_only_steps_aside_has_ended_well(host: TaskHost, site: TaskSite, task_id: str, state: str):
    run = await site.spawn(host, task("simple", task_id))

    assert await run.result() == Result(exit_code=0, state=state)
    assert run.instance.state == state


async def test_a_deferred_task_is_resumed_where_it_left(host: TaskHost, site: TaskSite):
    payload = task("simple", "defers")
    context = {"next_method": "resume", "next_kwargs": {"event": "the event"}}
    site.api.instance(payload["workload"]["ti"]["id"]).run_context = context
    run = await site.spawn(host, payload)

    assert (await run.result()).state == "success"
    assert "resumed with the event" in run.log.read_text()


async def test_a_task_whose_process_is_killed_has_failed_by_that_signal(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, task("simple", "dies"))

    message = "The task's process was killed by signal 9."
    assert await run.result() == Result(exit_code=1, state="failed", message=message)


async def test_a_bash_task_bound_to_our_executor_parses_and_runs_here(host: TaskHost, site: TaskSite):
    """The executor's alias is the site's; a Dag that names one the host does not know does not parse."""
    run = await site.spawn(host, task("simple", "bash"))

    assert await run.result() == Result(exit_code=1, state="failed")
    assert "said by bash" in run.log.read_text()


async def test_connections_variables_and_xcoms_come_from_the_site(host: TaskHost, site: TaskSite, api: ExecutionApi):
    api.variables["the_variable"] = "from the site"
    api.connections["the_db"] = {"conn_type": "postgres", "host": "db.example"}
    api.xcoms["simple/manual__1/succeeds/return_value"] = 7
    run = await site.spawn(host, task("simple", "reads"))

    assert (await run.result()).state == "success", run.said()
    assert api.xcoms["simple/manual__1/reads/return_value"] == ["from the site", "db.example", 7]


async def test_a_task_airflow_does_not_let_start_says_why(host: TaskHost, site: TaskSite):
    payload = task("simple", "succeeds")
    site.api.instance(payload["workload"]["ti"]["id"]).state = "failed"
    run = await site.spawn(host, payload)

    message = "Airflow did not let it start: 409 invalid_state."
    assert await run.result() == Result(exit_code=1, message=message)
    assert "hello" not in run.said()


async def test_a_task_whose_dag_is_not_on_this_host_fails(host: TaskHost, site: TaskSite):
    payload = task("simple", "succeeds", file="not_here")
    payload["workload"]["ti"]["dag_id"] = "not_here"
    run = await site.spawn(host, payload)

    result = await run.result()
    assert (result.exit_code, result.state) in [(1, "failed"), (0, "up_for_reschedule")]
    assert "Dag not found" in run.log.read_text()


async def test_a_workload_of_another_airflow_is_refused_without_showing_its_token(host: TaskHost, site: TaskSite):
    payload = task("simple", "succeeds")
    del payload["workload"]["ti"]["dag_id"]
    run = await site.spawn(host, payload)

    result = await run.result()
    assert result.exit_code == 1
    assert result.message == "Airflow on this host cannot read the workload: ExecuteTask.ti.dag_id: Field required."
    assert TOKEN not in everything_in(run)


async def test_a_payload_without_a_workload_is_refused(host: TaskHost, site: TaskSite):
    run = await site.spawn(host, {"workload": {}, "log_path": "a.log"})

    result = await run.result()
    assert result.exit_code == 1
    assert "cannot read the workload" in str(result.message)


async def test_ids_of_250_characters_fit_into_the_names_of_log_files(host: TaskHost, site: TaskSite):
    """Airflow's own path would not: ``task_id=`` and 250 characters are more than a name may have."""
    name = "x" * 250
    site.dag(
        "wide",
        f"from airflow.sdk import DAG, task\nwith DAG({name!r}):\n    @task(task_id={name!r})\n"
        "    def wide():\n        print('wide')\n    wide()\n",
    )
    run = await site.spawn(host, task(name, name, file="wide"))

    assert (await run.result()).state == "success"
    assert "wide" in run.log.read_text()


async def test_a_task_of_airflows_own_examples_runs(host: TaskHost, site: TaskSite):
    """Examples are off, for what they cost every other task; a task that is one has them on."""
    payload = task("example_simplest_dag", "my_task")
    payload["workload"]["bundle_info"]["name"] = "example_dags"
    run = await site.spawn(host, payload)

    assert (await run.result()).state == "success"


async def test_a_callback_runs_and_its_failure_is_a_failure(host: TaskHost, site: TaskSite):
    (site.dags / "called.py").write_text(
        "def works(**kwargs):\n    print('called with', sorted(kwargs))\n\n"
        "def breaks(**kwargs):\n    raise RuntimeError('on purpose')\n"
    )
    good = await site.spawn(host, callback("called.works"))
    bad = await site.spawn(host, callback("called.breaks"))

    assert await good.result() == Result(exit_code=0)
    assert "called with" in good.log.read_text()
    assert await bad.result() == Result(exit_code=1, message="RuntimeError: Callback subprocess exited with code 1")


async def test_a_connection_test_reports_to_airflow(host: TaskHost, site: TaskSite, api: ExecutionApi):
    test_id = str(uuid4())
    connection = {"conn_id": "a_folder", "conn_type": "fs", "extra": '{"path": "/"}'}
    api.connection_tests[test_id] = {"connection": connection}
    workload = {
        "type": "TestConnection",
        "token": TOKEN,
        "connection_test_id": test_id,
        "connection_id": "a_folder",
        "timeout": 20,
        "queue": "onprem",
    }
    run = await site.spawn(host, {"workload": workload, "log_path": None})

    assert await run.result() == Result(exit_code=0)
    assert api.connection_tests[test_id]["result"]["state"] == "success"


def callback(path: str) -> dict:
    name = str(uuid4())
    workload = {
        "type": "ExecuteCallback",
        "token": TOKEN,
        "dag_rel_path": "called.py",
        "bundle_info": {"name": "dags-folder", "version": None},
        "log_path": f"executor_callbacks/simple/manual__1/{name}",
        "callback": {
            "id": name,
            "fetch_method": "import_path",
            "data": {"path": path, "kwargs": {"why": "late"}},
        },
    }
    return {"workload": workload, "log_path": workload["log_path"]}
