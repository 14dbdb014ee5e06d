"""What is counted of the queue, handed to Airflow's own metrics; nothing where Airflow has them turned off.

Only what stands in the table of metrics can be handed on. Backends that take tags get them; plain StatsD takes none,
and gets their values behind the name instead, as Airflow's older metrics do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from airflow_plugin.compat import stats
from edge_agent.protocol import NAME_PATTERN
from edge_agent.protocol.metrics import Metric

_FOREIGN = re.compile(r"[^A-Za-z0-9_-]")


@cache
def are_on() -> bool:
    """Whether Airflow hands metrics to anybody. Read once."""
    from airflow.configuration import conf

    backends = ("statsd_on", "statsd_datadog_enabled", "otel_on")
    return any(conf.getboolean("metrics", backend, fallback=False) for backend in backends)


@cache
def take_tags() -> bool:
    """Whether the backend knows tags. Asked in the order in which Airflow chooses its backend. Read once."""
    from airflow.configuration import conf

    if conf.getboolean("metrics", "statsd_datadog_enabled", fallback=False):
        return True
    if conf.getboolean("metrics", "statsd_on", fallback=False):
        return conf.getboolean("metrics", "statsd_influxdb_enabled", fallback=False)
    return True


def count(metric: Metric, *values: str, by: int = 1) -> None:
    """Add to a counter. ``values``: of its labels, in their order."""
    if by and are_on():
        name, tags = _named(metric.airflow[0], _tags(metric, values))
        stats.incr(name, by, tags=tags)


def gauge(metric: Metric, value: float, *values: str) -> None:
    """Say how something stands."""
    if are_on():
        figure(metric.airflow[0], value, _tags(metric, values))


def took(metric: Metric, seconds: float, *values: str) -> None:
    """Say how long something took."""
    if are_on():
        name, tags = _named(metric.airflow[0], _tags(metric, values))
        stats.timing(name, max(0.0, seconds) * 1000, tags=tags)


def figure(name: str, value: float, tags: Mapping[str, str]) -> None:
    """Say how something stands that an agent has measured, by its name in the table."""
    name, kept = _named(name, tags)
    stats.gauge(name, value, tags=kept)


def queue_label(queue: str) -> str:
    """Return a queue as a label: Dag authors choose it, and what no agent could serve is all one."""
    return queue if re.fullmatch(NAME_PATTERN, queue) else "invalid"


def _tags(metric: Metric, values: tuple[str, ...]) -> dict[str, str]:
    return {label.name: value for label, value in zip(metric.labels, values, strict=True)}


def _named(name: str, tags: Mapping[str, str]) -> tuple[str, dict[str, str] | None]:
    if take_tags():
        return name, dict(tags) or None
    # A dot would begin another level.
    return ".".join((name, *(_FOREIGN.sub("_", value.replace(".", "__")) for value in tags.values()))), None
