"""edge3's protocol, spoken by edge3's own client: a program, run by the environment that lacks our package.

``python stock_clients.py cycle`` fetches jobs and reports them running and successful, as fast as it goes,
from when it is sent a line; ``python stock_clients.py idle`` asks for work at edge3's default intervals. Both
say when all clients have registered.
Configuration comes from the environment, as for any worker.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from typing import Any

import aiohttp
from airflow import __version__ as airflow_version
from airflow.providers.common.compat.sdk import conf
from airflow.providers.edge3 import __version__ as edge3_version
from airflow.providers.edge3.cli import api_client
from airflow.providers.edge3.models.edge_worker import EdgeWorkerState
from airflow.utils.state import TaskInstanceState


def sysinfo() -> dict[str, Any]:
    """Return what a worker says of itself."""
    return {
        "status": 20,
        "airflow_version": airflow_version,
        "edge_provider_version": edge3_version,
        "concurrency": 16,
        "free_concurrency": 16,
    }


async def cycle(arguments: argparse.Namespace) -> dict[str, Any]:
    """Let all clients work until the rows or the time are over; return what they did."""
    done, fetches = 0, []
    begin = time.monotonic()

    async def client(name: str) -> None:
        nonlocal done
        while done < arguments.rows and time.monotonic() - begin < arguments.seconds:
            asked = time.monotonic()
            job = await api_client.jobs_fetch(name, [arguments.queue], 16, supports_task_instance_uuid=True)
            if job is None:
                return
            fetches.append(time.monotonic() - asked)
            for state in (TaskInstanceState.RUNNING, TaskInstanceState.SUCCESS):
                await api_client.jobs_set_state(job.key, state, task_instance_id=job.task_instance_id)
            done += 1

    # edge3 refuses a name that was heard from a moment ago.
    names = [f"client-{os.getpid()}-{number}" for number in range(arguments.clients)]
    async with contextlib.AsyncExitStack() as stack:
        if arguments.keep_alive:
            session = await stack.enter_async_context(aiohttp.ClientSession())
            # Its client opens a session, and with it a connection, for each request; this one is kept.
            setattr(api_client, "request", session.request)  # noqa: B010  no public name of that module
        for name in names:
            await api_client.worker_register(name, EdgeWorkerState.STARTING, [arguments.queue], sysinfo())
        print("ready", flush=True)
        sys.stdin.readline()
        begin = time.monotonic()
        await asyncio.gather(*map(client, names))
        return {"cycles": done, "seconds": time.monotonic() - begin, "fetch_seconds": fetches}


async def idle(arguments: argparse.Namespace) -> None:
    """Be so many idle workers until standard input ends."""
    poll = conf.getint("edge", "job_poll_interval")
    beat = conf.getint("edge", "heartbeat_interval")
    over = asyncio.Event()
    names = [f"idle-{os.getpid()}-{number}" for number in range(arguments.clients)]

    async def worker(name: str, phase: float) -> None:
        beaten = 0.0
        pause = phase * poll
        while not await _is_set_within(over, pause):
            pause = poll
            if time.monotonic() - beaten > beat:
                await api_client.worker_set_state(name, EdgeWorkerState.IDLE, 0, [arguments.queue], sysinfo())
                beaten = time.monotonic()
            await api_client.jobs_fetch(name, [arguments.queue], 16, supports_task_instance_uuid=True)

    for name in names:
        await api_client.worker_register(name, EdgeWorkerState.STARTING, [arguments.queue], sysinfo())
    print("ready", flush=True)
    async with asyncio.TaskGroup() as group:
        for number, name in enumerate(names):
            group.create_task(worker(name, number / len(names)))
        await asyncio.to_thread(sys.stdin.read)
        over.set()


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("cycle", "idle"))
    parser.add_argument("--queue", required=True)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--rows", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--keep-alive", action="store_true")
    arguments = parser.parse_args()
    if arguments.what == "cycle":
        print(json.dumps(asyncio.run(cycle(arguments))))
    else:
        asyncio.run(idle(arguments))


if __name__ == "__main__":
    main()
