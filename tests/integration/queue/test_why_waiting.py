"""Why a job waits, in one sentence, for whoever looks at the list of jobs."""

from __future__ import annotations

import pytest

from airflow_plugin.models import AgentRow
from airflow_plugin.queue.offers import why_waiting
from airflow_plugin.queue.placement import Placement
from edge_agent.protocol import AgentState


def agent(name="a1", **values):
    defaults = {
        "state": AgentState.CONNECTED,
        "team_name": None,
        "queues": ["onprem"],
        "capabilities": {"os": "linux"},
        "slots": 4,
    }
    return AgentRow(name=name, **defaults | values)


CORDONED = {"cordoned_at": object()}
DRAINING = {"drain_requested_at": object()}

CASES = {
    "no agent serves queue 'onprem'": [agent(queues=["other"]), agent(team_name="blue")],
    "1 agent serves queue 'onprem', none is connected": [agent(state=AgentState.LOST)],
    "2 agents serve queue 'onprem', none is connected": [
        agent("a1", state=AgentState.LOST),
        agent("a2", state=AgentState.OFFLINE, queues=["x"], queues_override=["onprem"]),
    ],
    "1 agent serves queue 'onprem', none has gpu=true": [agent(state=AgentState.LOST, name="a0"), agent()],
    "every agent that could take it is cordoned (a1, a2)": [
        agent("a1", capabilities={"gpu": 1}, **CORDONED),
        agent("a2", capabilities={"gpu": 1}, **DRAINING),
        agent("a3"),
    ],
    "it needs 3 slots, more than any agent of queue 'onprem' has": [
        agent(capabilities={"gpu": 1}, slots=8, slots_override=2)
    ],
    "all 2 agents that could take it are full": [
        agent("busy", capabilities={"gpu": 1}),
        agent("full", capabilities={"gpu": 1}),
    ],
    "about to be offered": [agent("free", capabilities={"gpu": 1})],
}


@pytest.mark.parametrize("sentence", CASES)
def test_it_says(sentence):
    placement = Placement("onprem", None, {"gpu": True})
    assert why_waiting(placement, 3, CASES[sentence], {"busy": 2, "full": 0, "free": 3}) == sentence


def test_of_several_agents_that_lack_something_it_names_everything_they_lack():
    agents = [agent(capabilities={"gpu": 1}), agent(capabilities={"python": "3.11"})]
    placement = Placement("onprem", None, {"gpu": True, "python": ">=3.11"})
    sentence = why_waiting(placement, 1, agents, {})
    assert sentence == "2 agents serve queue 'onprem', none has gpu=true, python=>=3.11"
