"""All metrics of this agent as they are at this moment: what it has counted, and how it stands."""

from __future__ import annotations

import platform
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from edge_agent import __version__
from edge_agent.counts import Counts, Spread, Values
from edge_agent.loop_lag import LoopLag
from edge_agent.protocol import PROTOCOL_VERSION, metrics
from edge_agent.protocol.metrics import Figures, Kind, Metric, Side, figure_key
from edge_agent.reporting import Reporting
from edge_agent.status.survey import Survey

Gauge = tuple[Metric, Values, float]


class Readings:
    """Reads the metrics of an agent: what was counted, and how all of its parts stand."""

    def __init__(self, survey: Survey, counts: Counts, lag: LoopLag, reporting: Reporting) -> None:
        self.agent = survey.settings.name
        self._survey = survey
        self._counts = counts
        self._lag = lag
        self._reporting = reporting
        self._started = time.time()

    def numbers(self) -> Iterator[tuple[Metric, Mapping[Values, float]]]:
        """Return all counters and gauges, by the values of their labels."""
        gauges: dict[Metric, dict[Values, float]] = {}
        for metric, values, value in self._gauges():
            gauges.setdefault(metric, {})[values] = value
        for metric in metrics.METRICS:
            if metric.side is Side.AGENT and metric.kind is not Kind.HISTOGRAM:
                yield metric, gauges.get(metric, {}) if metric.kind is Kind.GAUGE else self._counts.counted(metric)

    def spreads(self) -> Iterator[tuple[Metric, Mapping[Values, Spread]]]:
        """Return all histograms, by the values of their labels."""
        for metric in metrics.METRICS:
            if metric.side is Side.AGENT and metric.kind is Kind.HISTOGRAM:
                yield metric, self._counts.spreads(metric)

    def figures(self) -> Figures:
        """Return what a heartbeat may bring of them."""
        found: Figures = {}
        for metric, numbers in self.numbers():
            if metric.is_sent:
                found |= {figure_key(metric.name, values): round(number, 6) for values, number in numbers.items()}
        for metric, spreads in self.spreads():
            for values, spread in spreads.items():
                found[figure_key(f"{metric.name}.count", values)] = spread.count
                found[figure_key(f"{metric.name}.sum", values)] = round(spread.total, 6)
        return found

    def _gauges(self) -> Iterator[Gauge]:
        parts = self._survey
        yield metrics.INFO, (__version__, str(PROTOCOL_VERSION), platform.python_version()), 1
        yield metrics.STARTED, (), round(self._started, 3)
        for metric, value in _standing(parts).items():
            yield metric, (), value
        yield metrics.REPORTS_WAITING, (), self._reporting.waiting
        yield metrics.LOOP_LAG, (), self._lag.worst_seconds()
        if (age := parts.contact.seconds_since_heard()) is not None:
            yield metrics.CONTACT_AGE, (), age
        held = Counter((each.stage.value, each.offer.runner.value) for each in parts.holdings.all())
        for values, count in held.items():
            yield metrics.JOBS_HELD, values, count
        try:
            yield metrics.DISK_FREE, (), parts.state_dir.free_bytes()
        except OSError:  # then it is not told, and its absence is seen
            return


def _standing(parts: Survey) -> dict[Metric, float]:
    directives, spool = parts.obedience.current, parts.spool.use()
    return {
        metrics.REGISTERED: parts.sessions.is_open,
        metrics.CORDONED: directives.cordoned,
        metrics.DRAINING: parts.drain.is_on,
        metrics.HOST_CONFLICT: directives.host_conflict is not None,
        metrics.DISK_FIT: parts.intake.is_fit,
        metrics.RUNNERS_READY: parts.runners.are_ready,
        metrics.SLOTS: parts.holdings.slots,
        metrics.SLOTS_FREE: parts.free_slots(),
        metrics.LOG_WAITING: spool.undelivered_bytes,
        metrics.SPOOL_FULL: spool.full,
    }
