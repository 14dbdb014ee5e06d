"""What Airflow mounts. Imported in every Airflow process, so that it must cost nothing."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from edge_agent.protocol.routes import MOUNT


class EdgeAgentPlugin(AirflowPlugin):
    """The queue API inside Airflow's API server, a guard before its Execution API, and a page in its UI."""

    name = "edge_agent"

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # Airflow reads, never writes
        """The apps to mount. Asked for by the API server only, which is when FastAPI is imported."""
        from airflow_plugin.api.app import create_app

        return [{"app": create_app(), "url_prefix": MOUNT, "name": "Airflow Edge Agent"}]

    @cached_property
    def fastapi_root_middlewares(self) -> list[dict[str, Any]]:  # type: ignore[override]  # the same
        """What stands before all of Airflow's apps. Asked for by the API server only."""
        from airflow_plugin.api.reach_guard import ReachGuard

        return [{"middleware": ReachGuard, "name": "Airflow Edge Agent"}]

    @cached_property
    def react_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]  # the same, and takes out what is wrong
        """The page. Asked for by the API server only, and by ``airflow plugins``."""
        from airflow_plugin.bundle import react_apps

        return react_apps()
