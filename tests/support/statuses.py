"""A status as an agent makes it, with what a test wants of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from edge_agent.status.report import (
    AgentState,
    Disk,
    Host,
    JobStatus,
    LoopStatus,
    QueueApi,
    Report,
    SpoolUse,
    Status,
    Verdict,
)

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WRITTEN = datetime(2026, 3, 1, 15, 0, tzinfo=UTC)
YES = Verdict(ok=True)

API = QueueApi(url="https://a", answering=True, heard_at=WRITTEN, session_id="s1", session_since=BEGAN)
JOB = JobStatus(
    job_id="j1",
    assignment_id="a1",
    label="nightly",
    kind="command",
    queue="q",
    slots=1,
    runner="local",
    stage="running",
    pid=12,
    since=BEGAN,
    log_bytes_delivered=1_000,
    log_bytes_left=2_000,
)
STATUS = Status(
    written_at=WRITTEN,
    agent="h1",
    pid=7,
    started_at=BEGAN,
    live=YES,
    ready=YES,
    versions={"agent": "1.0", "python": "3.11.7"},
    queue_api=API,
    queues=("q", "r"),
    slots=4,
    free_slots=3,
    registered=True,
    cordoned=False,
    draining=False,
    disk=Disk(path="/state", fit=True, free_bytes=5_000_000_000),
    spool=SpoolUse(used_bytes=1_500_000, most_bytes=1_000_000_000, full=False, undelivered_bytes=2_000),
    runners_ready=True,
    host=Host(kinds=("command",), policy=("there is no /etc/edge-agent/policy.toml", "commands: any program")),
    loops={"polling": LoopStatus(doing="waiting for work", since=BEGAN, ok=True)},
    jobs=(JOB,),
)


def report(state: AgentState = AgentState.RUNNING, **changes: Any) -> Report:
    """Return a report whose status differs in this from one of which all is well."""
    said = STATUS.model_copy(update=changes)
    return Report(state=state, live=said.live, ready=said.ready, said=said)
