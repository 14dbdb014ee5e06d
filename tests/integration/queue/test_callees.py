"""Which agent a command is for: called by name, hostname or address; and nobody else can pass for it."""

from __future__ import annotations

import pytest

from airflow_plugin.errors import Forbidden, Invalid, NotFound


@pytest.fixture
def three(commands):
    """Give three agents, of which one is named as another's host."""
    return [
        commands.agent("db-1", hostname="db1.example.com", address="10.0.0.1"),
        commands.agent("db-2", hostname="db2.example.com", address="10.0.0.2"),
        commands.agent("db3.example.com", hostname="other.example.com", address="2001:db8::3"),
    ]


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("db-1", "db-1"),
        ("db1.example.com", "db-1"),
        ("DB1.Example.COM", "db-1"),
        ("10.0.0.2", "db-2"),
        ("::ffff:10.0.0.2", "db-2"),
        ("2001:DB8:0::3", "db3.example.com"),
        ("db3.example.com", "db3.example.com"),
    ],
)
def test_an_agent_is_called_by_its_name_its_hostname_or_its_address(commands, three, called, name):
    job_id = commands.submit(agent=called)
    assert commands.queue.job(job_id).requires["agent.name"] == name
    offered = {agent.name: list(commands.offered(agent)) for agent in three}
    assert offered == {agent.name: [job_id] if agent.name == name else [] for agent in three}


def test_a_name_comes_before_the_hostname_of_another(commands, three):
    commands.agent("db-4", hostname="db-1")
    assert commands.queue.job(commands.submit(agent="db-1")).requires["agent.name"] == "db-1"


def test_what_may_mean_several_is_refused_and_names_them(commands):
    for name in ("b", "a"):
        commands.agent(name, hostname="twin", address="10.0.0.9")
    with pytest.raises(Invalid, match=r"2 agents are meant by 'twin': a, b\. Give the name of one"):
        commands.submit(agent="twin")
    with pytest.raises(Invalid, match=r"2 agents are meant by '10\.0\.0\.9': a, b"):
        commands.submit(agent="10.0.0.9")


def test_who_is_not_there_is_said_not_to_be(commands, three):
    with pytest.raises(NotFound, match="No agent without a team has the name, the hostname or the address 'db-9'"):
        commands.submit(agent="db-9")
    assert commands.jobs() == []


def test_an_agent_of_another_team_is_not_there(commands, three):
    token = commands.new_token(team_name="blue")
    with pytest.raises(NotFound, match="No agent of team 'blue'"):
        commands.submit(token, agent="db-1")


def test_an_agent_that_is_away_is_waited_for(commands):
    agent = commands.agent()
    commands.queue.database.pass_time(1000)
    job_id = commands.submit(agent="a1")
    assert list(commands.offered(agent)) == [job_id]


def test_it_goes_to_the_first_of_the_agents_queues_that_the_token_allows(commands):
    commands.agent(queues=["secret", "batch", "default"])
    token = commands.new_token(queues=["default", "batch"])
    assert commands.queue.job(commands.submit(agent="a1")).queue == "secret"
    assert commands.queue.job(commands.submit(token, agent="a1")).queue == "batch"
    with pytest.raises(Forbidden, match="allows no queue that the agent 'a1' serves: it allows other"):
        commands.submit(commands.new_token(queues=["other"]), agent="a1")


def test_in_a_queue_that_the_agent_does_not_serve_it_waits_and_says_so(commands):
    commands.agent(), commands.agent("a2", queues=["other"])
    job_id = commands.submit(agent="a1", queue="other")
    assert commands.view(job_id).waiting == "the agent 'a1' it is for does not serve queue 'other'"


def test_what_the_agent_lacks_is_said_of_it_alone(commands):
    commands.agent(), commands.agent("a2", capabilities={"gpu": True})
    job_id = commands.submit(agent="a1", requires={"gpu": True})
    assert commands.view(job_id).waiting == ("1 agent serves queue 'default', none has gpu = true: a1 has no gpu")


def test_an_agent_that_runs_no_commands_is_said_to_run_none(commands):
    commands.queue.register("a1")
    assert commands.view(commands.submit(agent="a1")).waiting == "1 agent serves queue 'default', none runs commands"


# ------------------------------------------------------------------ what an agent says of itself


def test_no_agent_passes_for_another_or_for_one_that_runs_other_kinds(commands):
    claims = {"agent.name": "a1", "agent.x": True, "kind.task": True, "os": "linux"}
    thief = commands.agent("thief", capabilities=claims)
    expected = {"os": "linux", "kind.command": True, "agent.name": "thief"}
    assert commands.queue.agent("thief").capabilities == expected
    commands.queue.beat(thief, 1, capabilities=claims | {"os": "bsd"})
    assert commands.queue.agent("thief").capabilities == expected | {"os": "bsd"}
    commands.agent("a1")
    commands.submit(agent="a1")
    assert commands.offered(thief) == {}


def test_an_agent_that_registered_before_names_were_known_is_given_its_own_with_a_beat(commands, queue):
    from sqlalchemy import update

    from airflow_plugin.models import AgentRow

    agent = commands.agent()
    with queue.database.transaction() as session:
        session.execute(update(AgentRow).values(capabilities={"os": "linux", "kind.command": True}))
    heard = queue.beat(agent, 1)
    assert heard.capabilities == queue.agent().capabilities
    assert heard.capabilities == {"os": "linux", "kind.command": True, "agent.name": "a1"}
