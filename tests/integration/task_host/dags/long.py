"""Tasks that run until their test lets them go: until there is a file ``gate`` in their attempt directory."""

import os
import time
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, BaseOperator, Variable, task


def attempt():
    return Path(os.environ["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]).parent


def wait_for_gate():
    print("waiting for the gate")
    while not (attempt() / "gate").exists():
        time.sleep(0.05)
    print("through the gate")


class Killable(BaseOperator):
    def execute(self, context):
        wait_for_gate()

    def on_kill(self):
        (attempt() / "killed").touch()
        (attempt() / "gate").touch()


with DAG("long", schedule=None):

    @task
    def waits():
        wait_for_gate()

    @task
    def asks():
        wait_for_gate()
        return Variable.get("the_variable")

    @task
    def talks():
        number = 0
        while not (attempt() / "gate").exists():
            number += 1
            print(f"line {number}")
            time.sleep(0.05)

    waits()
    asks()
    talks()
    Killable(task_id="killable")
    BashOperator(task_id="bash", bash_command="echo $$ > $AIRFLOW__LOGGING__BASE_LOG_FOLDER/../bash; sleep 1000")
