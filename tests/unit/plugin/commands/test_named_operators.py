"""Operators by the names their users know: what they write becomes what the operator for commands takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_plugin.commands.specification import UnclearCommand, specified
from airflow_plugin.operators.agent_async import AgentAsyncOperator
from airflow_plugin.operators.agent_sync import AgentSyncOperator
from airflow_plugin.operators.agent_tmux import AgentTmuxOperator
from airflow_plugin.operators.remsvc import RESULT_BYTES, RemSvcOperator
from airflow_plugin.operators.root_agent import RootAgentOperator
from airflow_plugin.sensors.agent_status import AgentStatusSensor
from edge_agent.protocol.commands import Submit

pytestmark = pytest.mark.airflow

ROOT_AGENT = [AgentSyncOperator, AgentAsyncOperator, AgentTmuxOperator]


def submit(operator: RootAgentOperator | RemSvcOperator, **common: Any) -> Submit:
    """Return what is asked for the first command of an operator."""
    return specified(operator.written(), common)[0].submit


@pytest.mark.parametrize("kind", ROOT_AGENT)
def test_a_target_server_is_an_agent_and_a_job_user_the_user_of_the_host(kind):
    operator = kind(task_id="t", target_server="https://db-07:18443", command="ls", job_user="etl")
    asked = submit(operator)
    assert (asked.agent, asked.run_as_user, asked.command) == ("db-07", "etl", "ls")
    assert (operator.edge_agent_conn_id, operator.streams) == ("agent_default", "apart")


@pytest.mark.parametrize("kind", ROOT_AGENT)
def test_nobody_named_is_whom_the_host_names(kind):
    assert submit(kind(task_id="t", target_server="db-07", command="ls", job_user=None)).run_as_user is None


@pytest.mark.parametrize("kind", ROOT_AGENT)
def test_the_connection_is_the_one_that_is_named(kind):
    assert kind(task_id="t", target_server="db-07", command="ls", agent_conn_id="x").edge_agent_conn_id == "x"


@pytest.mark.parametrize("kind", ROOT_AGENT)
def test_what_a_template_makes_of_target_and_user_counts(kind):
    assert {"target_server", "job_user", "command"} <= set(kind.template_fields)
    operator = kind(task_id="t", target_server="{{ params.host }}", job_user="{{ params.user }}", command="ls")
    operator.render_template_fields({"params": {"host": "db-08:1", "user": "etl"}})
    asked = submit(operator)
    assert (asked.agent, asked.run_as_user) == ("db-08", "etl")


@pytest.mark.parametrize("kind", ROOT_AGENT)
def test_a_target_that_names_no_agent_is_refused(kind):
    with pytest.raises(UnclearCommand, match="names no agent"):
        kind(task_id="t", target_server="https://db-07/run", command="ls").written()


@pytest.mark.parametrize(("kind", "seconds"), [(AgentSyncOperator, 3600), (AgentAsyncOperator, 3600)])
def test_a_timeout_is_how_long_it_may_run_by_default_as_the_root_agent_waits(kind, seconds):
    assert kind(task_id="t", target_server="a", command="ls").timeout == seconds
    assert kind(task_id="t", target_server="a", command="ls", timeout_seconds=900).timeout == 900


@pytest.mark.parametrize(("kind", "shell"), [(AgentSyncOperator, "sh"), (AgentAsyncOperator, "bash")])
def test_the_shell_is_the_one_that_the_root_agent_has_used(kind, shell):
    assert submit(kind(task_id="t", target_server="a", command="ls")).shell == shell
    assert submit(kind(task_id="t", target_server="a", command=["ls", "-l"])).shell is None
    own = {"task_id": "t", "target_server": "a", "command": "ls", "shell": "pwsh"}
    assert submit(kind(**own)).shell == "pwsh"


def test_a_poll_interval_is_accepted():
    operator = AgentAsyncOperator(task_id="t", target_server="a", command="ls", poll_interval=15)
    assert operator.poll_interval == 15


def test_tmux_is_fired_and_forgotten_unless_somebody_waits():
    left = AgentTmuxOperator(task_id="t", target_server="a", command="ls")
    assert (left.runner, left.wait, left.timeout) == ("tmux", False, None)
    waited = AgentTmuxOperator(task_id="t", target_server="a", command="ls", fire_and_forget=False)
    assert (waited.runner, waited.wait, waited.timeout) == ("tmux", True, 86_400)


def test_a_job_of_days_is_not_ended_by_a_limit_of_waiting():
    """The Root Agent's ``timeout_seconds`` has no effect where nobody waits."""
    left = AgentTmuxOperator(task_id="t", target_server="a", command="ls", timeout_seconds=86_400)
    assert left.timeout is None
    limited = AgentTmuxOperator(task_id="t", target_server="a", command="ls", timeout=60)
    assert limited.timeout == 60


