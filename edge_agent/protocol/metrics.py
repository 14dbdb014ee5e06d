"""Every metric there is: what the agent counts of itself, and what the server counts of the queue. One table.

The agent shows its own as ``edge_agent_...`` to Prometheus, and sends them with its heartbeats, as figures, where the
server asks for them; the server hands these on to Airflow's metrics as ``edge_agent.agent...``, and its own as
``edge_agent...``. Nothing can be counted that does not stand here: who counts names one of these values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import product
from typing import Annotated

from pydantic import Field, StringConstraints

from edge_agent.protocol.problems import ProblemReason
from edge_agent.protocol.states import TERMINAL, EndReason, RunnerName


class Kind(StrEnum):
    """What sort of number a metric is."""

    COUNTER = "counter"
    """Only grows, from the start of the process."""

    GAUGE = "gauge"
    """What is so now."""

    HISTOGRAM = "histogram"
    """How long things took: how many, their sum, and how they spread."""


class Side(StrEnum):
    """Who measures it."""

    AGENT = "agent"
    """Each agent of itself."""

    SERVER = "server"
    """Airflow's API servers and schedulers, of the queue."""


class Finding(StrEnum):
    """What the reaper found, and put right."""

    AGENT_LOST = "agent_lost"
    """An agent that was not heard from for too long."""

    JOB_LOST = "job_lost"
    """A running job of such an agent."""

    OFFER_EXPIRED = "offer_expired"
    """An offer that was not confirmed in time; the job went back to the queue."""

    JOB_GIVEN_UP = "job_given_up"
    """A queued job that no agent took in time."""

    CORDON_LIFTED = "cordon_lifted"
    """A cordon whose time was over."""


class Outcome(StrEnum):
    """How a request of the agent went."""

    ANSWERED = "answered"
    """The server did what was asked."""

    REFUSED = "refused"
    """The server said no; the agent's log says why."""

    UNREACHABLE = "unreachable"
    """No answer came."""

    FOREIGN = "foreign"
    """An answer that is not a queue API's, such as a proxy's page."""


@dataclass(frozen=True)
class Label:
    """What tells the numbers of one metric apart. ``values``: all there are; None where the site decides."""

    name: str
    values: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Metric:
    """One metric. ``name``: without what each side puts before and behind it. ``unit``: None for a plain number.

    ``is_sent``: whether an agent's heartbeats bring it to the server.
    """

    side: Side
    name: str
    kind: Kind
    unit: str | None
    meaning: str
    labels: tuple[Label, ...] = ()
    is_sent: bool = field(default=True)

    @property
    def prometheus(self) -> str:
        """What Prometheus calls it: what the agent shows, or what a collector makes of Airflow's own."""
        if self.side is Side.AGENT:
            return f"edge_agent_{self.name}" + "_total" * (self.kind is Kind.COUNTER)
        tail = {Kind.COUNTER: "_total", Kind.GAUGE: "", Kind.HISTOGRAM: "_milliseconds"}[self.kind]
        return "airflow_" + self.airflow[0].replace(".", "_") + tail

    @property
    def airflow(self) -> tuple[str, ...]:
        """What Airflow's metrics call it; none where heartbeats do not bring it. Airflow puts its own prefix before."""
        if self.side is Side.SERVER:
            return (f"edge_agent.{self.name}",)
        return tuple(f"edge_agent.agent.{part}" for part in self._parts) if self.is_sent else ()

    def figures(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Return every figure it can send: its key, its name in Airflow's metrics, and its tags there."""
        names = tuple(label.name for label in self.labels)
        for values in product(*(label.values or () for label in self.labels)):
            for part, stat in zip(self._parts, self.airflow, strict=False):
                yield figure_key(part, values), stat, dict(zip(names, values, strict=True))

    @property
    def _parts(self) -> tuple[str, ...]:
        return (f"{self.name}.count", f"{self.name}.sum") if self.kind is Kind.HISTOGRAM else (self.name,)


def figure_key(name: str, values: tuple[str, ...]) -> str:
    """Return what a number is called on the wire."""
    return "/".join((name, *values))


MAX_FIGURES = 512
"""More than there are: what a newer agent adds must have room."""

FigureKey = Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}$")]
Figures = Annotated[dict[FigureKey, float], Field(max_length=MAX_FIGURES)]
"""What an agent sends of its own metrics. The server ignores those it does not know."""

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of an agent's histograms, in seconds."""

