"""``docs/benchmarks-sizing.md``: three tables, and how they came about."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.document import circumstances
from tests.bench.figures import shown
from tests.bench.sizing.crowd import JOBS, PAUSE_SECONDS, Crowd
from tests.bench.sizing.host import Host
from tests.bench.sizing.storage import Storage

PAGE = "benchmarks-sizing.md"
MB = 1e6

_TEXT = """\
<!-- Written by `make bench-sizing`: do not edit. -->
# Benchmarks: sizes

What agents cost one API server, its database, their hosts and links, and what jobs take of the database. What follows
from it for a site: [how large](explanation/sizing.md).

{circumstances}
## Idle agents on one API server

One process of the API server, with Airflow's own public API, Execution API and the queue API in it, and nobody else
asks. The agents are the agent's own client, all in one process; each waits on a queue without work. Windows of
{seconds:g} s; all but memory is for one minute. Then {jobs} commands are queued, one every {pause:g} s, and taken from
being queued to being confirmed by one of those that wait.

{crowd_head}
{crowds}

- "For each agent" is what is more than without any, divided by the agents. An API server
  is one process of Python: 60 s/min would be all that it can have.
- The first reads are the watcher, which asks every 100 ms while anybody waits, and the reaper, every 2 s. Both are
  once for each process, whatever the number of agents.
- API server, Postgres and all agents share the machine: of the times in the last columns only the order counts.

## One host

A real agent for commands, alone, for {host_seconds:g} s; then with {commands} commands that sleep. Bytes are those of
TCP's payload, without TLS, which adds some kilobytes to each connection and a few percent.

{host_head}
{hosts}

## The database

Jobs were brought to their end by the queue's own verbs, their rows and indexes measured after a vacuum; logs came in
chunks of 256 KiB. A log that repeats itself is compressed by Postgres; noise (base64) is not.

| what | takes |
| --- | ---: |
| a command that has ended, without its log | {job_bytes:,.0f} bytes |
| 1 MB of log in lines such as Airflow writes | {text:.2f} MB |
| 1 MB of log that cannot be compressed | {noise:.2f} MB |

## Repeat it

```sh
make bench-sizing            # about seven minutes; writes this page
QUICK=1 make bench-sizing    # tiny numbers: tries the harness, writes nothing
```
"""


_CROWD = (
    "heartbeat",
    "agents",
    "API server, CPU s/min",
    "for each agent, ms/min",
    "Postgres, CPU s/min",
    "reads/min",
    "writes/min",
    "API server, RSS",
    "queued to confirmed, p50",
    "p99",
)
_HOST = (
    "heartbeat",
    "CPU, ms/min",
    "sent, bytes/min",
    "received, bytes/min",
    "memory idle, PSS",
    "with {commands} commands, PSS",
    "for each command",
    "on the disk for each",
)


@dataclass
class Findings:
    """All that was measured."""

    crowds: list[Crowd]
    hosts: list[Host]
    storage: Storage | None = None


def page(findings: Findings, seconds: float, minutes: float, load_before: float) -> str:
    """Return the page."""
    assert findings.storage is not None
    nobody = findings.crowds[0]
    return _TEXT.format(
        circumstances=circumstances(minutes, load_before),
        seconds=seconds,
        jobs=JOBS,
        pause=PAUSE_SECONDS,
        crowd_head=_head(_CROWD),
        crowds="\n".join(_crowd(each, nobody) for each in findings.crowds),
        host_seconds=seconds * 1.5,
        commands=findings.hosts[0].commands,
        host_head=_head(_HOST).format(commands=findings.hosts[0].commands),
        hosts="\n".join(map(_host, findings.hosts)),
        job_bytes=findings.storage.job_bytes,
        text=findings.storage.text_ratio,
        noise=findings.storage.noise_ratio,
    )


def _crowd(crowd: Crowd, nobody: Crowd) -> str:
    more = (crowd.api_cpu_seconds - nobody.api_cpu_seconds) * 1000
    return _row(
        f"{crowd.heartbeat_seconds} s",
        f"{crowd.agents:,}",
        shown(crowd.api_cpu_seconds),
        shown(more / crowd.agents) if crowd.agents else "",
        shown(crowd.postgres_cpu_seconds),
        shown(crowd.reads),
        shown(crowd.writes),
        f"{crowd.api_rss:.0f} MB",
        f"{shown(crowd.offered_p50 * 1000)} ms" if crowd.agents else "",
        f"{shown(crowd.offered_p99 * 1000)} ms" if crowd.agents else "",
    )


def _host(host: Host) -> str:
    return _row(
        f"{host.heartbeat_seconds} s",
        shown(host.cpu_seconds * 1000),
        f"{host.sent:,.0f}",
        f"{host.received:,.0f}",
        f"{shown(host.idle_pss)} MB",
        f"{shown(host.busy_pss)} MB",
        f"{shown((host.busy_pss - host.idle_pss) / host.commands)} MB",
        f"{host.disk_bytes:,.0f} bytes",
    )


def _head(titles: tuple[str, ...]) -> str:
    return f"{_row(*titles)}\n|{' ---: |' * len(titles)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
