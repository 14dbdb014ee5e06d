"""What the demo runs: one task of each kind, each on a host that only ever dials out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, Context, dag, task

ON_PREM: dict[str, Any] = {"executor": "EdgeAgentExecutor", "queue": "onprem"}


class WaitOperator(BaseOperator):
    """Leave the host while a trigger waits, then come back to it: one try, two jobs."""

    def execute(self, context: Context) -> None:
        self.log.info("Leaving the host; no slot is taken while I wait.")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=2)), method_name="resume")

    def resume(self, context: Context, event: Any) -> str:
        self.log.info("Back on the host.")
        return str(event)


@dag(schedule=None, tags=["edge-agent"])
def onprem_demo() -> None:
    """Run a shell command, Python with XComs, mapped tasks and a deferrable one on an agent."""
    shell = BashOperator(
        task_id="shell",
        bash_command='echo "I run on $(uname -n), my home is $HOME, my temporary files go to $TMPDIR"',
        executor="EdgeAgentExecutor",
        queue="onprem",
        executor_config={"edge_agent": {"requires": {"os": "linux"}, "runner": "local"}},
    )

    @task(**ON_PREM)
    def measure() -> list[int]:
        return [1, 2, 3, 4, 5, 6]

    @task(**ON_PREM)
    def square(number: int) -> int:
        print(f"{number} squared is {number * number}")
        return number * number

    @task(**ON_PREM)
    def add_up(squares: list[int]) -> int:
        return sum(squares)

    wait = WaitOperator(task_id="wait", **ON_PREM)
    squares = square.expand(number=measure())
    shell >> [wait, add_up(squares)]  # type: ignore[arg-type]  # an XCom stands for its value


onprem_demo()
