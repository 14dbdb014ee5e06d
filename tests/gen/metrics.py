"""Reference of the metrics, from the one table of them."""

from __future__ import annotations

from edge_agent.protocol.metrics import METRICS, Kind, Metric, Side
from tests.gen import markdown


def metrics() -> str:
    """Return the page."""
    agent = [metric for metric in METRICS if metric.side is Side.AGENT]
    server = [metric for metric in METRICS if metric.side is Side.SERVER]
    return markdown.page(
        "edge_agent/protocol/metrics.py",
        "Metrics",
        """
What there is to see, and what each number means. How to get at it, and what to be woken for:
[monitor agents and the queue](../how-to/monitor.md).""",
        "## Of an agent",
        """
An agent shows them to Prometheus (`EDGE_AGENT_METRICS`), each with the label `agent`. Its heartbeats bring them to the
server where Airflow's metrics are on, which hands them on as gauges with the tag `agent`: a counter there is the total
since the agent started, of which a rate is taken as of any counter; a histogram is its count and its sum.""",
        markdown.table(
            ("at Prometheus", "in Airflow's metrics", "kind", "labels", "unit", "meaning"),
            (
                (
                    markdown.code(each.prometheus),
                    "<br>".join(map(markdown.code, each.airflow)) or "not there",
                    each.kind.value,
                    _labels(each),
                    each.unit or "",
                    each.meaning,
                )
                for each in agent
            ),
        ),
        "## Of the queue",
        """
API servers, and for some ends of jobs schedulers, hand these to Airflow's metrics (`[metrics]`). Airflow puts its
prefix before them, `airflow.` unless it is told otherwise. Plain StatsD takes no tags: there their values stand behind
the name, in this order, such as `airflow.edge_agent.jobs.onprem.queued`. The last column is what they are called where
an OpenTelemetry collector shows them to Prometheus. Gauges are said by one API server at a time, but for
`edge_agent.polls.held`; what happens is counted by the process that did it.""",
        markdown.table(
            ("in Airflow's metrics", "kind", "tags", "unit", "meaning", "at Prometheus"),
            (
                (
                    markdown.code(each.airflow[0]),
                    "timing" if each.kind is Kind.HISTOGRAM else each.kind.value,
                    _labels(each),
                    each.unit or "",
                    each.meaning,
                    markdown.code(each.prometheus),
                )
                for each in server
            ),
        ),
    )


def _labels(metric: Metric) -> str:
    return "<br>".join(
        f"`{label.name}`" + (f": {', '.join(label.values)}" if label.values else "") for label in metric.labels
    )
