"""A task's log is there while it runs and after it ended, whichever API server is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.e2e.holding import Holding
from tests.support.agent_host import AgentHost
from tests.support.airflow_bed import AirflowBed
from tests.support.airflow_rest import DagRun


def test_a_log_grows_while_the_task_runs_and_is_the_same_on_every_replica(
    bed: AirflowBed, make_host: Callable[..., AgentHost], tmp_path: Path
):
    replica = bed.add_api_server()
    try:
        with make_host("steady-1", "steady"):
            held = Holding.begin(bed, "steady", tmp_path)
            held.wait_started()
            both = [held.run, DagRun(replica, held.run.dag_id, held.run.run_id)]
            for each in both:
                each.wait_for_log("hold", "holding 0", timeout=15)
                assert "Edge agent steady-1" in each.log("hold")
            assert held.succeeds()
            logs = [each.wait_for_log("hold", "Post Execute") for each in both]
        assert logs[0] == logs[1]
        assert logs[0].count("holding 0") == 1
    finally:
        bed.stop("api-server-4")
        replica.close()