VERB = Label("verb", ("confirm", "heartbeat", "leave", "poll", "register", "renew", "report", "send_log"))
TIMED_VERB = Label("verb", tuple(verb for verb in VERB.values or () if verb != "poll"))
RUNNER = Label("runner", tuple(name.value for name in RunnerName))
STAGE = Label("stage", ("offered", "starting", "running", "ended"))
ENDED_STATE = Label("state", tuple(sorted(state.value for state in TERMINAL)))
REASON = Label("reason", tuple(reason.value for reason in EndReason))
QUEUE = Label("queue")
JOB_KIND = Label("kind", ("task", "command"))

METRICS: list[Metric] = []
"""The table, in the order of the reference."""


def _add(metric: Metric) -> Metric:
    METRICS.append(metric)
    return metric


def _agent(name: str, kind: Kind, unit: str | None, meaning: str, *labels: Label, is_sent: bool = True) -> Metric:
    return _add(Metric(Side.AGENT, name, kind, unit, meaning, labels, is_sent))


def _server(name: str, kind: Kind, unit: str | None, meaning: str, *labels: Label) -> Metric:
    return _add(Metric(Side.SERVER, name, kind, unit, meaning, labels))


INFO = _agent(
    "info",
    Kind.GAUGE,
    None,
    "Always 1; its labels say what runs on the host.",
    Label("version"),
    Label("protocol"),
    Label("python"),
    is_sent=False,
)
STARTED = _agent("started_timestamp_seconds", Kind.GAUGE, "seconds since 1970", "When this agent process started.")
REGISTERED = _agent("registered", Kind.GAUGE, "0 or 1", "Whether there is a session with the server.")
CONTACT_AGE = _agent(
    "contact_age_seconds",
    Kind.GAUGE,
    "seconds",
    "How long ago the queue API last answered. Not there before the first answer.",
)
CORDONED = _agent("cordoned", Kind.GAUGE, "0 or 1", "Whether an admin has cordoned this agent.")
DRAINING = _agent("draining", Kind.GAUGE, "0 or 1", "Whether it takes no new work and leaves when it has none.")
HOST_CONFLICT = _agent(
    "host_conflict", Kind.GAUGE, "0 or 1", "Whether another host has asked for this agent's name and was refused."
)
DISK_FIT = _agent("disk_fit", Kind.GAUGE, "0 or 1", "Whether the disk takes new work.")
RUNNERS_READY = _agent("runners_ready", Kind.GAUGE, "0 or 1", "Whether a job could be started at once.")
SLOTS = _agent("slots", Kind.GAUGE, "slots", "How many it has in all.")
SLOTS_FREE = _agent(
    "slots_free", Kind.GAUGE, "slots", "How many it asks work for: none while it drains or could start nothing."
)
JOBS_HELD = _agent(
    "jobs_held", Kind.GAUGE, "jobs", "What it has in hands, by how far each is and where it runs.", STAGE, RUNNER
)
OFFERS = _agent("offers", Kind.COUNTER, "offers", "What it was offered.")
CONFIRMS = _agent(
    "confirms",
    Kind.COUNTER,
    "offers",
    "What it asked to start, by whether it may.",
    Label("outcome", ("confirmed", "withdrawn")),
)
JOBS_ENDED = _agent(
    "jobs_ended", Kind.COUNTER, "jobs", "Jobs whose end it reports, by how they ended.", ENDED_STATE, REASON
)
JOB_START = _agent(
    "job_start_seconds", Kind.HISTOGRAM, "seconds", "From the confirm until the job's process was started.", RUNNER
)
REPORTS_WAITING = _agent("reports_waiting", Kind.GAUGE, "reports", "Ends of jobs that the server has not taken yet.")
LOG_SENT = _agent("log_sent_bytes", Kind.COUNTER, "bytes", "Of jobs' logs, delivered.")
LOG_WAITING = _agent(
    "log_waiting_bytes", Kind.GAUGE, "bytes", "Of jobs' logs, on the disk and not delivered yet (the spool)."
)
LOG_GIVEN_UP = _agent(
    "log_given_up_bytes", Kind.COUNTER, "bytes", "Of jobs' logs, given up because the spool was full."
)
SPOOL_FULL = _agent("spool_full", Kind.GAUGE, "0 or 1", "Whether what comes now costs log bytes that came before.")
DISK_FREE = _agent("disk_free_bytes", Kind.GAUGE, "bytes", "Free below the state directory.")
LOOP_LAG = _agent(
    "loop_lag_seconds", Kind.GAUGE, "seconds", "How late the event loop was at worst, in the last minute."
)
REQUESTS = _agent(
    "requests",
    Kind.COUNTER,
    "requests",
    "Requests to the queue API that are over, by how they went.",
    VERB,
    Label("outcome", tuple(outcome.value for outcome in Outcome)),
)
RETRIES = _agent("retries", Kind.COUNTER, "requests", "Of these, those that repeat one that failed.", VERB)
REQUEST_SECONDS = _agent(
    "request_seconds",
    Kind.HISTOGRAM,
    "seconds",
    "From a request to its answer. `heartbeat`: the round trip of a beat that is sent alone; polls are held on "
    "purpose, and left out.",
    TIMED_VERB,
)
TASK_HOST_FORKS = _agent("task_host_forks", Kind.COUNTER, "processes", "Tasks that the warm task host has forked.")
TASK_HOST_STARTS = _agent(
    "task_host_starts",
    Kind.COUNTER,
    "processes",
    "Task hosts started. More than one: it was replaced, because Airflow's settings or packages changed, or it died.",
)

