"""A report, said to people: what is unusual in capitals, and no line that says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from edge_agent.protocol import one_line
from edge_agent.status.report import AgentState, JobStatus, Report, Status, Verdict

_MEGABYTE = 1_000_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def in_words(report: Report) -> list[str]:
    """Return all of a report, line by line."""
    if report.said is None:
        return verdict_in_words("live", report.live)
    return [one_line(line) for line in _lines(report, report.said)]


def verdict_in_words(what: str, verdict: Verdict) -> list[str]:
    """Return one verdict: a line, and one more for each further reason."""
    if verdict.ok:
        return [what]
    return [one_line(f"NOT {what.upper()}: {reason}") for reason in verdict.reasons]


def _lines(report: Report, said: Status) -> Iterator[str]:
    state = {
        AgentState.RUNNING: f"running since {_when(said.started_at, said)}",
        AgentState.SILENT: "DOES NOT ANSWER; this is what it last said",
    }.get(report.state, "NOT RUNNING; this is what it last said")
    yield f"agent {said.agent}: {state} (pid {said.pid}, written {said.written_at})"
    verdicts = (("live", report.live), ("ready", report.ready))
    reasons = [line for what, verdict in verdicts for line in verdict_in_words(what, verdict) if not verdict.ok]
    yield from (f"  {line}" for line in dict.fromkeys(reasons))
    yield from (f"  {line}" for line in _server(said))
    yield f"  queues {', '.join(said.queues)}; {said.free_slots} of {said.slots} slots free"
    yield from (f"  {line}" for line in _unusual(said))
    yield from (f"  {line}" for line in _host(said))
    for name, loop in said.loops.items():
        yield f"  {name}: {loop.doing} (since {loop.since}){'' if loop.ok else ' STUCK'}"
    yield from (f"  {_job(each, said)}" for each in said.jobs)


def _server(said: Status) -> Iterator[str]:
    api = said.queue_api
    heard = f"last heard {_when(api.heard_at, said)}" if api.heard_at else "never heard"
    if not api.answering:
        how = "DOES NOT ANSWER"
    else:
        how = f"registered since {_when(api.session_since, said)}" if said.registered else "not registered yet"
    yield f"queue API {api.url}: {how}; {heard}"
    if failure := api.last_failure:
        yield f"went wrong last, {_when(failure.at, said)} ({failure.verb}): {failure.why}"
    ages = {"session": api.session_token_since, "agent": api.agent_token_since}
    if known := [f"of the {name} from {_when(at, said)}" for name, at in ages.items() if at]:
        yield f"tokens: {', '.join(known)}"


def _unusual(said: Status) -> Iterator[str]:
    if said.cordoned:
        yield f"CORDONED: {said.cordon_reason or 'no reason given'}"
    if said.host_conflict:
        yield f"HOST CONFLICT: {said.host_conflict}"
    if said.draining:
        left = said.drain_seconds_left
        until = "" if left is None else f", for {_duration(left)} at most"
        yield f"DRAINING: {said.drain_reason or 'no reason given'}; no new work is taken{until}"
    if not said.disk.fit:
        yield "DISK: the state directory takes no new work; free space on it"
    if said.spool.full:
        yield "SPOOL: full; the oldest bytes of logs that could not be delivered are given up"
    for runner in said.host.runners:
        if not runner.ready:
            yield f"NOT READY: {runner.name}: {runner.complaint or 'being made ready'}"


def _host(said: Status) -> Iterator[str]:
    free = "unknown" if said.disk.free_bytes is None else f"{said.disk.free_bytes // _MEGABYTE:,} MB"
    spool = said.spool
    yield (
        f"disk: {free} free in {said.disk.path}; logs take {spool.used_bytes / _MEGABYTE:,.1f} of "
        f"{spool.most_bytes / _MEGABYTE:,.0f} MB, {spool.undelivered_bytes:,} bytes are not delivered yet"
    )
    yield f"policy: {'; '.join(said.host.policy)}"
    yield f"versions: {', '.join(f'{name} {version}' for name, version in said.versions.items())}"
    if said.health_address:
        yield f"probes: answered on {said.health_address}"


def _job(job: JobStatus, said: Status) -> str:
    age = f", here for {_duration((said.written_at - job.since).total_seconds())}" if job.since else ""
    process = "no process yet" if job.pid is None else f"pid {job.pid}"
    return (
        f"job {job.label}: {job.stage} ({job.kind}, {job.runner}), {process}{age}, {job.log_bytes_delivered:,} log "
        f"bytes delivered, {job.log_bytes_left:,} to go, id {job.job_id}"
    )


def _when(at: datetime | None, said: Status) -> str:
    if at is None:
        return "an unknown time"
    return f"{at} ({_duration((said.written_at - at).total_seconds())} before that was written)"


def _duration(seconds: float) -> str:
    """Return a time that passed, in its largest unit."""
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= 2 * size), (1, "s"))
    return f"{max(0.0, seconds) / size:.0f} {unit}"
