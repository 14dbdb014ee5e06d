"""Which requests to Airflow's Execution API ask for what is bounded, whatever that API looks like."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.execution_api.routes import execution_api_router
from fastapi.routing import APIRoute

from airflow_plugin.api.reach_guard import reached_by
from airflow_plugin.queue.reach import Kind, Reached


def scope(path: str, method: str = "GET", root_path: str = "") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "root_path": root_path}


def test_the_prefix_of_a_site_is_taken_off_as_airflow_takes_it_off():
    wanted = Reached(Kind.CONNECTION, "x")
    for root, path in [
        ("/airflow", "/airflow/execution/connections/x"),
        ("/airflow", "/execution/connections/x"),
        ("/exec", "/execution/connections/x"),
        ("/execution", "/execution/execution/connections/x"),
    ]:
        assert reached_by(scope(path, root_path=root)) == wanted, (root, path)


OPEN_TO_ALL = {
    "asset-events",
    "assets",
    "dag-runs",
    "dags",
    "health",
    "hitlDetails",
    "store",
    "task-instances",
    "task-reschedules",
}
"""Parts of Airflow's Execution API (3.3) with no connections, variables or XComs. A new one has to be judged."""


def test_every_part_of_airflows_execution_api_is_known_here():
    """A new release may bring another way to a secret: then this fails, and somebody has to look."""
    unguarded = set()
    for route in execution_api_router.routes:
        assert isinstance(route, APIRoute)
        for method in route.methods:
            if reached_by(scope("/execution" + route.path, method)) is None:
                unguarded.add((method, route.path))
    assert {path.split("/")[1] for _, path in unguarded} == OPEN_TO_ALL | {"connection-tests"}
    assert {each for each in unguarded if "connection-tests" in each[1]} == {
        ("PATCH", "/connection-tests/{connection_test_id}")
    }
