"""The picture for the docs: a panel for each measurement, the same colour for the same side everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

from tests.bench.commands.figures import Section
from tests.bench.commands.sides import BASH, DEFERRED, SIDES, SSH, SSH_FAST, WORKER
from tests.bench.figures import percentile, shown

mpl.use("Agg")

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {
    BASH.key: "#9a9a9a",
    SSH.key: "#b0632f",
    SSH_FAST.key: "#dda577",
    DEFERRED.key: "#1f6f8b",
    WORKER.key: "#7fb3c4",
}
SHORT = {
    BASH.key: "Bash",
    SSH.key: "SSH\n5 s",
    SSH_FAST.key: "SSH\n1 s",
    DEFERRED.key: "ours\ndeferred",
    WORKER.key: "ours\nworker",
}
PANELS = {
    "times": ("`true` from end to end (median)", "seconds"),
    "crowd": ("many at once: first start to last end", "seconds"),
    "log": ("of a large log, what arrives (more is better)", "% of the lines"),
    "memory": ("memory on the host, one command", "MB (PSS)"),
    "waiting": ("many waited for: CPU of the triggerer", "CPU seconds in a minute"),
}


def draw(sections: Sequence[Section], file: Path) -> None:
    """Draw what was measured and write the picture; a panel without its measurement says so."""
    from matplotlib import pyplot as plt

    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "bench"})
    figure, panels = plt.subplots(2, 3, figsize=(11, 6.5), layout="constrained")
    figure.patch.set_facecolor("white")
    found = {section.key: section for section in sections}
    for axes, (key, (title, unit)) in zip(panels.flat, PANELS.items(), strict=False):
        if key in found:
            _bars(axes, found[key], title, unit)
        else:
            axes.text(0.5, 0.5, f"{key}: not measured", ha="center")
    _legend(panels.flat[-1])
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)


def _bars(axes: Axes, section: Section, title: str, unit: str) -> None:
    sides = [side.key for side in SIDES if side.key in section.samples]
    values = [percentile(section.samples[key], 50) for key in sides]
    places = range(len(sides))
    bars = axes.bar(places, values, color=[COLOURS[key] for key in sides], width=0.65)
    axes.bar_label(bars, labels=[shown(value) for value in values], padding=2)
    axes.set_xticks(places, [SHORT[key] for key in sides])
    axes.set(title=title, ylabel=unit, ylim=(0, max(*values, 0.001) * 1.15))


def _legend(axes: Axes) -> None:
    axes.axis("off")
    for side in SIDES:
        axes.bar(0, 0, color=COLOURS[side.key], label=side.name)
    axes.legend(frameon=False, loc="center", fontsize=10)
