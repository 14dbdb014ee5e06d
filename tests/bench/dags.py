"""The Dags both sides run: one text, in which only the executor and the queue differ."""

from __future__ import annotations

from pathlib import Path

NOBODY = "nobody"
"""A queue that no worker serves: what is triggered there waits."""

_TEXT = """\
import random
import time

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG

PLACE = {{"executor": "{executor}", "queue": "{queue}"}}


def nothing(number=0):
    pass


def speak(lines):
    for number in range(int(lines)):
        print(f"mark {{number}} {{time.time()}}", flush=True)
        time.sleep(random.uniform(0.25, 0.75))


with DAG("single_{name}", schedule=None):
    PythonOperator(task_id="nothing", python_callable=nothing, **PLACE)

with DAG("mapped_{name}", schedule=None):
    PythonOperator.partial(task_id="nothing", python_callable=nothing, **PLACE).expand(
        op_args=[[number] for number in range({mapped})]
    )

with DAG("spoken_{name}", schedule=None):
    PythonOperator(task_id="speak", python_callable=speak, op_args=[{lines}], **PLACE)
"""


def write_dags(folder: Path, queues: list[str], *, executor: str, mapped: int, lines: int) -> set[str]:
    """Write one file for each queue, and return the ids of all Dags in them."""
    folder.mkdir(parents=True, exist_ok=True)
    for queue in queues:
        text = _TEXT.format(executor=executor, queue=queue, name=queue, mapped=mapped, lines=lines)
        (folder / f"bench_{queue}.py").write_text(text, encoding="utf-8")
    return {f"{kind}_{queue}" for queue in queues for kind in ("single", "mapped", "spoken")}