def test_what_the_operator_for_commands_takes_may_stand_beside_them():
    operator = AgentSyncOperator(
        task_id="t", target_server="a", command="ls", deferrable=True, env={"A": "b"}, retries=2
    )
    assert (operator.deferrable, operator.env, operator.retries) == (True, {"A": "b"}, 2)


def test_default_args_are_taken():
    with DAG("d", schedule=None, default_args={"agent_conn_id": "site", "target_server": "db-09"}):
        operator = AgentTmuxOperator(task_id="t", command="ls")
    assert operator.edge_agent_conn_id == "site"
    assert submit(operator).agent == "db-09"


def test_a_sensor_takes_the_id_that_another_task_has_left():
    sensor = AgentStatusSensor(task_id="t", target_server="db-07:18443", job_id="{{ ti.xcom_pull('s')['job_id'] }}")
    assert (sensor.edge_agent_conn_id, sensor.mode) == ("agent_default", "poke")
    assert {"job_id", "target_server"} <= set(sensor.template_fields)


def test_remsvc_commands_run_one_after_the_other_and_none_stops_the_others():
    operator = RemSvcOperator(task_id="t", commands=[{"cmd": "a", "cmdtyp": 1, "cmdusr": "etl", "src": "nightly"}])
    assert (operator.order, operator.stop_at_first_failure, operator.streams) == ("sequential", False, "apart")
    asked = submit(operator)
    assert (asked.command, asked.shell, asked.run_as_user, asked.label) == ("a", "pwsh", "etl", "nightly")


def test_remsvc_has_its_connection_and_one_time_for_all():
    operator = RemSvcOperator(task_id="t", commands=[{"cmd": "a"}])
    assert (operator.edge_agent_conn_id, operator.execution_timeout) == ("remsvc_default", timedelta(hours=1))
    assert operator.output_limit == RESULT_BYTES
    own = RemSvcOperator(task_id="t", commands=[{"cmd": "a"}], grpc_conn_id="x", stream_timeout=5, output_limit=10)
    assert (own.edge_agent_conn_id, own.execution_timeout) == ("x", timedelta(seconds=5))
    assert own.output_limit == 10


def test_remsvc_commands_are_templates():
    operator = RemSvcOperator(task_id="t", commands=[{"cmd": "echo {{ params.word }}", "cmdusr": "{{ params.user }}"}])
    operator.render_template_fields({"params": {"word": "hello", "user": "etl"}})
    asked = submit(operator)
    assert (asked.command, asked.run_as_user) == ("echo hello", "etl")


def test_grpc_metadata_is_refused_with_where_the_token_belongs():
    with pytest.raises(ValueError, match="the token belongs in the connection"):
        RemSvcOperator(task_id="t", commands=[{"cmd": "a"}], metadata=[("authorization", "x")])
    assert RemSvcOperator(task_id="t", commands=[{"cmd": "a"}], metadata=[]).metadata == []


def test_mapped_tasks_take_the_same_words():
    with DAG("d", schedule=None):
        AgentSyncOperator.partial(task_id="a", command="ls", agent_conn_id="x").expand(target_server=["a", "b"])
        RemSvcOperator.partial(task_id="r", queue="onprem", stream_timeout=5).expand(commands=[[{"cmd": "a"}]])
