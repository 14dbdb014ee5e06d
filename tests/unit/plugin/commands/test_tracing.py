"""A submit says which span it belongs to, where Airflow's traces are on and there is one."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from airflow_plugin.commands import calls
from edge_agent.protocol.commands import Submit
from edge_agent.protocol.traces import traceparent

pytestmark = pytest.mark.airflow

SPAN = NonRecordingSpan(SpanContext(7, 9, is_remote=False, trace_flags=TraceFlags(1)))
SUBMIT = Submit(command="true")


@pytest.fixture
def traced(monkeypatch):
    monkeypatch.setenv("AIRFLOW__TRACES__OTEL_ON", "True")


def test_a_submit_within_a_span_carries_it(traced):
    with trace.use_span(SPAN):
        headers = calls.submit(SUBMIT).headers
    assert headers == {"traceparent": f"00-{7:032x}-{9:016x}-01"}
    assert traceparent(headers["traceparent"])


def test_a_submit_without_a_span_carries_none(traced):
    assert calls.submit(SUBMIT).headers == {}


def test_where_traces_are_off_nothing_is_carried():
    with trace.use_span(SPAN):
        assert calls.submit(SUBMIT).headers == {}
