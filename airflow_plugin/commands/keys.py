"""What a command is known by, so that the same try never starts it twice and the next try finds it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from edge_agent.protocol.commands import MAX_KEY, Submit, Tie


@dataclass(frozen=True)
class TaskTry:
    """One try of one task instance. ``id``: Airflow's, which changes with each try."""

    id: UUID
    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int

    @classmethod
    def of(cls, context: Any) -> TaskTry:
        """Return the try that a task's context is of."""
        ti = context["ti"]
        return cls(
            UUID(str(ti.id)),
            ti.dag_id,
            ti.run_id,
            ti.task_id,
            -1 if ti.map_index is None else ti.map_index,
            ti.try_number,
        )

    def key(self, name: str) -> str:
        """Return what this try's command of that name is known by: sent again, it is the same one."""
        return _bounded(f"{self._task}|{self.try_number}|{name}")

    def family(self, name: str) -> str:
        """Return what that command of every try is known by: two of them never run beside each other."""
        return _bounded(f"{self._task}|{name}")

    @property
    def label(self) -> str:
        """What the page calls the command."""
        mapped = f" [{self.map_index}]" if self.map_index >= 0 else ""
        return f"{self.dag_id}.{self.task_id}{mapped}"

    def own(self, submit: Submit, *, ends_with_it: bool) -> Submit:
        """Return a command as this try's. ``ends_with_it``: it is ended once Airflow goes on without the try."""
        tie = Tie(
            id=self.id,
            dag_id=self.dag_id,
            run_id=self.run_id,
            task_id=self.task_id,
            map_index=self.map_index,
            try_number=self.try_number,
            ends_with_it=ends_with_it,
        )
        known = {"key": self.key(submit.name), "family": self.family(submit.name), "tie": tie}
        return submit.model_copy(update={"label": submit.label or self.label, **known})

    @property
    def _task(self) -> str:
        return f"{self.dag_id}|{self.run_id}|{self.task_id}|{self.map_index}"


def _bounded(key: str) -> str:
    """Return a key as it is, or its digest where it is longer than a key may be."""
    return key if len(key) <= MAX_KEY else hashlib.sha256(key.encode()).hexdigest()
