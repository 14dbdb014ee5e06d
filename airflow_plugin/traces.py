"""Spans of jobs, in the trace of the task they are for. Only where Airflow's traces are on.

They are made by the server, when a job has ended, out of the times it knows: no host needs a way to a collector.
Their parent is the task: for a task, by the context that Airflow gave its try; for a command, by what the task sent
with it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from edge_agent.protocol import JobKind, JobState
from edge_agent.protocol.traces import TRACE_HEADER, traceparent

log = logging.getLogger(__name__)

NANOSECONDS = 1_000_000_000


@cache
def are_on() -> bool:
    """Whether Airflow hands traces to anybody. Read once."""
    from airflow.configuration import conf

    return conf.getboolean("traces", "otel_on", fallback=False)


def note(job: Any) -> None:
    """Make the spans of a job that ended: a row with its times, its facts and its payload."""
    from opentelemetry import trace
    from opentelemetry.trace import StatusCode
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = TraceContextTextMapPropagator().extract(_carrier(job))
    of_task = trace.get_current_span(parent).get_span_context()
    if not of_task.is_valid or not of_task.trace_flags.sampled:
        return  # whoever began the trace has decided against it; not every sampler looks at that
    tracer = trace.get_tracer("airflow_edge_agent")
    whole = tracer.start_span(
        "edge_agent.job", parent, start_time=_nanoseconds(job.queued_at), attributes=_attributes(job)
    )
    within = trace.set_span_in_context(whole)
    for name, start, end in _stages(job):
        span = tracer.start_span(f"edge_agent.{name}", within, start_time=_nanoseconds(start))
        span.end(_nanoseconds(end))
    whole.set_status(StatusCode.OK if job.state == JobState.SUCCEEDED else StatusCode.ERROR)
    whole.end(_nanoseconds(job.ended_at))


def _carrier(job: Any) -> dict[str, str]:
    payload = json.loads(job.payload)
    if job.kind == JobKind.COMMAND:
        parent = traceparent(payload.get("traceparent"))
        return {TRACE_HEADER: parent} if parent else {}
    return (payload.get("workload", {}).get("ti") or {}).get("context_carrier") or {}


def _stages(job: Any) -> Iterator[tuple[str, datetime, datetime]]:
    """Return what followed what: waiting in the queue, waiting for the agent's word, running."""
    times = [("queued", job.queued_at), ("offered", job.offered_at), ("running", job.confirmed_at)]
    known = [(name, at) for name, at in times if at is not None]
    ends = [*(at for _, at in known[1:]), job.ended_at]
    for (name, at), end in zip(known, ends, strict=True):
        yield name, at, end


def _attributes(job: Any) -> dict[str, str | int]:
    facts = {
        "edge_agent.job_id": str(job.id),
        "edge_agent.kind": str(job.kind),
        "edge_agent.queue": job.queue,
        "edge_agent.agent": job.agent_name,
        "edge_agent.state": str(job.state),
        "edge_agent.reason": job.reason,
        "airflow.dag_id": job.dag_id,
        "airflow.task_id": job.task_id,
        "airflow.dag_run.run_id": job.run_id,
        "airflow.task_instance.try_number": job.try_number,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * NANOSECONDS)
