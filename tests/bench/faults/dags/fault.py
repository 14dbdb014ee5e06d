"""The work that faults meet, as a shell command and as a Python function: lines for its log and for a ledger.

For each queue that stands in ``place.json`` beside this file. Each try writes to the ledger on its host when it
starts, before each line of its log, and when it ends.
"""

from __future__ import annotations

import json
import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import dag, task

PLACE = json.loads(Path(__file__).with_name("place.json").read_text(encoding="utf-8"))
PARAMS = {"ledger": "/nowhere", "lines": 0}
LINE_SECONDS = 0.5
SCRIPT = """\
note() {
  echo '{"event": "'$1'", "try": {{ ti.try_number }}, "pid": '$$', "at": '$(date +%s.%N)'}' >> '{{ params.ledger }}'
}
note start
for number in $(seq {{ params.lines }}); do note line; echo "mark $number"; sleep 0.5; done
note end
"""


def make(queue):
    """Make the two Dags of a queue."""
    how = {"executor": PLACE["executor"], "queue": queue, "retries": 1, "retry_delay": timedelta(0)}

    @dag(dag_id=f"shell_{queue}", schedule=None, params=PARAMS)
    def shell():
        BashOperator(task_id="work", bash_command=SCRIPT, **how)

    @dag(dag_id=f"python_{queue}", schedule=None, params=PARAMS)
    def python():
        @task(**how)
        def work(params=None, ti=None):
            def note(event):
                line = {"event": event, "try": ti.try_number, "pid": os.getpid(), "at": time.time()}
                with Path(params["ledger"]).open("a", encoding="utf-8") as ledger:
                    ledger.write(json.dumps(line) + "\n")

            note("start")
            for number in range(params["lines"]):
                note("line")
                print(f"mark {number + 1}", flush=True)
                time.sleep(LINE_SECONDS)
            note("end")

        work()

    shell()
    python()


for name in PLACE["queues"]:
    make(name)
