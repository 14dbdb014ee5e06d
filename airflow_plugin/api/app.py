"""The FastAPI app that Airflow's API server mounts, with the duties that live as long as it does."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from airflow_plugin import bundle, log_filter, remote_log
from airflow_plugin.api import (
    agent_admin_routes,
    agent_routes,
    agent_view_routes,
    assignment_routes,
    command_routes,
    job_routes,
    me_routes,
    page,
    problems,
    token_routes,
)
from airflow_plugin.api.closing import told_when_stopping
from airflow_plugin.api.command_watcher import CommandWatcher
from airflow_plugin.api.duties import Duties
from airflow_plugin.api.gate import Gate
from airflow_plugin.api.peers import believes_everybody
from airflow_plugin.api.polls import Polls
from airflow_plugin.api.reach_guard import warn_where_it_does_not_stand
from airflow_plugin.api.versions import VersionHeader
from airflow_plugin.api.warming import warm_execution_api
from airflow_plugin.api.watcher import Watcher
from airflow_plugin.api.watches import Watches
from airflow_plugin.compat import engine
from airflow_plugin.config import QueueConfig
from airflow_plugin.db import require_supported
from airflow_plugin.queue.hash_keys import hash_keys
from airflow_plugin.queue.signing_keys import signing_keys
from edge_agent import __version__
from edge_agent.protocol import routes

log = logging.getLogger(__name__)


def create_app(config: QueueConfig | None = None) -> FastAPI:
    """Make the app. ``config`` None reads Airflow's.

    :raises ConfigError: when an option of ``[edge_agent]``, or ``[core] fernet_key``, cannot work.
    :raises UnsupportedDatabaseError: when the metadata database cannot hold the queue.
    """
    require_supported(engine().dialect.name)
    config = config or QueueConfig.from_airflow()
    hash_keys()
    signing_keys()
    watcher = Watcher(config.watch_seconds)
    command_watcher = CommandWatcher(config.watch_seconds, config.log_limit_bytes)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        log_filter.install()
        remote_log.install()
        await warm_execution_api()
        await warn_where_it_does_not_stand()
        # Airflow holds 600,000 objects by now that live as long as it does. With all of them looked through,
        # a full collection of garbage stops the process for a third of a second, and held polls cause many.
        gc.freeze()
        duties = asyncio.create_task(Duties(config, watcher, command_watcher).run(), name="edge-agent-duties")
        with told_when_stopping(watcher.close), told_when_stopping(command_watcher.close):
            yield
        duties.cancel()
        with suppress(asyncio.CancelledError):
            await duties

    app = FastAPI(
        title="Airflow Edge Agent",
        version=__version__,
        description=(
            "The queue API: agents register, are heard from, poll, confirm, send logs, report; others submit commands."
        ),
        lifespan=lifespan,
        # Whoever wants the description finds it in the docs; what is not served needs no guard.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.trusted_proxies = config.proxies
    if how := believes_everybody():
        log.warning("Whoever asks can choose its address (%s): the networks of tokens protect nothing.", how)
    problems.install(app)
    app.add_middleware(Gate, config=config, open_to_all=(routes.PREFIX + routes.HEALTH, bundle.STATIC + "/"))
    app.add_middleware(VersionHeader, prefix=routes.PREFIX)
    app.include_router(agent_routes.router(config, Polls(config, watcher)), prefix=routes.PREFIX)
    app.include_router(assignment_routes.router(config), prefix=routes.PREFIX)
    app.include_router(command_routes.router(config, Watches(config, command_watcher)), prefix=routes.PREFIX)
    app.include_router(me_routes.router(), prefix=routes.PREFIX)
    app.include_router(agent_view_routes.router(config), prefix=routes.PREFIX)
    app.include_router(agent_admin_routes.router(), prefix=routes.PREFIX)
    app.include_router(job_routes.router(config), prefix=routes.PREFIX)
    app.include_router(token_routes.router(config), prefix=routes.PREFIX)
    app.include_router(page.router())

    @app.get(routes.PREFIX + routes.HEALTH, tags=["health"])
    async def health() -> dict[str, str]:
        """Tell that this is an Airflow with the plugin; needs no token and tells nothing else."""
        return {"service": "airflow-edge-agent", "version": __version__}

    return app
