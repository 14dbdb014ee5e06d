"""The diagrams are the table of transitions."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from edge_agent.protocol import TRANSITIONS, JobState
from tests.docs.documents import DOCS, blocks

EDGE = re.compile(r"^ +(\w+) --> (\w+): (\w+)$", re.MULTILINE)
SVG = "{http://www.w3.org/2000/svg}"


def test_the_mermaid_diagram_has_every_transition_and_no_other():
    (diagram,) = blocks("mermaid")
    drawn = sorted(EDGE.findall(diagram.text))
    assert drawn == sorted((step.source, step.target, step.verb) for step in TRANSITIONS)


def test_the_diagram_begins_and_ends_where_jobs_do():
    (diagram,) = blocks("mermaid")
    assert re.findall(r"\[\*\] --> (\w+)", diagram.text) == ["queued"]
    ends = re.findall(r"(\w+) --> \[\*\]", diagram.text)
    assert sorted(ends) == sorted(state for state in JobState if state.is_terminal)


def test_the_picture_has_every_state_and_an_arrow_for_each_step():
    picture = ET.parse(DOCS / "images" / "states.svg")  # noqa: S314  our own file
    words = [text.text or "" for text in picture.iter(f"{SVG}text")]
    assert set(JobState) <= set(words)
    arrows = [path for path in picture.iter(f"{SVG}path") if path.get("marker-end")]
    assert len(arrows) == len({(step.source, step.target) for step in TRANSITIONS})
    verbs = sorted(verb for word in words if word not in set(JobState) for verb in word.split(", "))
    assert verbs == sorted(step.verb for step in TRANSITIONS)
