"""The API server of this Airflow itself, for connections that name no host."""

from __future__ import annotations

from airflow.sdk.configuration import conf

_LOCAL = "http://localhost:8080"


def own_server() -> str:
    """Return the address of this Airflow's API server, as its workers have it, without a slash at its end.

    That is where they find the Execution API, or else ``[api] base_url``.
    """
    execution: str = conf.get("core", "execution_api_server_url", fallback="") or ""
    if execution:
        return execution.rstrip("/").removesuffix("/execution").rstrip("/")
    base: str = conf.get("api", "base_url", fallback="") or ""
    return (f"{_LOCAL}{base}" if base.startswith("/") else base or _LOCAL).rstrip("/")
