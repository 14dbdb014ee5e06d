"""An Airflow with the plugin in it still does what it did before."""

from __future__ import annotations

from tests.support.airflow_bed import AirflowBed


def test_a_task_of_another_executor_runs_as_ever(bed: AirflowBed):
    bed.rest.wait_for_dags({"beside"})
    run = bed.rest.trigger("beside")
    assert run.wait() == "success"
    assert run.xcom("answer") == 42
