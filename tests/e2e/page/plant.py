"""A small plant with a past, for pictures: agents in every state, their work, their last hours and what happened."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from airflow_plugin.models import AgentRow, EventRow, JobRow, SampleRow, TokenRow
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import AgentState, JobKind, JobState
from tests.e2e.page.crowd import agent

BEAT_SECONDS = 10.0
LATE_SECONDS = 25
SHOWN = "db-07"
"""The agent of which there is a picture of its own."""

Row = AgentRow | EventRow | JobRow | SampleRow | TokenRow


def now() -> datetime:
    """Return the time."""
    return datetime.now(tz=UTC)


def ago(**span: float) -> datetime:
    """Return a time in the past."""
    return now() - timedelta(**span)


def plant() -> list[Row]:
    """Make all of it."""
    names = ("plant-hamburg", "plant-genova", "lab", "datacenter")
    tokens = {name: TokenRow(id=uuid4(), name=name, created_by="admin", **values) for name, values in _tokens(names)}
    agents = [_agent(tokens, **values) for values in _agents()]
    return [*tokens.values(), *agents, *_jobs({each.name: each for each in agents}), *_samples(), *_events()]


def build(engine: Engine) -> None:
    """Write it into the database."""
    with Session(engine) as session:
        for row in plant():
            session.add(row)
            if isinstance(row, TokenRow):
                session.flush()
        session.commit()


def beat(engine: Engine) -> None:
    """Let every agent that is there be heard just now, but for the one that is late."""
    with Session(engine) as session:
        for late, when in ((False, now()), (True, ago(seconds=LATE_SECONDS))):
            name = AgentRow.name == "hall-3" if late else AgentRow.name != "hall-3"
            heard = update(AgentRow).where(AgentRow.state == AgentState.CONNECTED, name).values(last_seen_at=when)
            session.execute(heard.execution_options(synchronize_session=False))
        session.commit()


def _tokens(names: tuple[str, ...]) -> list[tuple[str, dict[str, Any]]]:
    hamburg, genova, lab, datacenter = names
    used = {"last_used_at": ago(minutes=4), "last_used_address": "10.20.0.7"}
    return [
        (
            hamburg,
            used
            | {
                "created_at": ago(days=40),
                "expires_at": now() + timedelta(days=50),
                "queues": ["onprem", "scada"],
                "agents": ["hall-*"],
                "last_used_by": "hall-1",
                "description": "Controllers in the halls",
            },
        ),
        (
            genova,
            used
            | {
                "created_at": ago(days=81),
                "expires_at": now() + timedelta(days=9),
                "queues": ["scada"],
                "addresses": ["10.30.0.0/16"],
                "last_used_by": "press-2",
            },
        ),
        (lab, {"created_at": ago(days=200), "expires_at": ago(days=3), "one_time": True}),
        (
            datacenter,
            used | {"created_at": ago(days=12), "last_used_by": SHOWN, "rotated_at": ago(days=2), "variables": []},
        ),
    ]


def _agents() -> list[dict[str, Any]]:
    cordon = {"cordoned_at": ago(minutes=37), "cordoned_by": "op", "cordon_reason": "disk swap, ticket 4711"}
    drain = {"cordoned_at": ago(minutes=2), "cordoned_by": "admin", "cordon_reason": "moves to rack 12"}
    old = {"agent": "0.0.9", "python": "3.11.9", "airflow": "3.3.1"}
    return [
        {"name": SHOWN, "token": "datacenter", "queues": ["onprem", "reports"], "slots": 8, "has": {"db": "orders"}},
        {
            "name": "db-08",
            "token": "datacenter",
            "queues": ["onprem", "reports"],
            "has": {"db": "orders"},
            "cordon_expires_at": now() + timedelta(minutes=83),
            **cordon,
        },
        {"name": "gpu-1", "token": "datacenter", "queues": ["gpu"], "slots": 2, "has": {"gpu": "a100"}},
        {
            "name": "gpu-2",
            "token": "datacenter",
            "queues": ["gpu"],
            "slots": 2,
            "has": {"gpu": "l4"},
            "drain_requested_at": ago(minutes=2),
            "drain_deadline": now() + timedelta(minutes=28),
            **drain,
        },
        {"name": "hall-1", "token": "plant-hamburg", "queues": ["scada"], "slots": 4, "has": {"line": 1}},
        {"name": "hall-2", "token": "plant-hamburg", "queues": ["scada"], "slots": 4, "has": {"line": 2}},
        {"name": "hall-3", "token": "plant-hamburg", "queues": ["scada"], "slots": 4, "has": {"line": 3}},
        {"name": "press-2", "token": "plant-genova", "queues": ["scada"], "slots": 2, "versions": old},
        {
            "name": "scale-9",
            "token": "plant-genova",
            "queues": ["scales"],
            "slots": 1,
            "state": AgentState.LOST,
            "last_seen_at": ago(minutes=18),
        },
        {
            "name": "spare-1",
            "token": "datacenter",
            "queues": ["onprem"],
            "state": AgentState.OFFLINE,
            "last_seen_at": ago(days=3),
        },
    ]


def _agent(
    tokens: dict[str, TokenRow], *, name: str, token: str, has: dict[str, Any] | None = None, **values: Any
) -> AgentRow:
    number = sum(name.encode()) % 250
    usual = {
        "token_id": tokens[token].id,
        "heartbeat_seconds": BEAT_SECONDS,
        "address": f"10.20.0.{number}",
        "hostname": f"{name}.plant.example",
        "capabilities": {"kind.task": True, "kind.command": True, "os": "linux", "python": "3.12", **(has or {})},
    }
    return agent(name, **(usual | values))


def _jobs(agents: dict[str, AgentRow]) -> list[JobRow]:
    queued = [
        ("quality_report.train", "gpu", {"gpu": "h100"}, 1900),
        ("orders.copy_offsite", "archive", {}, 760),
        ("meter_readings.calibrate_scale", "scales", {}, 410),
        ("orders.compact", "onprem", {"db": "billing"}, 95),
    ]
    running = [
        ("orders.dump", SHOWN, 640),
        ("orders.check", SHOWN, 205),
        ("quality_report.render", SHOWN, 31),
        ("quality_report.features", "gpu-1", 2700),
        ("quality_report.embed", "gpu-1", 1300),
        ("orders.compact", "db-08", 1100),
        ("quality_report.score", "gpu-2", 880),
        ("meter_readings.read_hall_1", "hall-1", 14),
    ]
    ended = [
        ("orders.dump", SHOWN, JobState.SUCCEEDED, "exit", 0, 4200),
        ("meter_readings.read_hall_3", "scale-9", JobState.FAILED, "agent_lost", None, 4000),
        ("orders.check", SHOWN, JobState.FAILED, "exit", 1, 3000),
        ("quality_report.render", SHOWN, JobState.CANCELLED, "cancelled", None, 2000),
    ]
    jobs = [_job(label, queue, age, requires=requires) for label, queue, requires, age in queued]
    for label, name, age in running:
        held = _held(agents[name], age)
        jobs.append(_job(label, agents[name].queues[0], age + 3, state=JobState.RUNNING, **held))
    for label, name, state, reason, code, age in ended:
        end: dict[str, Any] = {
            "ended_at": ago(seconds=age - 300),
            "ran_seconds": 297.0,
            "reason": reason,
            "exit_code": code,
        }
        jobs.append(_job(label, "onprem", age + 5, state=state, **_held(agents[name], age), **end))
    return jobs


def _held(by: AgentRow, age: float) -> dict[str, Any]:
    confirmed = ago(seconds=age)
    ids = {"session_id": by.session_id, "assignment_id": uuid4(), "agent_name": by.name, "hostname": by.hostname}
    return ids | {"offered_at": confirmed, "confirmed_at": confirmed}


def _job(label: str, queue: str, age: float, *, requires: dict[str, Any] | None = None, **values: Any) -> JobRow:
    dag_id, _, task_id = label.partition(".")
    usual = {
        "kind": JobKind.TASK,
        "state": JobState.QUEUED,
        "slots": 1,
        "rank": -age,
        "priority_weight": 1,
        "runner": "local",
        "payload": "{}",
        "queued_at": ago(seconds=age),
        "queue_deadline": now() + timedelta(hours=9),
        "dag_id": dag_id,
        "run_id": f"scheduled__{ago(hours=2):%Y-%m-%dT%H}:00:00+00:00",
        "task_id": task_id,
        "map_index": -1,
        "try_number": 1,
        "settled": True,
    }
    place = Placement(queue, None, requires or {})
    where = {"queue": queue, "requires": requires or {}, "placement": place.key}
    return JobRow(id=uuid4(), label=label, **(usual | where | values))


def _samples() -> list[SampleRow]:
    """Make three hours, in which the agent was late once, and away for a while."""
    rows, number, session = [], 0, uuid4()
    end = now().replace(second=0, microsecond=0)
    for minute in range(185, -1, -1):
        if 96 <= minute < 104:  # no server was there
            continue
        is_away, is_late = 58 <= minute < 66, minute in {130, 131, 66}
        number += 0 if is_away else 3 if is_late else 6
        wave = math.sin(minute / 17) + math.sin(minute / 5) / 2
        used = 0 if is_away else max(0, min(8, round(4 + 2.4 * wave)))
        rows.append(
            SampleRow(
                agent_name=SHOWN,
                at=end - timedelta(minutes=minute),
                taken_at=end - timedelta(minutes=minute),
                state=AgentState.LOST if is_away and minute < 65 else AgentState.CONNECTED,
                session_id=session,
                session_seconds=90_000.0,
                silent_seconds=60.0 * (66 - minute) if is_away else 3.0,
                heartbeat_seconds=BEAT_SECONDS,
                beat=number,
                slots=8,
                used_slots=used,
                running=used,
                load_1m=max(0.1, 2.2 + 1.6 * wave),
                memory_used=0.48 + 0.11 * wave,
                disk_free_bytes=int((212 - (185 - minute) * 0.09) * 2**30),
            )
        )
    return rows


def _events() -> list[EventRow]:
    story = [
        ({"days": 12}, "registered", None, None, "Registered for the first time, from host 'db-07.plant.example'."),
        ({"days": 2}, "token_changed", None, None, "Registered with the token 'datacenter'; before: 'bootstrap'."),
        ({"days": 1, "hours": 3}, "cordoned", "op", "kernel update", "Offered nothing new until somebody lifts it."),
        ({"days": 1, "hours": 2}, "uncordoned", "op", None, "Offered work again."),
        ({"minutes": 64}, "lost", None, None, "Not heard from for 50 s: 2 running jobs failed."),
        (
            {"minutes": 58},
            "returned",
            None,
            None,
            "Registered again after it was lost, from host 'db-07.plant.example'.",
        ),
        ({"minutes": 41}, "changed", "admin", "backup window", "Has 8 slots now; before: 6."),
    ]
    return [
        EventRow(agent_name=SHOWN, at=ago(**when), kind=kind, by=by, reason=reason, text=text)
        for when, kind, by, reason, text in story
    ]
