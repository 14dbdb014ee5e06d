"""Reference of the life of a job, from the one table of transitions: text, Mermaid and a picture."""

from __future__ import annotations

from edge_agent.protocol import TRANSITIONS, AgentState, EndReason, JobKind, JobState, RunnerName
from tests.gen import docstrings, drawing, markdown

SOURCE = "edge_agent/protocol/states.py"


def states() -> str:
    """Return the page."""
    moves = [
        (
            f"{step.source} → {step.target}",
            markdown.code(step.verb),
            step.why,
            ", ".join(f"`{reason}`" for reason in sorted(step.reasons)) or "none",
        )
        for step in TRANSITIONS
    ]
    return markdown.page(
        SOURCE,
        "States",
        "## Job",
        _members(JobState),
        f"```mermaid\n{mermaid()}\n```",
        "Everything a job may do; what is not here cannot happen:",
        markdown.table(("step", "verb", "when", "end reasons it may write"), moves),
        "## End reasons",
        _members(EndReason),
        "## Agent",
        _members(AgentState),
        "## Kind of job",
        _members(JobKind),
        "## Runner",
        _members(RunnerName),
    )


def mermaid() -> str:
    """Return the diagram of the job states: each transition is one line."""
    lines = ["stateDiagram-v2", "    direction LR", "    [*] --> queued: submit"]
    lines += [f"    {step.source} --> {step.target}: {step.verb}" for step in TRANSITIONS]
    lines += [f"    {state} --> [*]" for state in JobState if state.is_terminal]
    return "\n".join(lines)


def picture() -> str:
    """Return the same diagram as SVG."""
    return drawing.states(SOURCE)


def _members(kind: type[JobState | EndReason | AgentState | JobKind | RunnerName]) -> str:
    rows = [(markdown.code(value), text) for value, text in docstrings.of_members(kind).items()]
    return markdown.table(("value", "meaning"), rows)
