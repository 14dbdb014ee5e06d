"""Spans of jobs, in the trace of the task they are for; and the trace in the environment of commands."""

from __future__ import annotations

import secrets

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import jobs, tokens
from airflow_plugin.queue.allowances import Allowance, TokenKind
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import JobKind
from tests.support.otlp import tags_of
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.airflow, pytest.mark.minutes, pytest.mark.timeout(420)]


class Trace:
    """A trace as a task began it."""

    def __init__(self, *, sampled=True):
        self.trace_id, self.span_id = secrets.token_hex(16), secrets.token_hex(8)
        self.parent = f"00-{self.trace_id}-{self.span_id}-0{int(sampled)}"

    def spans(self, site):
        """Return its spans by name."""
        found = [span for span in site.collector.spans() if span.trace_id.hex() == self.trace_id]
        return {span.name: span for span in found}

    def whole(self, site, count):
        """Wait for so many spans."""
        return wait_until(
            lambda: self.spans(site), until=lambda spans: len(spans) == count, what="the spans come", timeout=30
        )


@pytest.fixture(scope="module")
def submit(site, host):
    """Give a function that submits a command over HTTP, as a task does."""
    allowance = Allowance(kind=TokenKind.SUBMIT)
    token = host.write(lambda session: tokens.create(session, "submits", allowance)).get_secret_value()

    def submit(command, traceparent):
        answer = httpx.post(
            f"{site.bed.url}/edge_agent/v1/commands",
            json={"command": command, "queue": host.name},
            headers={"Authorization": f"Bearer {token}", "traceparent": traceparent},
            trust_env=False,
            timeout=30,
        )
        assert answer.is_success, answer.text
        return host.ended(answer.json()["command"]["id"])

    return submit


def test_a_command_has_its_trace_in_its_environment_and_its_spans_are_in_that_trace(site, host, submit):
    trace = Trace()
    job = submit('echo "it is $TRACEPARENT"; exit 3', trace.parent)
    host.says(job.id, f"it is {trace.parent}\n".encode())
    spans = trace.whole(site, 4)
    assert set(spans) == {"edge_agent.job", "edge_agent.queued", "edge_agent.offered", "edge_agent.running"}
    whole = spans.pop("edge_agent.job")
    assert whole.parent_span_id.hex() == trace.span_id
    assert {span.parent_span_id for span in spans.values()} == {whole.span_id}
    assert whole.status.code == Status.STATUS_CODE_ERROR
    assert tags_of(whole.attributes) == {
        "edge_agent.job_id": str(job.id),
        "edge_agent.kind": "command",
        "edge_agent.queue": host.name,
        "edge_agent.agent": host.name,
        "edge_agent.state": "failed",
        "edge_agent.reason": "exit",
    }
    ends = [int(at.timestamp() * 1e9) for at in (job.queued_at, job.offered_at, job.confirmed_at, job.ended_at)]
    parts = [spans[f"edge_agent.{name}"] for name in ("queued", "offered", "running")]
    found = [parts[0].start_time_unix_nano, *(part.end_time_unix_nano for part in parts)]
    assert found == pytest.approx(ends, abs=1000), "by the database's clock, one behind the other"
    assert [part.start_time_unix_nano for part in parts[1:]] == found[1:-1]


def test_a_trace_that_is_not_sampled_gets_no_spans_and_its_command_the_trace(site, host, submit):
    left_out, after = Trace(sampled=False), Trace()
    job = submit("echo $TRACEPARENT", left_out.parent)
    host.says(job.id, left_out.parent.encode())
    submit("true", after.parent)
    after.whole(site, 4)
    assert left_out.spans(site) == {}


@pytest.mark.parametrize("nonsense", ["00-xyz", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "$(touch x)"])
def test_what_is_no_trace_is_left_out_of_the_environment(host, submit, nonsense):
    job = submit('echo "it is <$TRACEPARENT>"', nonsense)
    host.says(job.id, b"it is <>\n")


def test_a_task_that_ends_is_in_the_trace_that_airflow_gave_its_try(site, host):
    """Nobody takes it in time: it has only waited. No host was part of that."""
    trace = Trace()
    workload = {"type": "ExecuteTask", "ti": {"context_carrier": {"traceparent": trace.parent}}}
    job = jobs.NewJob(
        kind=JobKind.TASK,
        placement=Placement("nobody", requires={}),
        payload={"workload": workload},
        label="a task",
        queue_timeout_seconds=0.1,
    )
    host.write(lambda session: jobs.submit(session, job, QueueConfig()))
    spans = trace.whole(site, 2)
    assert set(spans) == {"edge_agent.job", "edge_agent.queued"}
    assert spans["edge_agent.job"].parent_span_id.hex() == trace.span_id
    assert tags_of(spans["edge_agent.job"].attributes)["edge_agent.reason"] == "queue_timeout"
