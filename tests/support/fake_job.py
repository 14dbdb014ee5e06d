"""One job of the fake queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from edge_agent.protocol import Confirmed, Ending, JobKind, JobState, RunnerName, sources_of
from edge_agent.protocol.signatures import signed_job


@dataclass
class Job:
    """One job, and everything that was ever done to it.

    ``offers``: how often it was offered. ``reports``: how often its end came, repeats included.
    """

    payload: dict[str, Any]
    kind: JobKind = JobKind.COMMAND
    queue: str = "q"
    slots: int = 1
    runner: RunnerName = RunnerName.DEFAULT
    label: str = "job"
    id: UUID = field(default_factory=uuid4)
    state: JobState = JobState.QUEUED
    assignment_id: UUID | None = None
    session_id: UUID | None = None
    offered_at: float = 0.0
    offers: int = 0
    silent_beat: int = 0
    cancel_requested: bool = False
    log: bytearray = field(default_factory=bytearray)
    log_full: bool = False
    ending: Ending | None = None
    reports: int = 0
    changed: dict[str, Any] = field(default_factory=dict)

    def confirmed(self, sign: Callable[[bytes], str | None]) -> Confirmed:
        """Return the permission to start it, signed as it stands now; ``changed`` is what somebody did to it since.

        The real queue signs when it is queued.
        """
        assert self.assignment_id is not None
        payload, signature = json.dumps(self.payload), self.signed(sign)
        honest = Confirmed(assignment_id=self.assignment_id, kind=self.kind, payload=payload, signature=signature)
        return honest.model_copy(update=self.changed)

    def signed(self, sign: Callable[[bytes], str | None]) -> str | None:
        """Return a signature under it, as it stands now."""
        content = signed_job(
            self.id,
            kind=self.kind,
            queue=self.queue,
            team=None,
            runner=self.runner,
            slots=self.slots,
            label=self.label,
            payload=json.dumps(self.payload),
        )
        return sign(content)

    def step(self, verb: str, target: JobState) -> None:
        """Move on.

        :raises AssertionError: when the protocol has no such step.
        """
        assert self.state in sources_of(target, verb), f"{verb}: {self.state} -> {target}"
        self.state = target
        if target is JobState.QUEUED:
            self.assignment_id = self.session_id = None
