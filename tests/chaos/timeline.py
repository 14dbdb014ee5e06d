"""The picture of a run: what ran where and when, and what happened to whom."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

from tests.chaos.audit import Books
from tests.chaos.faults import Fault

mpl.use("Agg")

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WORK, KILLED, FAULT = "#1f6f8b", "#dda577", "#b0632f"


def draw(books: Books, faults: Iterable[Fault], begin: float, file: Path) -> None:
    """Draw a row for each host with its processes, and one for each part that was met."""
    from matplotlib import pyplot as plt

    faults = list(faults)
    hosts = sorted({line.agent for line in books.ledger})
    parts = sorted({fault.target for fault in faults} - set(hosts))
    rows = {name: row for row, name in enumerate([*hosts, *parts])}
    figure, axes = plt.subplots(figsize=(14, 0.7 * len(rows) + 1.5), layout="constrained")
    _draw_work(axes, books, rows, begin)
    for fault in faults:
        row = rows.get(fault.target)
        if row is not None:
            axes.barh(row + 0.32, max(fault.end - fault.begin, 0.4), left=fault.begin, height=0.22, color=FAULT)
            axes.annotate(fault.kind, (fault.begin, row + 0.45), fontsize=6)
    axes.set_yticks(list(rows.values()), list(rows))
    axes.set_xlabel("seconds")
    axes.set_title("blue: a process from its start to its end; sand: one that was killed; brown: a fault")
    figure.savefig(file)
    plt.close(figure)


def _draw_work(axes: Axes, books: Books, rows: dict[str, int], begin: float) -> None:
    ends = {(line.process, line.run): line.at for line in reversed(books.ledger) if line.event == "end"}
    lanes: dict[str, list[float]] = {}
    for line in books.ledger:
        if line.event != "start":
            continue
        end = ends.get((line.process, line.run))
        lane = _lane(lanes.setdefault(line.agent, []), line.at, end or line.at + 2)
        axes.barh(
            rows[line.agent] - 0.35 + 0.1 * lane,
            max((end or line.at + 2) - line.at, 0.2),
            left=line.at - begin,
            height=0.08,
            color=WORK if end else KILLED,
        )


def _lane(busy_until: list[float], begin: float, end: float) -> int:
    """Return the first lane that is free, and take it."""
    for number, until in enumerate(busy_until):
        if until <= begin:
            busy_until[number] = end
            return number
    busy_until.append(end)
    return len(busy_until) - 1
