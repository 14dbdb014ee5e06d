"""The contract of a runner: how a confirmed attempt becomes a process that outlives the agent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from edge_agent.attempt_dir import AttemptDir, Identity
from edge_agent.protocol import AirflowSettings


class Runner(ABC):
    """Starts attempts of one kind in one place.

    What it starts

    - claims ``started`` in the attempt directory before it does anything, and ends at once when the
      claim was decided otherwise;
    - leads an OS session of its own, so that a signal to the agent's group does not reach it;
    - takes SIGTERM as the request to end, and passes it on to what it runs;
    - writes ``result.json`` before it ends, unless it was killed;
    - needs nothing of the agent once it runs: no pipe, no environment variable, no parent.

    It reads its payload from the attempt directory: nothing secret stands on a command line. The agent
    notices its end by its identity, whoever its parent is.
    """

    @abstractmethod
    async def start(self, attempt: AttemptDir) -> Identity:
        """Start the attempt and return which process it is.

        :raises CannotStart: when nothing was started and nothing will be: the payload makes no sense, or
            the host cannot run it. The message is shown to the author of the job.
        """

    @abstractmethod
    def log_of(self, payload: dict[str, Any]) -> str:
        """Return where the log of record is, relative to the attempt directory.

        :raises CannotStart: when the payload does not say, or points outside.
        """

    @property
    def starts_own_children(self) -> bool:
        """Whether what it starts is a child of the agent, which then has to reap it."""
        return False

    def configure(self, airflow: AirflowSettings) -> None:  # noqa: B027  most need to know nothing
        """Learn what the site's Airflow is set to. Told before the first start, and with each session."""

    async def prepare(self) -> None:  # noqa: B027  most have nothing to prepare
        """Get ready, so that the next start takes milliseconds. Called again and again.

        :raises CannotStart: when this host cannot start such jobs now; says what to do.
        """

    async def close(self) -> None:  # noqa: B027  most hold nothing
        """Give up what the runner itself holds. What it started goes on."""
