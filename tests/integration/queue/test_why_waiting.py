"""Why a job waits, in one sentence, for whoever looks at the list of jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from airflow_plugin.config import QueueConfig
from airflow_plugin.queue import agents, job_lists, sessions, steering
from airflow_plugin.queue.agent_health import HealthStatus
from airflow_plugin.queue.job_lists import Wanted
from airflow_plugin.queue.waiting import Waiting
from edge_agent.protocol import JobState

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def agent(name="a1", **values):
    defaults = {
        "health_status": HealthStatus.HEALTHY,
        "session_hash": "of a session",
        "last_seen_at": ago(1),
        "team_name": None,
        "queues": ["onprem"],
        "capabilities": {"os": "linux", "gpu": "a100"},
        "slots": 4,
        "queues_override": None,
        "slots_override": None,
        "cordoned_at": None,
        "cordoned_by": None,
        "cordon_reason": None,
        "cordon_expires_at": None,
        "drain_requested_at": None,
    }
    return SimpleNamespace(name=name, **defaults | values)


def why(*agents, slots=1, requires=None, team=None, in_use=None):
    job = SimpleNamespace(queue="onprem", team_name=team, requires=requires or {"gpu": True}, slots=slots)
    return Waiting({each.name: each for each in agents}, in_use or {}, NOW).why(job)


LOST = {"health_status": HealthStatus.LOST, "last_seen_at": ago(45)}
OFFLINE = {"health_status": HealthStatus.OFFLINE, "last_seen_at": ago(3 * 86_400)}
LATE = {"health_status": HealthStatus.LATE, "last_seen_at": ago(15)}
CORDONED = {"cordoned_at": ago(60), "cordoned_by": "olga", "cordon_reason": "new kernel"}
DRAINING = CORDONED | {"drain_requested_at": ago(60), "cordon_reason": "draining"}
AWAY = {"session_hash": None, "last_seen_at": ago(5)}
NO_GPU = {"capabilities": {"os": "linux"}}

CASES = {
    "no agent serves queue 'onprem'": [agent(queues=["other"])],
    "1 agent serves queue 'onprem', none has gpu = true: a1 has no gpu": [agent(**NO_GPU)],
    "2 agents serve queue 'onprem', none has gpu = true: a1 has no gpu, a2 has gpu = false": [
        agent(**NO_GPU, **LOST),
        agent("a2", queues=["x"], queues_override=["onprem"], capabilities={"gpu": False}),
    ],
    "a1, the only agent that could take it, is lost (last heard 45 s ago)": [agent(**LOST), agent("a2", **NO_GPU)],
    "a1, the only agent that could take it, is offline (last heard 3 d ago)": [agent(**OFFLINE)],
    "a1, the only agent that could take it, is late (last heard 15 s ago)": [agent(**LATE)],
    "a1, the only agent that could take it, is away (last heard 5 s ago)": [agent(**AWAY)],
    "a1, the only agent that could take it, is cordoned (new kernel, by olga)": [agent(**CORDONED)],
    "a1, the only agent that could take it, is cordoned (20 min left)": [
        agent(cordoned_at=ago(60), cordon_expires_at=ago(-1200))
    ],
    "a1, the only agent that could take it, is cordoned": [agent(cordoned_at=ago(60))],
    "a1, the only agent that could take it, is draining": [agent(**DRAINING)],
    "all 2 agents that could take it are cordoned: a1 (new kernel, by olga), a2": [
        agent(**CORDONED),
        agent("a2", cordoned_at=ago(1)),
        agent("a3", **NO_GPU),
    ],
    "all 2 agents that could take it are full: busy (4 of 4 slots in use), full (6 of 2 slots in use)": [
        agent("busy"),
        agent("full", slots_override=2),
    ],
    "none of the 4 agents that could take it can do so now: a1 is lost (last heard 45 s ago), "
    "a2 is cordoned (new kernel, by olga), busy is full (4 of 4 slots in use) and 1 more": [
        agent(**LOST),
        agent("a2", **CORDONED),
        agent("busy"),
        agent("late", **OFFLINE),
    ],
    "about to be offered": [agent(**LOST), agent("free"), agent("busy")],
}


@pytest.mark.parametrize("sentence", CASES)
def test_it_says(sentence):
    assert why(*CASES[sentence], in_use={"busy": 4, "full": 6, "free": 3}) == sentence


def test_a_cordon_whose_time_is_over_keeps_nothing_from_an_agent():
    assert why(agent(cordoned_at=ago(60), cordon_expires_at=ago(1))) == "about to be offered"


def test_of_a_job_that_takes_several_slots_it_says_how_many_there_would_have_to_be():
    says = why(agent(slots=2), agent("a2", slots=8, slots_override=1), slots=3)
    assert says == "it takes 3 slots, more than any agent that could take it has: a1 has 2, a2 has 1"
    says = why(agent(), agent("small", slots=2), slots=3, in_use={"a1": 2})
    assert says == "a1, the only agent that could take it, is short of 3 free slots (2 of 4 slots in use)"


def test_it_names_every_requirement_that_somebody_lacks_and_what_there_is_instead():
    agents = [agent(capabilities={"gpu": 1, "python": "3.9.2"}), agent("a2", capabilities={"python": "3.11"})]
    says = why(*agents, requires={"gpu": True, "python": ">=3.11"})
    assert says == (
        "2 agents serve queue 'onprem', none has all of gpu = true, python >= 3.11: "
        "a1 has python = 3.9.2, a2 has no gpu"
    )


def test_of_agents_that_run_no_tasks_it_says_so():
    assert why(agent(), requires={"kind.task": True}) == "1 agent serves queue 'onprem', none runs Airflow tasks"


def test_an_agent_of_another_team_is_none_and_is_named_as_such():
    blue = agent(team_name="blue")
    assert why(blue) == "no agent without a team serves queue 'onprem'; those that do are of team 'blue'"
    says = why(agent("a0"), blue, team="red")
    assert says == "no agent of team 'red' serves queue 'onprem'; those that do are of no team, team 'blue'"


def test_of_many_agents_it_names_a_few():
    says = why(*(agent(f"a{number}", **LOST) for number in range(9)))
    assert says.startswith("all 9 agents that could take it are lost: a0 (last heard 45 s ago), a1 ")
    assert says.endswith("a2 (last heard 45 s ago) and 6 more")


def test_what_somebody_wrote_stays_in_its_line_and_does_not_fill_the_page():
    says = why(agent(cordoned_at=ago(1), cordon_reason="first\nsecond\x1b[31m" + "x" * 500))
    assert says.startswith("a1, the only agent that could take it, is cordoned (first second\\x1b[31mxxx")
    assert "\n" not in says
    assert len(says) < 200


def test_the_list_of_jobs_says_it_of_what_the_tables_hold(queue):
    agent = queue.register(slots=1)
    queue.put(JobState.RUNNING, agent)
    queue.submit()
    queue.submit(queue="nobodys")
    queue.register("a2")
    with queue.database.transaction() as session:
        steering.cordon(session, "a2", by="olga", reason="new kernel", expires_in_seconds=3 * 3600)
        waiting, other = job_lists.jobs(session, QueueConfig(), Wanted(states=frozenset({JobState.QUEUED})), limit=9)
    assert other.waiting == "no agent serves queue 'nobodys'"
    assert waiting.waiting == (
        "none of the 2 agents that could take it can do so now: a1 is full (1 of 1 slots in use), "
        "a2 is cordoned (new kernel, by olga, 3 h left)"
    )


def test_an_agent_that_left_its_work_behind_is_away(queue):
    held = queue.put(JobState.RUNNING)
    with queue.database.transaction() as session:
        agents.leave(session, sessions.authenticate(session, held.agent.ref))
    queue.submit()
    with queue.database.transaction() as session:
        (view,) = job_lists.jobs(session, QueueConfig(), Wanted(states=frozenset({JobState.QUEUED})), limit=9)
    assert view.waiting == "a1, the only agent that could take it, is away (last heard 0 s ago)"


def test_an_agent_whose_beat_is_overdue_is_late(queue):
    queue.register()
    queue.submit()
    queue.database.pass_time(1.5 * QueueConfig().heartbeat_seconds)
    with queue.database.transaction() as session:
        (view,) = job_lists.jobs(session, QueueConfig(), Wanted(), limit=9)
    assert view.waiting == "a1, the only agent that could take it, is late (last heard 15 s ago)"
