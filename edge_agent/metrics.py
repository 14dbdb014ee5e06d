"""This agent's metrics in Prometheus' text format.

Counting is done elsewhere, in plain numbers (:mod:`edge_agent.counts`); the library only writes them down, when
somebody asks. That the text is right (escapes, buckets that add up, one HELP for each) is its trade.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING

from edge_agent.counts import Spread, Values
from edge_agent.protocol.metrics import BUCKETS, Kind, Metric
from edge_agent.readings import Readings

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

Page = Callable[[], tuple[str, bytes]]
"""Returns a content type and a body."""

AGENT_LABEL = "agent"
"""Every one of its metrics has the agent's name: with that, the same query finds what heartbeats brought."""


def prometheus_page(readings: Readings) -> Page:
    """Return what answers ``GET /metrics``. The settings have seen to it that the library is there."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(readings))
    return lambda: (CONTENT_TYPE_LATEST, generate_latest(registry))


class _Collector:
    """What the library asks at each scrape."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily]:
        """Return everything as it is now."""
        for metric, numbers in self._readings.numbers():
            yield _family(metric, numbers, self._readings.agent)
        for metric, spreads in self._readings.spreads():
            yield _histogram(metric, spreads, self._readings.agent)


def _family(metric: Metric, numbers: Mapping[Values, float], agent: str) -> GaugeMetricFamily | CounterMetricFamily:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(metric.prometheus, metric.meaning, labels=_labels(metric))
    for values, number in numbers.items():
        family.add_metric((agent, *values), number)
    return family


def _histogram(metric: Metric, spreads: Mapping[Values, Spread], agent: str) -> HistogramMetricFamily:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(metric.prometheus, metric.meaning, labels=_labels(metric))
    bounds = [*map(str, BUCKETS), "+Inf"]
    for values, spread in spreads.items():
        buckets = list(zip(bounds, accumulate(spread.buckets), strict=True))
        family.add_metric((agent, *values), buckets=buckets, sum_value=spread.total)
    return family


def _labels(metric: Metric) -> tuple[str, ...]:
    return (AGENT_LABEL, *(label.name for label in metric.labels))
