"""The results for people: a table on the terminal, and ``docs/benchmarks-commands.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isinf

from tests.bench.commands.figures import Reasons, Row, Section, Worse, worse
from tests.bench.commands.plan import Plan
from tests.bench.commands.sides import BASH, DEFERRED, SIDES, SSH, SSH_FAST, WORKER, Family, Side
from tests.bench.document import circumstances
from tests.bench.figures import shown

PAGE = "benchmarks-commands.md"
PICTURE = "images/benchmarks-commands.svg"
COMPARED = ((DEFERRED, SSH), (DEFERRED, SSH_FAST), (WORKER, BASH))
"""The ratios that have a column: each of ours with what holds as many workers as it."""
FAMILIES = {Family.BASH: "BashOperator", Family.SSH: "SSHRemoteJobOperator"}

_HEAD = """\
<!-- Written by `make bench-commands`: do not edit. -->
# Commands: benchmarks

`EdgeAgentCommandOperator` beside Airflow's own `SSHRemoteJobOperator` and `BashOperator`, in one run: one Airflow
(Postgres, scheduler with LocalExecutor, triggerer, API server), one sshd on loopback, one agent. All settings are the
defaults but for what is said below. What counts is the ratio; absolute numbers move with the machine.

"Better" is how many times better ours is, below 1 it is worse: deferred beside ssh, which is always deferred, and on
a worker beside BashOperator, which always holds one.

![One command, many at once, log, memory, triggerer]({picture})
"""

_CAVEATS = """\
## Read this before quoting a number

- Everything is on one machine: the "host" shares its CPUs with Airflow, and loopback has no latency. Over a WAN each
  poll of ssh, and each step of ours, costs round trips.
- BashOperator runs on the worker, not on another host: it is what a command costs that goes nowhere.
- A poll of ssh falls anywhere into its interval: of a short command half an interval is waited for, on average.
- Postgres runs without fsync.
- With sshd's own limits (`MaxStartups`, `MaxSessions`) fewer ssh tasks can be started at once than here.
- Few runs on one day: differences of a tenth are usual, and a 99th percentile of so few is nearly the slowest.

What each of them does when something fails is not in these numbers; for that see the tests of commands.
"""

_REPEAT = """\
## Repeat it

```sh
make bench-commands                     # about {minutes} minutes; writes this page and its picture
QUICK=1 make bench-commands             # a few minutes with tiny numbers: tries the harness, writes nothing
PARTS=times,log make bench-commands     # only these ({parts}); writes nothing but below .bench-commands
```

It needs what `make setup` installs and `sshd`, makes its own Postgres, Airflow, sshd and agent on free ports, keeps
their files below `.bench-commands`, and ends all of them also when it fails or is interrupted. A row in which ours is
worse by more than a tenth and that has no reason in `tests/bench/commands/reasons.py` fails the run.
"""


@dataclass(frozen=True)
class Outcome:
    """A whole run. ``failed``: why a measurement could not be made, by its key."""

    plan: Plan
    parts: Sequence[str]
    sections: Sequence[Section]
    failed: Mapping[str, str]
    reasons: Reasons
    minutes: float
    load_before: float

    @property
    def unexplained(self) -> list[Worse]:
        """Where ours is worse and nobody has said why."""
        return [each for section in self.sections for each in worse(section.rows, self.reasons) if not each.reason]

    @property
    def is_good(self) -> bool:
        """Whether everything was measured, and all that is worse has its reason."""
        return not self.failed and not self.unexplained


def page(outcome: Outcome) -> str:
    """Return the page."""
    about = circumstances(outcome.minutes, outcome.load_before, outcome.plan.name, "apache-airflow-providers-ssh")
    parts = [_HEAD.format(picture=PICTURE), about, *_alarm(outcome)]
    for section in outcome.sections:
        parts.append(f"## {section.title}\n\n{section.method}\n\n{table(section.rows)}\n")
        said = [*section.notes, *_reasons(section, outcome.reasons)]
        if said:
            parts.append("\n".join(f"- {each}" for each in said) + "\n")
    parts += [f"## {key}: not measured\n\n{why}\n" for key, why in outcome.failed.items()]
    repeat = _REPEAT.format(minutes=f"{outcome.minutes:.0f}", parts=", ".join(outcome.parts))
    return "\n".join([*parts, _CAVEATS, repeat])


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table: a column for each side, and one for each ratio that is compared."""
    sides = [side for side in SIDES if any(side.key in row.values for row in rows)]
    ratios = [f"better than {other.name}, {_how(ours)}" for ours, other in COMPARED]
    header = ["", "unit", *(side.name for side in sides), *ratios]
    ruler = ["---", "---", *["---:"] * (len(header) - 2)]
    body = [
        [row.what, row.unit, *(_cell(row, side) for side in sides), *(_ratio(row, *pair) for pair in COMPARED)]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ruler, *body))


def in_words(outcome: Outcome) -> str:
    """Return everything for a terminal."""
    blocks = []
    for section in outcome.sections:
        lines = [section.title]
        for row in section.rows:
            cells = (f"{side.key} {_cell(row, side) or '-'}" for side in SIDES)
            lines.append(f"  {row.what:<44} {row.unit:>6}  {'  '.join(cells)}")
        blocks.append("\n".join(lines + [f"  ! {said}" for said in _reasons(section, outcome.reasons)]))
    blocks += [f"{key}: NOT MEASURED: {why}" for key, why in outcome.failed.items()]
    return "\n\n".join([*blocks, *_alarm(outcome)])


def _how(side: Side) -> str:
    return "deferred" if side.defers else "on a worker"


def _cell(row: Row, side: Side) -> str:
    value, tail = row.values.get(side.key), row.tails.get(side.key)
    return shown(value) + (f" ({shown(tail)})" if tail is not None else "")


def _ratio(row: Row, ours: Side, other: Side) -> str:
    ratio = row.better(ours.key, other.key)
    return "" if ratio is None else f"{shown(ratio)} x"


def _reasons(section: Section, reasons: Reasons) -> list[str]:
    """Return a sentence for each row and family in which ours is worse, with the reason."""
    said = []
    found = sorted(worse(section.rows, reasons), key=lambda each: (each.row.key, each.other.family))
    for _, group in groupby(found, key=lambda each: (each.row.key, each.other.family)):
        places = list(group)
        row, family = places[0].row, places[0].other.family
        how = ", ".join(sorted({_place(place) for place in places}))
        why = places[0].reason or "**NO REASON IS GIVEN.** This is a defect of the page, or of the software."
        said.append(f"{row.what}: worse than {FAMILIES[family]} ({how}). {why}")
    return said


def _place(place: Worse) -> str:
    times = "by any measure" if isinf(place.times) else f"{shown(place.times)} x"
    fast = ", polls every 1 s" if place.other == SSH_FAST else ""
    return f"{_how(place.ours)}{fast}: {times}"


def _alarm(outcome: Outcome) -> list[str]:
    """Return what must not be overlooked, first of all."""
    if not outcome.unexplained:
        return []
    rows = ", ".join(dict.fromkeys(f"{each.row.what} ({FAMILIES[each.other.family]})" for each in outcome.unexplained))
    return [f"> **WORSE WITHOUT A REASON: {rows}.** Each needs one in `tests/bench/commands/reasons.py`.\n"]
