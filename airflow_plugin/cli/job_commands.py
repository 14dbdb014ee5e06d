"""What ``airflow edge-agent jobs`` does."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from airflow_plugin.cli.command import RefusedError, command, queue, show
from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import job_lists
from edge_agent.protocol import JobState


def _why(job: dict[str, Any]) -> str | None:
    """Why it waits, or how it ended."""
    why: str | None = job["waiting"] or job["message"]
    return why


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "job": lambda job: job["id"],
    "state": lambda job: f"{job['state']} ({job['reason']})" if job["reason"] else job["state"],
    "what": lambda job: job["label"],
    "queue": lambda job: job["queue"],
    "agent": lambda job: job["agent_name"],
    "queued": lambda job: job["queued_at"],
    "why": _why,
}


@command
def list_jobs(args: Namespace) -> None:
    """List jobs, newest first; those of one state that is queued, in the order they will be taken."""
    if args.limit < 1:
        msg = f"--limit {args.limit} is not a number above 0"
        raise RefusedError(msg)
    states = frozenset({JobState(args.state)}) if args.state else frozenset()
    wanted = job_lists.Wanted(states=states, queue=args.queue, agent=args.agent)
    with queue() as session:
        found = job_lists.jobs(session, QueueConfig.from_airflow(), wanted, limit=args.limit)
        rows = [job.model_dump(mode="json") for job in found]
    show(rows, args.output, COLUMNS)
