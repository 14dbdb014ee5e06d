"""Puts together what there is to say of an agent, out of all its parts, and judges it.

No secret gets in: what the server or somebody between says is cleaned as in the log.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edge_agent.assignment import Assignment
from edge_agent.capabilities import detect_versions
from edge_agent.contact import Contact
from edge_agent.directives import Obedience, conflict_in_words
from edge_agent.drain import Drain
from edge_agent.holdings import Holdings
from edge_agent.intake import Intake
from edge_agent.logs import Redactor
from edge_agent.policy.policy import Policy
from edge_agent.runners.registry import Runners
from edge_agent.sessions import Sessions
from edge_agent.settings import AgentSettings
from edge_agent.spool import Spool
from edge_agent.state_dir import StateDir
from edge_agent.status import readiness
from edge_agent.status.board import StatusBoard, now
from edge_agent.status.report import Disk, Host, JobStatus, QueueApi, Status, Verdict


@dataclass(kw_only=True)
class Survey:
    """What is looked at. :meth:`status` looks."""

    settings: AgentSettings
    policy: Policy
    state_dir: StateDir
    board: StatusBoard
    contact: Contact
    sessions: Sessions
    holdings: Holdings
    drain: Drain
    obedience: Obedience
    intake: Intake
    runners: Runners
    spool: Spool
    redactor: Redactor
    free_slots: Callable[[], int]
    stopped: str | None = field(default=None, init=False)
    """Why the agent stopped, once it has."""

    def __post_init__(self) -> None:
        self._started_at = now()
        versions = detect_versions().model_dump(exclude_none=True)
        self._versions = {name: str(version) for name, version in versions.items()}
        self._rules = tuple(text for _, text in self.policy.findings(self.runners.kinds))

    def live(self) -> Verdict:
        """Judge whether the agent works, whatever the server does. Its event loop does, or nobody could ask."""
        faults = self.board.faults()
        return Verdict(ok=not faults, reasons=tuple(faults))

    def ready(self) -> Verdict:
        """Judge whether the agent would take work now, if it were offered."""
        reasons = tuple(map(self.redactor.clean, readiness.obstacles(self)))
        return Verdict(ok=not reasons, reasons=reasons)

    def status(self) -> Status:
        """Return all of it, as of now."""
        directives = self.obedience.current
        conflict = directives.host_conflict
        return Status(
            written_at=now(),
            agent=self.settings.name,
            pid=os.getpid(),
            started_at=self._started_at,
            stopped=self._clean(self.stopped),
            live=self.live(),
            ready=self.ready(),
            versions=self._versions,
            queue_api=self._queue_api(),
            queues=directives.queues or self.settings.queues,
            slots=self.holdings.slots,
            free_slots=self.free_slots(),
            registered=self.sessions.is_open,
            cordoned=directives.cordoned,
            cordon_reason=self._clean(directives.cordon_reason),
            draining=self.drain.is_on,
            drain_reason=self.drain.reason,
            drain_seconds_left=self.drain.seconds_left,
            host_conflict=self._clean(conflict_in_words(conflict)) if conflict else None,
            disk=self._disk(),
            spool=self.spool.use(),
            runners_ready=self.runners.are_ready,
            host=self._host(),
            health_address=self.settings.health_address,
            loops=self.board.loops(),
            jobs=tuple(map(self._job, self.holdings.all())),
        )

    def _queue_api(self) -> QueueApi:
        latest, failure = self.sessions.latest, self.contact.last_failure
        if failure is not None:
            failure = failure.model_copy(update={"why": self.redactor.clean(failure.why)})
        return QueueApi(
            url=self.settings.url,
            answering=not self.contact.away,
            heard_at=self.contact.heard_at,
            last_failure=failure,
            session_id=str(latest.session_id) if latest else None,
            session_since=self.sessions.opened_at,
            session_token_since=self.sessions.renewed_at,
            agent_token_since=self._token_since(),
        )

    def _token_since(self) -> datetime | None:
        try:
            return _time(file.stat().st_mtime) if (file := self.settings.token_file) else None
        except OSError:
            return None

    def _disk(self) -> Disk:
        try:
            free_bytes = self.state_dir.free_bytes()
        except OSError:
            free_bytes = None
        return Disk(path=str(self.state_dir.path), fit=self.intake.is_fit, free_bytes=free_bytes)

    def _host(self) -> Host:
        return Host(
            kinds=tuple(kind.value for kind in self.runners.kinds),
            runners=self.runners.status(),
            policy=self._rules,
            policy_file=str(self.policy.path) if self.policy.is_written else None,
        )

    def _job(self, assignment: Assignment) -> JobStatus:
        offer, log = assignment.offer, assignment.log
        try:
            since = _time((assignment.attempt.path / "offer.json").stat().st_mtime)
        except OSError:
            since = None
        return JobStatus(
            job_id=str(offer.job_id),
            assignment_id=str(offer.assignment_id),
            label=self.redactor.clean(offer.label),
            kind=offer.kind.value,
            queue=offer.queue,
            slots=offer.slots,
            runner=offer.runner.value,
            stage=assignment.stage.value,
            pid=assignment.pid,
            since=since,
            log_bytes_delivered=log.delivered if log else 0,
            log_bytes_left=log.left_bytes() if log else 0,
        )

    def _clean(self, text: str | None) -> str | None:
        return text and self.redactor.clean(text)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
