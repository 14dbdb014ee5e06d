"""Airflow's Execution API is asked once while the API server starts, so that no task's first call is its first.

It makes its routes, for all its versions, at its first call: seconds in which the loop of the whole API
server stands still, and no agent is heard.
"""

from __future__ import annotations

import httpx

from airflow_plugin.compat import execution_api

FIRST_CALL = "/health"


async def warm_execution_api() -> None:
    """Make the Execution API of this process ready, if it has one. What is wrong with it is told to who asks it."""
    if (api := execution_api()) is not None:
        transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://this-process") as client:
            await client.get(FIRST_CALL)
