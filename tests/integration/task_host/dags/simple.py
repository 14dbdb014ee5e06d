"""Tasks that end in each of the ways a task can end."""

import os
import signal
from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator, Connection, Variable, get_current_context, task
from airflow.sdk.exceptions import AirflowRescheduleException, AirflowSkipException
from airflow.sdk.timezone import utcnow


class Deferring(BaseOperator):
    def execute(self, context):
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        self.defer(trigger=TimeDeltaTrigger(timedelta(hours=1)), method_name="resume")

    def resume(self, context, event=None):
        print(f"resumed with {event}")


with DAG("simple", schedule=None):

    @task
    def succeeds():
        print("hello from the task")
        return {"answer": 42}

    @task
    def fails():
        raise RuntimeError("on purpose")

    @task(retries=2)
    def retries():
        raise RuntimeError("the first time")

    @task
    def skips():
        raise AirflowSkipException

    @task
    def reschedules():
        raise AirflowRescheduleException(utcnow() + timedelta(minutes=5))

    @task
    def dies():
        os.kill(os.getpid(), signal.SIGKILL)

    @task
    def reads():
        found = Connection.get("the_db")
        context = get_current_context()
        return [Variable.get("the_variable"), found.host, context["ti"].xcom_pull(task_ids="succeeds")]

    @task
    def tells():
        from airflow.sdk.configuration import conf

        facts: dict = {name: os.environ.get(name) for name in os.environ if name.startswith("EDGE_AGENT")}
        facts["home"] = os.environ["AIRFLOW_HOME"]
        facts["setting"] = conf.get("email", "subject_template", fallback=None)
        facts["sid"] = os.getsid(0)
        return facts

    succeeds()
    fails()
    retries()
    skips()
    reschedules()
    dies()
    reads()
    tells()
    Deferring(task_id="defers")
    BashOperator(task_id="bash", bash_command="echo said by bash; exit 3", executor="EdgeAgentExecutor")
