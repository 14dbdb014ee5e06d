"""Agents that are rows and nothing else: for what only shows when there are many, or when they have a past."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow, TokenRow
from edge_agent.protocol import AgentState

HOUR = 3600.0
"""Seconds between two heartbeats of them: within a test nobody misses one."""

SITES = ("hamburg", "rotterdam", "genova", "gdansk", "leixoes")
QUEUES = ("onprem", "reports", "gpu", "scada", "backup")


def agent(name: str, **changes: Any) -> AgentRow:
    """Make an agent that has just been heard."""
    now = datetime.now(tz=UTC)
    host = {"load_1m": 0.7, "memory_total_bytes": 16 * 2**30, "memory_available_bytes": 9 * 2**30}
    usual = {
        "state": AgentState.CONNECTED,
        "session_id": uuid4(),
        "session_hash": uuid4().hex,
        "session_expires_at": now + timedelta(days=1),
        "host_key": uuid4().hex,
        "instance": uuid4(),
        "registered_at": now - timedelta(days=12),
        "last_seen_at": now,
        "beat": 1,
        "heartbeat_seconds": HOUR,
        "hostname": f"{name}.plant.example",
        "address": "10.20.0.7",
        "protocol_version": 1,
        "queues": ["onprem"],
        "capabilities": {"kind.task": True, "kind.command": True, "os": "linux", "python": "3.12"},
        "versions": {"agent": "0.1.0", "python": "3.12.1", "airflow": "3.3.2"},
        "health": host | {"disk_free_bytes": 210 * 2**30},
        "slots": 8,
        "free_slots": 8,
    }
    return AgentRow(name=name, **(usual | changes))


def crowd(count: int) -> Iterable[AgentRow]:
    """Make agents of several sites: of a hundred 4 are lost, 2 offline, 3 late, and every tenth is cordoned."""
    now = datetime.now(tz=UTC)
    for number in range(count):
        site = SITES[number % len(SITES)]
        changes: dict[str, Any] = {
            "address": f"10.{number // 250}.{number % 5}.{number % 250}",
            "queues": sorted({QUEUES[number % 5], QUEUES[number // 5 % 5]}),
            "capabilities": {"kind.task": True, "os": "linux", "site": site, "gpu": number % 20 == 0},
        }
        if number % 100 < 4:
            changes |= {"state": AgentState.LOST, "last_seen_at": now - timedelta(days=1)}
        elif number % 100 < 6:
            changes |= {"state": AgentState.OFFLINE, "last_seen_at": now - timedelta(days=2)}
        elif number % 100 < 9:
            changes |= {"last_seen_at": now - timedelta(seconds=1.5 * HOUR)}
        if number % 10 == 9:
            changes |= {"cordoned_at": now, "cordoned_by": "admin", "cordon_reason": "firmware"}
        yield agent(f"{site}-{number:04}", **changes)


def add(engine: Engine, agents: Iterable[AgentRow], token: str = "plants") -> None:
    """Write agents into the database; they share a token of that name."""
    with Session(engine) as session:
        row = TokenRow(id=uuid4(), name=token, created_at=datetime.now(tz=UTC), created_by="admin")
        session.add(row)
        session.flush()
        for each in agents:
            each.token_id = row.id
            session.add(each)
        session.commit()
