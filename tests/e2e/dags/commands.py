"""Commands on a host that knows no Airflow, the way Dag authors write them."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Asset, dag, task

from airflow_plugin.operators.edge_agent_command import EdgeAgentCommandOperator
from airflow_plugin.sensors.edge_agent_job import EdgeAgentJobSensor

SITE = {"edge_agent_conn_id": "e2e_commands", "queue": "bare"}
COMMAND = "{{ params.command }}"
PARAMS = {"command": "true", "folder": "/nowhere"}


def one(dag_id, **arguments):
    """Make a Dag of the one command it is triggered with."""

    @dag(dag_id=dag_id, schedule=None, params=PARAMS)
    def made():
        EdgeAgentCommandOperator(**{"task_id": "run", "command": COMMAND, **SITE, **arguments})

    return made()


one("command_deferred", deferrable=True)
one("command_held", deferrable=False)
one("command_retried", deferrable=True, retries=1, retry_delay=timedelta(seconds=0), queue="lonely")
one("command_on_time", deferrable=True, timeout=2)
one("command_in_time", deferrable=True, execution_timeout=timedelta(seconds=4))
one("command_all", deferrable=True, output="all")
one("command_json", deferrable=True, output="json", streams="apart")
one("command_codes", deferrable=True, success_exit_codes=[0, 3], skip_on_exit_code=99)
one("command_bash", deferrable=True, shell="bash")  # noqa: S604  of the host
one("command_words", deferrable=True, command=["printf", "%s|", "a b", "$HOME", "{{ run_id }}"])
one("command_script", deferrable=True, command="scripts/greet.sh")
one("command_refused", deferrable=True, queue="strict", retries=1)
one("command_outlet", deferrable=True, outlets=[Asset("e2e-rows")])
one(
    "command_on_agent",
    deferrable=True,
    agent="bare-1",
    queue=None,
    requires={"os": "linux"},
    env={"A": "{{ run_id }}"},
    cwd="/",
)


@dag(schedule=None, params=PARAMS)
def commands_in_order():
    """Run twelve, one after the other."""
    twelve = [f"echo {number} >> {{{{ params.folder }}}}/order; echo this is {number}" for number in range(1, 13)]
    EdgeAgentCommandOperator(task_id="run", commands=twelve, deferrable=True, **SITE)


@dag(schedule=None, params=PARAMS)
def commands_large():
    """Return much from many."""
    loud = "head -c 262000 /dev/zero | tr '\\0' x"
    EdgeAgentCommandOperator(
        task_id="run", commands=[loud] * 24, order="parallel", output="all", deferrable=True, **SITE
    )


@dag(schedule=None, params=PARAMS)
def commands_stop():
    """Stop where one fails, and not."""
    three = [
        {"id": "good", "command": "echo fine"},
        {"id": "bad", "command": "echo oh; exit 4"},
        {"id": "never", "command": "echo no"},
    ]
    EdgeAgentCommandOperator(task_id="stop", commands=three, deferrable=True, **SITE)
    EdgeAgentCommandOperator(task_id="all", commands=three, stop_at_first_failure=False, deferrable=True, **SITE)
    EdgeAgentCommandOperator(
        task_id="beside", commands=["sleep 600", "exit 5"], order="parallel", deferrable=True, **SITE
    )


@dag(schedule=None, params=PARAMS)
def commands_taskflow():
    """Let functions say what is to run, and map."""

    @task.edge_agent_command(deferrable=True, **SITE)
    def text(word):
        return f"echo {word} {{{{ run_id }}}}"

    @task.edge_agent_command(deferrable=False, **SITE)
    def words():
        return ["echo", "two  words"]

    @task.edge_agent_command(deferrable=True, output="all", **SITE)
    def several():
        return [{"id": "a", "command": "echo 1"}, ["echo", "2"]]

    text("hello")
    words()
    several()
    EdgeAgentCommandOperator.partial(task_id="mapped", deferrable=True, **SITE).expand(
        command=["echo item 1", "echo item 2"]
    )


@dag(schedule=None, params=PARAMS)
def commands_two_stages():
    """Start in tmux and go; look from time to time."""
    start = EdgeAgentCommandOperator(
        task_id="start",
        command=COMMAND,
        runner="tmux",
        wait=False,
        on_agent_lost="wait",
        edge_agent_conn_id="e2e_commands",
        queue="stages",
    )
    EdgeAgentJobSensor(
        task_id="watch",
        job_id=start.output,
        mode="reschedule",
        edge_agent_conn_id="e2e_commands",
        poke_interval=10,
        retries=3,  # Airflow ends a task that cannot reach its API server.
        retry_delay=timedelta(seconds=1),
    )


@dag(schedule=None, params=PARAMS)
def commands_watched():
    """Start and go; wait in the triggerer, or on a worker."""
    start = EdgeAgentCommandOperator(task_id="start", command=COMMAND, wait=False, **SITE)
    EdgeAgentJobSensor(task_id="deferred", job_id=start.output, edge_agent_conn_id="e2e_commands", deferrable=True)
    EdgeAgentJobSensor(task_id="poking", job_id=start.output, edge_agent_conn_id="e2e_commands", poke_interval=1)


commands_in_order()
commands_large()
commands_stop()
commands_taskflow()
commands_two_stages()
commands_watched()
