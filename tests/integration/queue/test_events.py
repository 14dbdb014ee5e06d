"""What happened to agents: a row for each sort of thing, with what happens or not at all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import func, select

from airflow_plugin.models import EventRow
from airflow_plugin.queue import agent_settings, agents, events, host_keys, sessions, steering, tokens
from airflow_plugin.queue.allowances import Allowance
from airflow_plugin.queue.events import EventKind
from airflow_plugin.queue.reaper import lost
from edge_agent.protocol import JobState
from tests.support.queue_bed import ASKS_FROM, QueueBed

OTHER_HOST = "b" * 43


def act(queue: QueueBed, action: Any, *args: Any, **options: Any) -> Any:
    with queue.database.transaction() as session:
        return action(session, *args, **options)


def seen(queue: QueueBed, name: str = "a1", **options: Any) -> events.Events:
    return act(queue, events.listed, name, **{"limit": 50} | options)


def lose(queue: QueueBed) -> None:
    queue.database.pass_time(31)
    act(queue, lost, heartbeat_seconds=10, missed_heartbeats=3, listened_seconds=1000)


def leave(queue: QueueBed, agent: Any) -> None:
    with queue.database.transaction() as session:
        agents.leave(session, sessions.authenticate(session, agent.ref))


def register_with(queue: QueueBed, token: str, **asked: Any) -> None:
    with queue.database.transaction() as session:
        secret = tokens.create(session, token, Allowance(queues=["default"])).get_secret_value()
        row = tokens.authenticate(session, secret, "a1", ["default"])
        agents.register(session, "a1", queue.registration(**asked), token=row, **ASKS_FROM)


def let_return(queue: QueueBed) -> None:
    queue.register()
    lose(queue)
    queue.register()


def let_leave(queue: QueueBed) -> None:
    leave(queue, queue.put(JobState.RUNNING).agent)


def let_expire(queue: QueueBed) -> None:
    act(queue, steering.cordon, "a1", by="admin", reason="disk", expires_in_seconds=60)
    queue.database.pass_time(61)
    act(queue, steering.lift_expired)


def let_uncordon(queue: QueueBed) -> None:
    act(queue, steering.cordon, "a1", by="admin")
    act(queue, steering.uncordon, "a1", by="admin", reason="swapped")


def let_lose(queue: QueueBed) -> None:
    agent = queue.register(slots=8)
    queue.put(JobState.RUNNING, agent)
    queue.put(JobState.RUNNING, agent, lost_wait_seconds=600)
    queue.put(JobState.OFFERED, agent)
    lose(queue)


CONFLICT = {"hostname": "stolen", "address": "198.51.100.7"}
STEERED = {"by": "admin", "reason": "swapped"}

HAPPENINGS: dict[EventKind, tuple[Any, str]] = {
    EventKind.REGISTERED: (lambda _: None, "Registered for the first time, from host 'host.example'."),
    EventKind.RETURNED: (let_return, "Registered again after it was lost, from host 'host.example'."),
    EventKind.RESTARTED: (lambda queue: queue.register(), "Another process of host 'host.example' took over"),
    EventKind.SUPERSEDED: (
        lambda queue: queue.register(hostname="b.example"),
        "A process on host 'b.example' registered under the name; the session of the one on host 'host.example'",
    ),
    EventKind.LOST: (
        let_lose,
        "Not heard from for 30 s: 1 job failed, 1 job left waiting for it, 1 offer went back to the queue.",
    ),
    EventKind.LEFT: (let_leave, "Left, with 1 job going on on its host for its next start."),
    EventKind.CORDONED: (
        lambda queue: act(queue, steering.cordon, "a1", expires_in_seconds=5400, **STEERED),
        "Offered nothing new for 1 h 30 min.",
    ),
    EventKind.UNCORDONED: (let_uncordon, "Offered work again."),
    EventKind.CORDON_EXPIRED: (let_expire, "The time of its cordon is over: offered work again."),
    EventKind.DRAINING: (
        lambda queue: act(queue, steering.drain, "a1", deadline_seconds=90, **STEERED),
        "Offered nothing new, and stops when its work is done, or in 1 min 30 s.",
    ),
    EventKind.STOPPING: (
        lambda queue: act(queue, steering.stop, "a1", **STEERED),
        "Offered nothing new, and stops; what still runs is cancelled in 30 s.",
    ),
    EventKind.CHANGED: (
        lambda queue: act(queue, agent_settings.change, "a1", agent_settings.Override(slots=9), **STEERED),
        "Has 9 slots; before: 4.",
    ),
    EventKind.TOKEN_CHANGED: (
        lambda queue: register_with(queue, "new"),
        "Registered with the token 'new'; before: 'of-all'.",
    ),
    EventKind.TOKEN_REVOKED: (
        lambda queue: act(queue, tokens.revoke, "of-all", **STEERED),
        "Its token 'of-all' was revoked: its session has ended.",
    ),
    EventKind.HOST_CONFLICT: (
        lambda queue: act(queue, host_keys.note_conflict, "a1", **CONFLICT),
        "Host 'stolen' at 198.51.100.7 asked for the name, with another host's key, and was refused.",
    ),
    EventKind.RE_ENROL: (
        lambda queue: act(queue, host_keys.re_enrol, "a1", within_seconds=86_400, **STEERED),
        "Another host may take the name over within 1 d.",
    ),
    EventKind.DELETED: (
        lambda queue: act(queue, steering.delete, "a1", **STEERED),
        "Deleted: 0 running jobs failed, 0 offers went back to the queue.",
    ),
}
"""How each is brought about, of an agent that is registered, and what is said of it."""

DECIDED = {
    EventKind.CORDONED,
    EventKind.UNCORDONED,
    EventKind.DRAINING,
    EventKind.STOPPING,
    EventKind.CHANGED,
    EventKind.TOKEN_REVOKED,
    EventKind.RE_ENROL,
    EventKind.DELETED,
}


def test_every_kind_is_brought_about_here():
    assert set(HAPPENINGS) == set(EventKind)


@pytest.mark.parametrize("kind", EventKind)
def test_each_kind_is_written_once_in_words_for_people_and_with_who_decided_it(queue, kind):
    happen, text = HAPPENINGS[kind]
    queue.register()
    happen(queue)
    (event,) = [event for event in seen(queue).events if event.kind == kind]
    assert event.text.startswith(text)
    assert (event.by, event.reason) == (("admin", "swapped") if kind in DECIDED else (None, None))


def test_what_is_rolled_back_did_not_happen(queue):
    queue.register()
    with queue.database.transaction() as session:
        steering.cordon(session, "a1", by="admin")
        session.rollback()
    assert [event.kind for event in seen(queue).events] == [EventKind.REGISTERED]


def test_what_changes_nothing_is_no_event(queue):
    queue.register()
    for action in (steering.uncordon, steering.uncordon):
        act(queue, action, "a1", by="admin")
    for _ in range(2):
        act(queue, tokens.revoke, "of-all")
        act(queue, host_keys.note_conflict, "a1", **CONFLICT)
        act(queue, agent_settings.change, "a1", agent_settings.Override(), by="admin")
    act(queue, host_keys.note_conflict, "nobody", **CONFLICT)
    kinds = [event.kind for event in seen(queue).events]
    assert kinds == [EventKind.HOST_CONFLICT, EventKind.TOKEN_REVOKED, EventKind.REGISTERED]
    assert seen(queue, "nobody").events == []


def test_a_registration_tells_all_that_is_different_from_before(queue):
    queue.register(queues=["default"], slots=4)
    register_with(queue, "new", queues=("default",), slots=8)
    said = {event.text for event in seen(queue).events}
    assert "Its host is configured with 8 slots; before: 4." in said
    assert "Registered with the token 'new'; before: 'of-all'." in said


def test_another_host_that_an_admin_has_let_in_is_told_of(queue):
    queue.register()
    act(queue, host_keys.re_enrol, "a1")
    queue.register(host_key=OTHER_HOST, hostname="b.example")
    event = seen(queue).events[0]
    assert event.kind == EventKind.SUPERSEDED
    assert event.text == "Host 'b.example' has taken the name over from host 'host.example', as an admin allowed."


def test_a_registration_repeated_by_the_same_process_is_no_restart(queue):
    agent = queue.register()
    queue.register(instance=queue.agent().instance)
    assert seen(queue).events[0].text == "Registered again: its session before had ended."
    leave(queue, queue.register(instance=queue.agent().instance))
    queue.register()
    assert [event.kind for event in seen(queue, limit=2).events] == [EventKind.REGISTERED, EventKind.LEFT]
    assert agent.name == "a1"


def test_events_outlive_their_agent_and_are_read_from_the_newest_on(queue):
    queue.register()
    for number in range(5):
        act(queue, steering.cordon, "a1", by="admin", reason=str(number))
    act(queue, steering.delete, "a1")
    first = seen(queue, limit=3)
    assert [event.kind for event in first.events] == [EventKind.DELETED, EventKind.CORDONED, EventKind.CORDONED]
    assert first.more
    rest = seen(queue, limit=4, before=first.events[-1].id)
    assert [event.reason for event in rest.events] == ["2", "1", "0", None]
    assert not rest.more
    assert seen(queue, limit=4, before=rest.events[-1].id) == events.Events(events=[], more=False)


def test_only_old_events_are_purged(queue):
    queue.register()
    queue.database.pass_time(2 * 86_400)
    act(queue, steering.cordon, "a1", by="admin")
    assert act(queue, events.purge, 3) == 0
    assert act(queue, events.purge, 1) == 1
    assert [event.kind for event in seen(queue).events] == [EventKind.CORDONED]


def test_many_agents_that_are_lost_at_once_are_each_told_of(queue):
    for number in range(30):
        queue.register(f"a{number}")
    lose(queue)
    with queue.database.transaction() as session:
        counted = session.scalar(select(func.count()).where(EventRow.kind == EventKind.LOST))
        texts = set(session.scalars(select(EventRow.text).where(EventRow.kind == EventKind.LOST)))
    assert counted == 30
    assert texts == {"Not heard from for 30 s: it had no jobs."}


def test_whatever_a_host_calls_itself_stays_in_one_line(queue):
    queue.register(hostname="x" * 255)
    act(queue, host_keys.note_conflict, "a1", hostname="a\nb" * 80, address="198.51.100.7")
    assert not any(re.search(r"[\n\r]", event.text) for event in seen(queue).events)
