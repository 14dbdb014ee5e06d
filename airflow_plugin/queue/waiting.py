"""Why no agent has taken a queued job yet, in one sentence for whoever looks at it.

Says what is known at this moment, from the tables, and promises nothing: the agents that could take the job, and
what stands in the way of each. Times are said as ages, so that they mean the same in every time zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from airflow_plugin.models import AgentRow, JobRow
from airflow_plugin.queue import agent_health
from airflow_plugin.queue.agent_health import HealthStatus
from airflow_plugin.queue.callees import AGENT_NAME
from airflow_plugin.queue.placement import Placement, written
from airflow_plugin.queue.wording import how_long, shortened
from edge_agent.protocol import JobKind, JobState

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_plugin.config import QueueConfig

SOON = "about to be offered"
MOST_NAMED = 3
"""How many agents one sentence names; the rest is counted."""

_KINDS = {f"kind.{JobKind.TASK}": "none runs Airflow tasks", f"kind.{JobKind.COMMAND}": "none runs commands"}


class _Obstacle(NamedTuple):
    """What keeps one agent from a job: ``a1 is full (4 of 4 slots in use)``."""

    agent: str
    word: str
    detail: str

    def __str__(self) -> str:
        return self.agent + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Waiting:
    """The agents at one moment. ``in_use``: slots in use, by agent; one that holds nothing need not be there."""

    agents: Mapping[str, Any]
    in_use: Mapping[str, int]
    now: datetime
    _said: dict[Any, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, session: Session, config: QueueConfig, now: datetime) -> Waiting:
        """Read them."""
        held = JobRow.state.in_([JobState.OFFERED, JobState.RUNNING])
        in_use = select(JobRow.agent_name, func.sum(JobRow.slots)).where(held).group_by(JobRow.agent_name)
        health = agent_health.status(config).label("health_status")
        found = session.execute(select(*_READ, health).order_by(AgentRow.name))
        used = {name or "": slots for name, slots in session.execute(in_use)}
        return cls({row.name: row for row in found}, used, now)

    def why(self, job: Any) -> str:
        """Say why a queued job waits. Jobs alike wait for the same reason, which is looked for once."""
        alike = (job.team_name, job.queue, tuple(sorted(job.requires.items())), job.slots)
        if alike not in self._said:
            self._said[alike] = self._why(Placement(job.queue, job.team_name, job.requires), job.slots)
        return self._said[alike]

    def _why(self, placement: Placement, slots: int) -> str:
        serving = [a for a in self.agents.values() if placement.serves(team=a.team_name, queues=_queues(a))]
        if not serving:
            return self._nobody(placement)
        able = [agent for agent in serving if not placement.unmet(agent.capabilities)]
        if not able:
            return _nobody_has(placement, serving)
        large = [agent for agent in able if _slots(agent) >= slots]
        if not large:
            has = _listed(f"{agent.name} has {_slots(agent)}" for agent in able)
            return f"it takes {slots} slots, more than any agent that could take it has: {has}"
        obstacles = [self._obstacle(agent, slots) for agent in large]
        return SOON if None in obstacles else _in_words([each for each in obstacles if each])

    def _nobody(self, placement: Placement) -> str:
        others = {a.team_name for a in self.agents.values() if placement.queue in _queues(a)}
        if not others:
            return f"no agent serves queue {placement.queue!r}"
        whose = f"of team {placement.team!r}" if placement.team else "without a team"
        theirs = _listed(
            f"team {name!r}" if name else "no team" for name in sorted(others, key=lambda name: name or "")
        )
        return f"no agent {whose} serves queue {placement.queue!r}; those that do are of {theirs}"

    def _obstacle(self, agent: Any, slots: int) -> _Obstacle | None:
        """Return what keeps an agent that could take the job from it, None when nothing does."""
        last_heard = f"last heard {_whole(self._since(agent.last_seen_at))} ago"
        if agent.health_status in {HealthStatus.LOST, HealthStatus.OFFLINE}:  # "lost", "offline"
            return _Obstacle(agent.name, str(agent.health_status), last_heard)
        if agent.session_hash is None:
            return _Obstacle(agent.name, "away", last_heard)  # left, and its jobs run on: it may come back for them
        if decided := self._decision(agent):
            return decided
        if agent.health_status == HealthStatus.LATE:
            return _Obstacle(agent.name, "late", last_heard)
        used = self.in_use.get(agent.name, 0)
        if _slots(agent) - used < slots:
            word = "full" if slots == 1 else f"short of {slots} free slots"
            return _Obstacle(agent.name, word, f"{used} of {_slots(agent)} slots in use")
        return None

    def _decision(self, agent: Any) -> _Obstacle | None:
        """Return what an admin has decided about an agent that keeps it from taking anything."""
        if agent.drain_requested_at is not None:
            return _Obstacle(agent.name, "draining", _reason(agent).removeprefix("draining"))
        if agent.cordoned_at is not None and not self._is_over(agent.cordon_expires_at):
            return _Obstacle(agent.name, "cordoned", self._cordon(agent))
        return None

    def _cordon(self, agent: Any) -> str:
        parts = [_reason(agent)]
        if agent.cordoned_by:
            parts.append(f"by {agent.cordoned_by}")
        if agent.cordon_expires_at is not None:
            parts.append(f"{_whole(-self._since(agent.cordon_expires_at))} left")
        return ", ".join(filter(None, parts))

    def _since(self, then: datetime) -> float:
        return (self.now - then).total_seconds()

    def _is_over(self, expiry: datetime | None) -> bool:
        return expiry is not None and self._since(expiry) > 0


_READ = (
    AgentRow.name,
    AgentRow.team_name,
    AgentRow.state,
    AgentRow.session_hash,
    AgentRow.last_seen_at,
    AgentRow.queues,
    AgentRow.queues_override,
    AgentRow.capabilities,
    AgentRow.slots,
    AgentRow.slots_override,
    AgentRow.cordoned_at,
    AgentRow.cordoned_by,
    AgentRow.cordon_reason,
    AgentRow.cordon_expires_at,
    AgentRow.drain_requested_at,
)


def _nobody_has(placement: Placement, serving: Sequence[Any]) -> str:
    """Say what no agent of the queue has, and what they have instead."""
    if (called := placement.requires.get(AGENT_NAME)) is not None:
        serving = [agent for agent in serving if agent.name == called]
        if not serving:
            return f"the agent {called!r} it is for does not serve queue {placement.queue!r}"
    unmet = {agent.name: placement.unmet(agent.capabilities) for agent in serving}
    lacking = sorted({name for names in unmet.values() for name in names})
    if kinds := [_KINDS[name] for name in lacking if name in _KINDS]:
        return f"{_agents(serving)} queue {placement.queue!r}, {' and '.join(kinds)}"
    wanted = ", ".join(written(name, placement.requires[name]) for name in lacking)
    instead = _listed(f"{agent.name} has {_instead(unmet[agent.name], agent.capabilities)}" for agent in serving)
    every = "all of " if len(lacking) > 1 else ""
    return f"{_agents(serving)} queue {placement.queue!r}, none has {every}{wanted}: {instead}"


def _instead(names: Iterable[str], capabilities: Mapping[str, Any]) -> str:
    has = (shortened(written(name, capabilities[name]), 60) if name in capabilities else f"no {name}" for name in names)
    return " and ".join(has)


def _in_words(obstacles: Sequence[_Obstacle]) -> str:
    first = obstacles[0]
    if len(obstacles) == 1:
        detail = f" ({first.detail})" if first.detail else ""
        return f"{first.agent}, the only agent that could take it, is {first.word}{detail}"
    if len({each.word for each in obstacles}) == 1:
        return f"all {len(obstacles)} agents that could take it are {first.word}: {_listed(map(str, obstacles))}"
    each_one = _listed(
        f"{each.agent} is {each.word}" + (f" ({each.detail})" if each.detail else "") for each in obstacles
    )
    return f"none of the {len(obstacles)} agents that could take it can do so now: {each_one}"


def _listed(words: Iterable[str]) -> str:
    every = list(words)
    more = len(every) - MOST_NAMED
    return ", ".join(every[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _whole(seconds: float) -> str:
    return how_long(round(seconds)) if seconds >= 1 else "0 s"


def _reason(agent: Any) -> str:
    return shortened(agent.cordon_reason or "", 100)


def _queues(agent: Any) -> list[str]:
    queues: list[str] = agent.queues_override or agent.queues
    return queues


def _slots(agent: Any) -> int:
    slots: int = agent.slots_override or agent.slots
    return slots


def _agents(agents: Sequence[Any]) -> str:
    return "1 agent serves" if len(agents) == 1 else f"{len(agents)} agents serve"
