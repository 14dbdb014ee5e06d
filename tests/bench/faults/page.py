"""``docs/benchmarks-faults.md``: one table, and for each fault how it was made and what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.bench.document import circumstances
from tests.bench.faults.scripts import Fault
from tests.bench.faults.story import Story
from tests.bench.faults.work import LINE_SECONDS
from tests.bench.figures import shown

MOST_ALIKE = 5
"""So many changes of one subject in a row are told, before those in the middle are left out."""
PAGE = "benchmarks-faults.md"
PICTURE = "images/benchmarks-faults.svg"

_HEAD = """\
<!-- Written by `make bench-faults`: do not edit. -->
# The same faults, side by side

Stock edge3 and this project meet the same faults in one run, on the same machine, from the same Airflow
packages, with the same Dags but for executor and queue. Every timeout of Airflow and of both systems is the
default. Nothing below is computed from settings: what Airflow says comes from its REST API and its database, what
really ran from a ledger that the task itself keeps on its host, a line every half second.

![What ran, and when](PICTURE)
""".replace("PICTURE", PICTURE)

_COLUMNS = """\
All seconds count from the fault.

- The work: what the ledger says of the process that does it. "Came to its end ..., began again": all of it was done,
  and was done once more.
- Verdict, known after: the state of the task in the end, and when Airflow knew.
- For nothing: work of all tries but the last.
- Log: how many of the lines that all tries wrote can be read in Airflow, 15 s after the end.
- Host known to be gone: when the server's table of workers or agents first says `unknown`, `lost` or `offline`.
  Empty: it never did, because the host was back before, or had not gone.
- Next task: when another task begins to run, queued for the same queue as the fault strikes (or, when it was the API
  server that was away, as that is back).
"""

_CHANGED = """\
## What was set, and why

| | | |
| --- | --- | --- |
| tasks | `retries=1`, `retry_delay=0` | so that a retry is seen, and waits for nothing of its own |
| `parallelism`, `max_active_tasks_per_dag`, `max_tis_per_query`, pool | 512 or more | no run waits for another |
| `[dag_processor] min_file_process_interval` | 3600 | parsing again and again only disturbs |
| worker, agent | 4 slots, one queue, a host (home, logs, copy of the Dags) of its own | |
| Postgres | no fsync | for both |

Nothing else: no heartbeat, no timeout, no interval of Airflow, edge3 or ours. Each system has run one task before the
first fault, so that its API server is warm.
"""

_CAVEATS = """\
## Read this before quoting a number

- States are looked at twice a second, so that what is read from them is up to half a second late. Starts and
  stops of the work are the ledger's, to the millisecond.
- Several faults are met at the same time, each on a host and a queue of its own. Only the absence of the API server
  concerns everybody: it is made before the others begin.
- Some of it is chance. Airflow looks for tasks stuck in `queued` every two minutes, so that a lost answer costs edge3
  anything from ten minutes to twelve. Its worker asks ten times with pauses of random length before it gives up
  and ends, which an outage of three minutes may or may not be enough for.
- "Next task" is a matter of the machine's load as well: whoever is started loads Airflow before it can run a task, in
  some seconds of CPU and in more when several are started at once. A worker of edge3 loads it before it registers, an
  agent of ours after that. An API server that was started answers nobody while it sees to its first task.
- One run on one day.
"""

_REPEAT = """\
## Repeat it

```sh
make bench-faults                            # about 20 minutes; writes this page and its picture
FAULTS=terminated,upgraded make bench-faults # only these; writes nothing but below .bench-faults
```

It needs nothing but what `make setup` installs, makes its own Postgres and two Airflows on free ports, keeps their
files below `.bench-faults`, and ends all of them also when it fails or is interrupted. How fast both are when
nothing fails: [benchmarks](benchmarks.md).
"""


@dataclass(frozen=True)
class Outcome:
    """A whole run."""

    faults: Sequence[Fault]
    stories: Sequence[Story]
    failed: dict[str, str]
    """Why a trial could not be made, by its name."""
    minutes: float
    load_before: float

    def of(self, fault: Fault) -> list[Story]:
        """Return the stories of one fault: run by run, edge3's first."""
        works = [load.what for load in fault.loads]
        mine = [story for story in self.stories if story.fault == fault.key]
        return sorted(mine, key=lambda story: (works.index(story.what), story.system))


def page(outcome: Outcome) -> str:
    """Return the page."""
    about = circumstances(outcome.minutes, outcome.load_before)
    parts = [_HEAD, about, _table(outcome), _COLUMNS]
    for fault in outcome.faults:
        parts.append(f"## {fault.title[0].upper()}{fault.title[1:]}\n\n{fault.method}\n")
        parts.append("\n".join(_timeline(story) for story in outcome.of(fault)) + "\n")
    parts += [f"Not measured: {name}: {why}\n" for name, why in outcome.failed.items()]
    return "\n".join([*parts, _CHANGED, _CAVEATS, _REPEAT])


def title_of(fault: Fault, story: Story) -> str:
    """Return what a row is called."""
    return f"{fault.title}: {story.what}" if story.what else fault.title


def the_work(story: Story) -> str:
    """Say what became of the process that did the work."""
    stopped, again = story.stopped_after, story.goes_on_after
    if stopped is None:
        said = "went on" if story.ledger else "never began"
    elif story.ledger[0].at > story.struck_at:
        said = f"began after {seconds(again)}"
    else:
        when = f"after {seconds(stopped)}" if stopped >= LINE_SECONDS else "at once"
        ended = "came to its end" if story.was_done else "stopped"
        said = f"{ended} {when}, {'for good' if again is None else f'began again after {seconds(again)}'}"
    beside = story.overlap_seconds
    return said + (f"; **two side by side** for {seconds(beside)}" if beside else "")


def seconds(value: float | None) -> str:
    """Return seconds for people."""
    return "" if value is None else f"{shown(round(value, 1))} s"


def _table(outcome: Outcome) -> str:
    header = [
        "fault",
        "",
        "the work",
        "verdict",
        "known after",
        "retries used",
        "for nothing",
        "log",
        "host known to be gone",
        "next task",
    ]
    rows = []
    for fault in outcome.faults:
        titles = set()
        for story in outcome.of(fault):
            title = title_of(fault, story)
            rows.append(["" if title in titles else title, *_cells(story)])
            titles.add(title)
    ruler = ["---"] * 4 + ["---:"] * 6
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ruler, *rows)) + "\n"


def _cells(story: Story) -> list[str]:
    return [
        story.system,
        the_work(story),
        story.state,
        seconds(story.ended_after),
        str(story.tries - 1),
        seconds(story.lost_seconds) if story.lost_seconds else "none",
        f"{story.delivered:,} of {story.written:,}",
        seconds(story.noticed_after),
        seconds(story.fresh_after),
    ]


def _timeline(story: Story) -> str:
    """Return all that was seen from the fault on, one list."""
    whose = f"{story.system}, {story.what}" if story.what else story.system
    before = {change.subject: change.value for change in story.changes if change.at < story.struck_at}
    as_it_was = ", ".join(f"{subject} {value}" for subject, value in before.items() if subject != "api-server")
    steps: list[str] = []
    after = [change for change in story.changes if change.at >= story.struck_at]
    for subject, group in groupby(after, key=lambda change: change.subject):
        said = [f"+{change.at - story.struck_at:.1f} s {subject} {change.value}" for change in group]
        steps += said if len(said) <= MOST_ALIKE else [*said[:3], f"({len(said) - 4} more)", said[-1]]
    return f"- {whose}: {as_it_was or 'nothing yet'}; {'; '.join(steps) or 'nothing changed'}."
