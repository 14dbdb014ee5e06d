"""The picture for the docs: four panels, each with edge3 and ours in the same two colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.ticker import FuncFormatter, NullFormatter

from tests.bench.figures import Section

mpl.use("Agg")

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

EDGE3, EDGE3_FAST, OURS, OURS_CROWD = "#b0632f", "#dda577", "#1f6f8b", "#7fb3c4"
COLOURS = {
    "edge3, default (polls every 5 s)": EDGE3,
    "edge3, polls every 1 s": EDGE3_FAST,
    "edge agent": OURS,
    "edge3, jobs older than 300 s": EDGE3,
    "edge3, jobs younger than 300 s": EDGE3_FAST,
}


def draw(sections: list[Section], file: Path) -> None:
    """Draw what was measured and write the picture; a panel without its measurement says so."""
    from matplotlib import pyplot as plt

    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "bench"})
    figure, panels = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    found = {section.key: section for section in sections}
    drawers = {"dispatch": _dispatch, "throughput": _throughput, "cycles": _cycles, "sync": _sync}
    for axes, (key, drawer) in zip(panels.flat, drawers.items(), strict=True):
        if key in found:
            drawer(axes, found[key])
        else:
            axes.text(0.5, 0.5, f"{key}: not measured", ha="center")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)


def _dispatch(axes: Axes, section: Section) -> None:
    for name, seconds in section.series.items():
        ordered = sorted(each * 1000 for each in seconds)
        shares = [(number + 1) / len(ordered) * 100 for number in range(len(ordered))]
        label = name.replace(" (", "\n(")
        axes.step(ordered, shares, where="post", label=label, color=COLOURS[name], linewidth=2)
    axes.set(
        title="Dispatch: task queued to start_date, idle worker",
        xscale="log",
        xlabel="milliseconds (log)",
        ylabel="% of tasks started by then",
        xlim=(4, None),
        ylim=(0, 101),
    )
    _plain(axes.xaxis)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left")


def _throughput(axes: Axes, section: Section) -> None:
    names = list(section.series)
    means = [sum(values) / len(values) for values in section.series.values()]
    bars = axes.bar(range(len(names)), means, color=[COLOURS[name] for name in names], width=0.6)
    axes.bar_label(bars, fmt="%.1f", padding=2)
    axes.set_xticks(range(len(names)), [name.replace(", ", ",\n") for name in names])
    axes.set(title=section.title, ylabel="tasks per second", ylim=(0, max(means) * 1.15))


def _cycles(axes: Axes, section: Section) -> None:
    groups = ("1 client", "8 clients")
    for number, (name, colour) in enumerate((("edge3", EDGE3), ("ours, batches of 16", OURS))):
        values = [section.series[group][number] for group in groups]
        places = [place + (number - 0.5) * 0.36 for place in range(len(groups))]
        axes.bar_label(axes.bar(places, values, width=0.34, label=name, color=colour), fmt="%.0f", padding=2)
    sizes, speeds = section.series["crowd sizes"], section.series["crowd speeds"]
    places = [len(groups) + place * 0.7 for place in range(len(sizes))]
    bars = axes.bar(places, speeds, width=0.34, label="ours, batches of 4", color=OURS_CROWD)
    axes.bar_label(bars, fmt="%.0f", padding=2)
    axes.set_xticks([0, 1, *places], [*groups, *(f"{size:.0f}\nagents" for size in sizes)])
    tallest = max(max(section.series[group]) for group in groups)
    axes.set(title="Protocol: one api-server process", ylabel="jobs per second", ylim=(0, tallest * 1.15))
    axes.legend(frameon=False, loc="upper right")


def _sync(axes: Axes, section: Section) -> None:
    rows = section.series["rows"]
    for name, values in section.series.items():
        if name != "rows":
            axes.plot(rows, values, marker="o", label=name, color=COLOURS[name], linewidth=2)
    axes.set(
        title="sync(): what the scheduler's loop waits for",
        xscale="log",
        yscale="log",
        xlabel="running jobs (log)",
        ylabel="milliseconds (log)",
    )
    _plain(axes.xaxis)
    _plain(axes.yaxis)
    axes.set_xticks(rows, [f"{row:,.0f}" for row in rows])
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)


def _plain(axis: Axis) -> None:
    """Label a logarithmic axis with whole numbers, at powers of ten only."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())
