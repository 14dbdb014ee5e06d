"""A task that has nothing to do with agents, on Airflow's own executor."""

from __future__ import annotations

from airflow.sdk import dag, task


@dag(schedule=None)
def beside():
    """Run beside the agents."""

    @task(executor="LocalExecutor")
    def answer() -> int:
        return 42

    answer()


beside()
