"""The answer of a policy to a job: what of it may start, or that nothing does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge_agent.errors import CannotStart


@dataclass(frozen=True)
class Admission:
    """What may start. ``payload``: the job's, bounded. ``time_seconds``: how long it may run.

    ``is_own_time``: whether that is what the job itself asked for, and not the policy.
    """

    payload: dict[str, Any]
    time_seconds: float | None = None
    is_own_time: bool = False


class Refusal(CannotStart):
    """The policy of this host refuses a job. Nothing of it ran. ``rule``: which key of the policy says so."""

    def __init__(self, why: str, *, rule: str) -> None:
        super().__init__(f"Refused by rule {rule!r} of the host's policy: {why}")
        self.rule = rule