AGENTS = _server("agents", Kind.GAUGE, "agents", "By health.", Label("health", ("healthy", "late", "lost", "offline")))
JOBS = _server("jobs", Kind.GAUGE, "jobs", "Open jobs.", QUEUE, Label("state", ("queued", "offered", "running")))
QUEUE_AGE = _server("queue.oldest_seconds", Kind.GAUGE, "seconds", "How long the oldest queued job has waited.", QUEUE)
OFFERED = _server("jobs.offered", Kind.COUNTER, "jobs", "Jobs offered to an agent; one may be more than once.", QUEUE)
ENDED = _server("jobs.ended", Kind.COUNTER, "jobs", "Jobs that ended.", QUEUE, JOB_KIND, ENDED_STATE, REASON)
JOB_WAIT = _server("job.wait", Kind.HISTOGRAM, "milliseconds", "From queued to confirmed.", QUEUE, JOB_KIND)
JOB_CONFIRM = _server("job.confirm", Kind.HISTOGRAM, "milliseconds", "From the offer to its confirm.", QUEUE, JOB_KIND)
JOB_RUN = _server(
    "job.run",
    Kind.HISTOGRAM,
    "milliseconds",
    "From confirmed to ended, of jobs that ran.",
    QUEUE,
    JOB_KIND,
    ENDED_STATE,
)
POLLS_HELD = _server("polls.held", Kind.GAUGE, "polls", "Polls that one API server process holds now.", Label("server"))
LOG_BYTES = _server("log.bytes", Kind.COUNTER, "bytes", "Of jobs' logs, taken.")
REFUSED = _server(
    "requests.refused",
    Kind.COUNTER,
    "requests",
    "Requests that were answered with a problem.",
    Label("reason", tuple(reason.value for reason in ProblemReason)),
)
FOUND = _server(
    "reaper.found",
    Kind.COUNTER,
    "findings",
    "What the reaper has put right.",
    Label("finding", tuple(finding.value for finding in Finding)),
)
WATCH = _server(
    "watcher.query",
    Kind.HISTOGRAM,
    "milliseconds",
    "How long the question for queued jobs took, asked ten times a second.",
)


@cache
def sent_figures() -> Mapping[str, tuple[str, dict[str, str]]]:
    """Return every figure that an agent may send, with its name and tags in Airflow's metrics."""
    sent = (metric for metric in METRICS if metric.side is Side.AGENT and metric.is_sent)
    return {key: (stat, tags) for metric in sent for key, stat, tags in metric.figures()}
