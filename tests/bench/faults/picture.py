"""The picture for the docs: for each fault and system what ran when, counted from the fault."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from tests.bench.faults.page import Outcome, title_of
from tests.bench.faults.story import Story
from tests.bench.plot import EDGE3, OURS

mpl.use("Agg")

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"edge3": EDGE3, "ours": OURS}
BAR_HEIGHT = 0.62
SHORTEST_BAR = 2.0
"""Seconds: what is shorter could not be seen."""
MARKS = {
    "noticed_after": ("v", "the host is known to be gone"),
    "fresh_after": ("o", "another task begins"),
    "ended_after": ("|", "Airflow knows the end"),
}

_LOOK: dict[str, Any] = {"color": "black", "markersize": 6, "linestyle": "none", "markerfacecolor": "white"}


def draw(outcome: Outcome, file: Path) -> None:
    """Draw a bar for each process of each run, and marks for what the server knew and gave out."""
    from matplotlib import pyplot as plt

    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "bench"})
    rows = [(title_of(fault, story), story) for fault in outcome.faults for story in outcome.of(fault)]
    figure, axes = plt.subplots(figsize=(10, 1.3 + 0.3 * len(rows)), layout="constrained")
    for place, (_, story) in enumerate(rows):
        _row(axes, place, story)
    titles = [""] + [title for title, _ in rows]
    labels = [
        f"{title}   {story.system}" if title != before else story.system
        for (title, story), before in zip(rows, titles, strict=False)
    ]
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [label.replace("`", "") for label in labels])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set(xlabel="seconds from the fault", title="The work; pale: had to be done again; grey: no API server")
    axes.grid(axis="x", alpha=0.3)
    for marker, meaning in MARKS.values():
        axes.plot([], [], marker=marker, label=meaning, **_LOOK)
    figure.legend(loc="outside lower center", ncols=len(MARKS), frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)


def _row(axes: Axes, place: int, story: Story) -> None:
    away = [change.at - story.struck_at for change in story.changes if change.subject == "api-server"]
    if len(away) == 2:
        axes.barh(place, away[1] - away[0], left=away[0], height=1.0, color="#e4e4e4", zorder=0)
    spans = story.spans()
    last = max((number for number, _, _ in spans), default=0)
    for number, begin, end in spans:
        length = max(end - begin, SHORTEST_BAR)
        colour, alpha = COLOURS[story.system], 1.0 if number == last else 0.4
        axes.barh(place, length, left=begin - story.struck_at, height=BAR_HEIGHT, color=colour, alpha=alpha)
    for name, (marker, _) in MARKS.items():
        if (value := getattr(story, name)) is not None:
            axes.plot([value], [place], marker=marker, **_LOOK)
