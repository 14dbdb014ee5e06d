"""The state diagram as SVG: places are chosen here, what is drawn between them is ``TRANSITIONS``.

Readable on a light and on a dark page: every text stands on a filled shape, lines are of a middle grey.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent.protocol import TRANSITIONS, JobState
from tests.gen import markdown

Point = tuple[int, int]

_WIDTH, _HEIGHT = 800, 430
_HALF_WIDTH, _HALF_HEIGHT = 62, 22
_OPEN, _GOOD, _BAD, _NEUTRAL, _LINE = "#0969da", "#1a7f37", "#cf222e", "#6639ba", "#6e7781"

_PLACES: dict[JobState, tuple[Point, str]] = {
    JobState.QUEUED: ((100, 110), _OPEN),
    JobState.OFFERED: ((400, 110), _OPEN),
    JobState.RUNNING: ((700, 110), _OPEN),
    JobState.CANCELLED: ((400, 260), _NEUTRAL),
    JobState.FAILED: ((400, 390), _BAD),
    JobState.SUCCEEDED: ((700, 390), _GOOD),
}


@dataclass(frozen=True)
class _Edge:
    """A curve: begin, bend, end; the label stands where the curve is half way."""

    begin: Point
    bend: Point
    end: Point

    @property
    def middle(self) -> Point:
        points = zip(self.begin, self.bend, self.end, strict=True)
        x, y = (round(begin / 4 + bend / 2 + end / 4) for begin, bend, end in points)
        return x, y


_EDGES: dict[tuple[JobState, JobState], _Edge] = {
    (JobState.QUEUED, JobState.OFFERED): _Edge((162, 100), (250, 100), (338, 100)),
    (JobState.OFFERED, JobState.QUEUED): _Edge((338, 122), (250, 150), (162, 122)),
    (JobState.OFFERED, JobState.RUNNING): _Edge((462, 110), (550, 110), (638, 110)),
    (JobState.RUNNING, JobState.QUEUED): _Edge((700, 88), (400, -30), (100, 88)),
    (JobState.QUEUED, JobState.CANCELLED): _Edge((130, 132), (200, 225), (338, 255)),
    (JobState.OFFERED, JobState.CANCELLED): _Edge((400, 132), (400, 185), (400, 238)),
    (JobState.RUNNING, JobState.CANCELLED): _Edge((660, 132), (600, 225), (462, 255)),
    (JobState.QUEUED, JobState.FAILED): _Edge((90, 132), (130, 360), (338, 390)),
    (JobState.RUNNING, JobState.FAILED): _Edge((685, 132), (650, 340), (462, 385)),
    (JobState.RUNNING, JobState.SUCCEEDED): _Edge((715, 132), (715, 250), (715, 368)),
}


def states(source: str) -> str:
    """Return the diagram.

    :raises KeyError: when a state or a step of the table has no place in the picture yet.
    """
    verbs: dict[tuple[JobState, JobState], list[str]] = {}
    for step in TRANSITIONS:
        verbs.setdefault((step.source, step.target), []).append(step.verb)
    parts = [
        *(_curve(_EDGES[pair]) for pair in verbs),
        *(_label(_EDGES[pair].middle, ", ".join(words)) for pair, words in verbs.items()),
        *(_box(state) for state in JobState),
    ]
    title = "<title>The life of a job</title>"
    return "\n".join([_HEAD, markdown.notice(source), title, _ARROW, *parts, "</svg>\n"])


_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
    'font-family="Helvetica, Arial, sans-serif" text-anchor="middle">'
)
_ARROW = (
    '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
    f'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{_LINE}"/></marker></defs>'
)


def _curve(edge: _Edge) -> str:
    begin, bend, end = (f"{x} {y}" for x, y in (edge.begin, edge.bend, edge.end))
    line = f'fill="none" stroke="{_LINE}" stroke-width="2" marker-end="url(#end)"'
    return f'<path d="M{begin} Q{bend} {end}" {line}/>'


def _label(middle: Point, text: str) -> str:
    x, y = middle
    width = 14 + 7 * len(text)
    return (
        f'<rect x="{x - width // 2}" y="{y - 10}" width="{width}" height="20" rx="10" fill="{_LINE}"/>'
        f'<text x="{x}" y="{y + 4}" font-size="12" fill="#ffffff">{text}</text>'
    )


def _box(state: JobState) -> str:
    (x, y), colour = _PLACES[state]
    return (
        f'<rect x="{x - _HALF_WIDTH}" y="{y - _HALF_HEIGHT}" width="{2 * _HALF_WIDTH}" '
        f'height="{2 * _HALF_HEIGHT}" rx="8" fill="{colour}"/>'
        f'<text x="{x}" y="{y + 5}" font-size="15" font-weight="bold" fill="#ffffff">{state}</text>'
    )
