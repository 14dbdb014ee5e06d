"""How Dag authors write commands, and what Airflow makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_plugin.decorators.edge_agent_command import edge_agent_command_task
from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator

pytestmark = pytest.mark.airflow


def operator(**values):
    known: dict[str, Any] = {"task_id": "t", "command": "true", "deferrable": True}
    return EdgeAgentCommandOperator(**known | values)


@pytest.mark.parametrize("values", [{"order": "random"}, {"output": "some"}])
def test_a_word_that_means_nothing_is_refused_when_the_dag_is_read(values):
    with pytest.raises(ValueError, match="is not a valid"):
        operator(**values)


def test_airflows_own_queue_and_user_of_the_task_are_not_those_of_the_host():
    task = operator(queue="onprem", run_as_user="etl", worker_queue="celery")
    assert (task.agent_queue, task.queue) == ("onprem", "celery")
    assert (task.host_user, task.run_as_user) == ("etl", None)


def test_neither_are_they_in_a_mapped_task():
    with DAG("mapped", schedule=None):
        mapped = EdgeAgentCommandOperator.partial(task_id="t", queue="onprem", run_as_user="etl").expand(command=["a"])
    assert (mapped.queue, mapped.run_as_user) == ("default", None)
    task = mapped.unmap({"command": "a"})
    assert (task.agent_queue, task.queue, task.host_user) == ("onprem", "default", "etl")


def test_a_script_beside_the_dag_is_its_content_and_any_other_word_is_not(tmp_path, context):
    (tmp_path / "run.sh").write_text("echo {{ word }}\n", encoding="utf-8")
    (tmp_path / "do.ps1").write_text("Write-Output {{ word }}\n", encoding="utf-8")
    with DAG("scripts", schedule=None, template_searchpath=str(tmp_path)):
        task = operator(command="run.sh")
        words = operator(task_id="words", command=["sh", "run.sh"])
        there = operator(task_id="there", command="sh /home/etl/{{ word }}.sh")
        several = operator(task_id="several", command=None, commands=["do.ps1", {"command": "run.sh", "id": "x"}])
        missing = operator(task_id="missing", command="no.sh")
    for each in (task, words, there, several):
        each.render_template_fields(context | {"word": "hello"})
    assert task.command == "echo hello\n".rstrip("\n")
    assert words.command == ["sh", "run.sh"]
    assert there.command == "sh /home/etl/hello.sh"
    assert several.commands == [
        {"command": "Write-Output hello", "shell": "pwsh"},
        {"command": "echo hello", "id": "x"},
    ]
    task = missing
    with pytest.raises(Exception, match=r"no\.sh"):
        task.render_template_fields(context)


def test_airflow_shows_the_content_of_scripts(tmp_path):
    (tmp_path / "run.sh").write_text("echo {{ word }}\n", encoding="utf-8")
    with DAG("scripts", schedule=None, template_searchpath=str(tmp_path)):
        task = operator(command="run.sh")
        missing = operator(task_id="missing", command="no.sh")
    task.resolve_template_files()
    missing.resolve_template_files()
    assert task.command == "echo {{ word }}\n"
    assert missing.command == "no.sh"


@pytest.mark.parametrize("said", [5, "", [], None, {}])
def test_a_function_must_say_a_command(connected, context, said):
    with DAG("functions", schedule=None) as dag:
        edge_agent_command_task(lambda: said, task_id="t")()
    (task,) = dag.tasks
    assert isinstance(task, EdgeAgentCommandOperator)
    with pytest.raises(AirflowFailException, match="must return a command"):
        task.execute(context)
