"""The policy of this host at work: what is advertised, and what of a confirmed job may start."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_agent.errors import CannotStart, PolicyError
from edge_agent.policy import file
from edge_agent.policy.admission import Admission, Refusal
from edge_agent.policy.commands import bounded, fault_of_program, own_user
from edge_agent.policy.document import Document
from edge_agent.protocol import JobKind, Offer
from edge_agent.runners.account import check_account
from edge_agent.settings import AgentSettings, variable

_WORKLOADS = {"ExecuteTask": "task", "ExecuteCallback": "callback", "TestConnection": "connection_test"}
"""What Airflow calls them, and what the policy does."""


class Policy:
    """What may run on this host. ``path``: where it says so, or could. ``serves``: the queues the agent is set to."""

    def __init__(self, document: Document | None, path: Path = file.DEFAULT, *, serves: Sequence[str] = ()) -> None:
        self.is_written = document is not None
        self.document = document or Document()
        self.path = path
        self._queues = self.document.queues if self.document.queues is not None else serves

    @classmethod
    def of(cls, settings: AgentSettings) -> Policy:
        """Read it.

        :raises PolicyError: when it cannot be relied on, or forbids a queue that the agent is to serve.
        """
        policy = cls(file.read(settings.policy_file), settings.policy_file or file.DEFAULT, serves=settings.queues)
        allowed = policy.document.queues
        if refused := [queue for queue in settings.queues if allowed is not None and queue not in allowed]:
            msg = f"{variable('queues')}: the policy {policy.path} does not allow {', '.join(refused)} ('queues' there)"
            raise PolicyError(msg)
        return policy

    def kinds(self, wanted: tuple[JobKind, ...], *, is_asked: bool) -> tuple[JobKind, ...]:
        """Return which kinds of job to take. ``is_asked``: whether somebody has named the wanted ones.

        :raises PolicyError: when none is left, or one that was named may not run; says what to do.
        """
        complaints = {kind: why for kind in wanted if (why := self.why_not(kind))}
        if complaints and (is_asked or len(complaints) == len(wanted)):
            raise PolicyError("\n".join(complaints.values()))
        return tuple(kind for kind in wanted if kind not in complaints)

    def why_not(self, kind: JobKind) -> str | None:
        """Say why no job of this kind runs here, and what to do about it; None: some do."""
        document = self.document
        if kind not in document.kinds:
            return f"The policy {self.path} allows no jobs of kind {kind.value!r}: add it to 'kinds' there."
        if kind is JobKind.COMMAND and document.commands.allow == "listed" and not document.command:
            return (
                "No command may run on this host until somebody lists it: add it to "
                f"{self.path} under [[command]], or set 'allow' under [commands] there."
            )
        tasks = document.tasks
        if kind is JobKind.TASK and os.geteuid() == 0 and not (tasks.run_as_user or tasks.run_as_users):
            return (
                "Tasks would run as root. Run the agent as another user, or name the one that tasks run as "
                f"in {self.path}: run_as_user under [tasks] (root too, if it must be)."
            )
        return None

    def admit(self, offer: Offer, payload: dict[str, Any]) -> Admission:
        """Judge a job that was confirmed.

        :raises CannotStart: when nothing of it is to run.
        """
        refused = self.why_not(offer.kind)
        if refused is not None:
            raise Refusal(refused, rule="kinds")
        if offer.queue not in self._queues:
            here = f"'queues' in {self.path}" if self.document.queues is not None else variable("queues")
            why = f"it comes from the queue {offer.queue!r}. Add that to {here}."
            raise Refusal(why, rule="queues")
        own_seconds = None
        if offer.kind is JobKind.TASK:
            changes, limits = self._task(payload), self.document.tasks.limits
        else:
            changes, limits = bounded(self.document, payload)
            own_seconds = payload.get("timeout_seconds")
        bounds = limits.model_dump(exclude_none=True, exclude={"time_seconds"})
        admitted = Admission(payload | changes | {"limits": bounds}, limits.time_seconds)
        if own_seconds is None or own_seconds >= (limits.time_seconds or math.inf):
            return admitted
        return replace(admitted, time_seconds=own_seconds, is_own_time=True)

    def findings(self, kinds: tuple[JobKind, ...]) -> Iterator[tuple[bool, str]]:
        """Say what it comes to, for the kinds this host could take: whether that is as it should be, and what."""
        source = str(self.path) if self.is_written else f"there is no {self.path}"
        yield True, source
        for kind in kinds:
            why = self.why_not(kind)
            yield why is None, why or (self._tasks_in_words() if kind is JobKind.TASK else self._commands_in_words())
        for listed in self.document.command:
            user = listed.run_as_user or self.document.commands.run_as_user
            if fault := fault_of_program(listed, user):
                yield False, f"command {listed.name!r} would be refused: {fault}"

    def _tasks_in_words(self) -> str:
        return f"tasks run as {_whom(self.document.tasks.run_as_user)}"

    def _commands_in_words(self) -> str:
        commands = self.document.commands
        listed = ", ".join(each.name for each in self.document.command) or "none"
        allowed = {
            "listed": f"those listed: {listed}",
            "argv": "any program",
            "shell": "any program, and texts for a shell",
        }
        return f"commands: {allowed[commands.allow]}; as {_whom(commands.run_as_user)}"

    def _task(self, payload: dict[str, Any]) -> dict[str, Any]:
        workload = payload.get("workload")
        if not isinstance(workload, dict):
            msg = "The payload holds no workload. The log of the API server may say why."
            raise CannotStart(msg)
        written = str(workload.get("type"))
        if _WORKLOADS.get(written) not in self.document.tasks.workloads:
            why = f"it is a {written}. Add its kind to 'workloads' in {self.path}."
            raise Refusal(why, rule="tasks.workloads")
        user = self._task_user(payload.get("run_as_user"))
        if user is not None and written != "ExecuteTask":
            # Airflow runs these in ways that leave no room between the fork and the function.
            why = f"it is a {written}, which cannot run as {user}, only as the agent's own user."
            raise Refusal(why, rule="tasks.run_as_user")
        return {"run_as_user": user}

    def _task_user(self, asked: str | None) -> str | None:
        """Return whom a task runs as, None for the agent's own user."""
        tasks, own = self.document.tasks, own_user()
        name = str(asked or tasks.run_as_user or own)
        if name not in {tasks.run_as_user, *tasks.run_as_users} | ({own} if os.geteuid() else set()):
            why = f"it would run as {name}. Add him to 'run_as_users' under [tasks] in {self.path}."
            raise Refusal(why, rule="tasks.run_as_users")
        if name == own:
            return None
        check_account(name)
        return name


def _whom(named: str | None) -> str:
    """Say whom jobs run as that name nobody. Root is nobody unless it was named."""
    return f"{named or own_user()}, unless they ask for another" if named or os.geteuid() else "the user they ask for"
