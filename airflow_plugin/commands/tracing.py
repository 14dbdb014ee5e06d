"""Which trace a task is in, told to the queue the way HTTP tells it, where Airflow's traces are on."""

from __future__ import annotations

from airflow.sdk.configuration import conf


def trace_headers() -> dict[str, str]:
    """Return the headers of a request that belongs to the present span; none without traces, or without a span."""
    if not conf.getboolean("traces", "otel_on", fallback=False):
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return {name: value for name, value in headers.items() if name == "traceparent"}
