"""Every kind of task that Dag authors write, sent to the queue ``onprem`` with arguments alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, BaseSensorOperator, Connection, Variable, dag, setup, task, teardown

AGENT = {"executor": "EdgeAgentExecutor", "queue": "onprem"}
LINUX = {"edge_agent": {"requires": {"os": "linux"}, "runner": "local"}}
IN_TMUX = {"edge_agent": {"runner": "tmux"}}


class WaitsElsewhere(BaseOperator):
    """Defers once, and resumes on an agent."""

    def execute(self, context):
        print("before the deferral")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="resume")

    def resume(self, context, event=None):
        print("after the deferral")
        return "resumed"


class SecondLook(BaseSensorOperator):
    """Finds nothing the first time it looks, and gives its slot back in between."""

    def poke(self, context):
        seen = Path(context["params"]["folder"], "looked")
        if seen.exists():
            return True
        seen.touch()
        return False


def leave_a_note(context):
    """Write what failed where."""
    note = Path(context["params"]["folder"], "callback")
    note.write_text(context["task_instance"].hostname, encoding="utf-8")


@dag(schedule=None, params={"folder": "/nowhere"})
def kinds():
    """Run one task of each kind."""
    BashOperator(task_id="bash", bash_command="echo $EDGE_AGENT_NAME", executor_config=LINUX, **AGENT)
    BashOperator(task_id="in_tmux", bash_command="echo $EDGE_AGENT_NAME", executor_config=IN_TMUX, **AGENT)

    @task(**AGENT)
    def produce():
        return {"rows": [1, 2, 3]}

    @task(**AGENT)
    def consume(produced):
        return sum(produced["rows"])

    @task(**AGENT)
    def mapped(number):
        return number * number

    @task(**AGENT)
    def total(squares):
        return sum(squares)

    @task(retries=1, retry_delay=timedelta(seconds=0), **AGENT)
    def second_try(task_instance=None):
        if task_instance.try_number == 1:
            msg = "the first try fails"
            raise ValueError(msg)
        return task_instance.try_number

    @task.short_circuit(**AGENT)
    def short_circuit():
        return False

    @task(**AGENT)
    def never():
        msg = "the short circuit did not hold"
        raise AssertionError(msg)

    @task(**AGENT)
    def secrets():
        return [Connection.get("e2e_db").password[::-1], Variable.get("e2e_greeting")]

    @setup
    @task(**AGENT)
    def make_cluster():
        return "cluster-1"

    @task(**AGENT)
    def use_cluster(name):
        return f"used {name}"

    @teardown
    @task(**AGENT)
    def drop_cluster(name):
        return f"dropped {name}"

    consume(produce())
    total(mapped.expand(number=list(range(50))))
    WaitsElsewhere(task_id="deferred", **AGENT)
    SecondLook(task_id="reschedule", mode="reschedule", poke_interval=1, **AGENT)
    second_try()
    short_circuit() >> never()
    secrets()
    cluster = make_cluster()
    use_cluster(cluster) >> drop_cluster(cluster)


@dag(schedule=None, params={"folder": "/nowhere"})
def fails():
    """Fail, and say so to a callback."""

    @task(on_failure_callback=leave_a_note, **AGENT)
    def broken():
        msg = "this is what the author must read"
        raise RuntimeError(msg)

    broken()


kinds()
fails()
