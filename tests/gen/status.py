"""Reference of the status, from the models that are its form."""

from __future__ import annotations

from edge_agent.status import report
from edge_agent.status.report import AgentState, Report
from tests.gen import docstrings, markdown
from tests.gen.protocol import message_table

_PARTS = (
    report.Status,
    report.Verdict,
    report.QueueApi,
    report.Failure,
    report.Disk,
    report.SpoolUse,
    report.Host,
    report.RunnerStatus,
    report.LoopStatus,
    report.JobStatus,
)


def status() -> str:
    """Return the page."""
    states = [(markdown.code(value), text) for value, text in docstrings.of_members(AgentState).items()]
    return markdown.page(
        "edge_agent/status/report.py",
        "Status of an agent",
        """
What `edge-agent status --json` prints, and what its exit code is. How to use it: [health](../how-to/health.md).
`status.sock` in the state directory answers whoever connects with a `Status` and a line break, and closes.""",
        "## Exit codes",
        markdown.table(
            ("command", "0", "1", "2"),
            [
                (
                    "`edge-agent status`",
                    "the agent runs, and its event loop answers",
                    "it does not run, or does not answer within `--timeout`, or is another user's",
                    "the command line or the TOML file is wrong",
                ),
                (
                    "`edge-agent status --live`",
                    "`live` is yes",
                    "it is no, with a line `NOT LIVE: ...` each",
                    "the same",
                ),
                (
                    "`edge-agent status --ready`",
                    "`ready` is yes",
                    "it is no, with a line `NOT READY: ...` each",
                    "the same",
                ),
            ],
        ),
        "`--json` changes what is printed, not the exit code.",
        "## Form",
        docstrings.of(report, from_paragraph=1),
        f"### {Report.__name__}\n\n{docstrings.of(Report)}\n\n" + message_table(Report),
        *(f"### {part.__name__}\n\n{docstrings.of(part)}\n\n" + message_table(part) for part in _PARTS),
        "## States",
        markdown.table(("state", "meaning"), states),
    )
