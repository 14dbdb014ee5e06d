"""A verb of the fake queue that is refused."""

from __future__ import annotations

from typing import Any

from edge_agent.protocol import Problem, ProblemReason


class Refusal(Exception):
    """A problem to answer with."""

    def __init__(self, status: int, reason: ProblemReason, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.problem = Problem(reason=reason, message=message, **more)
