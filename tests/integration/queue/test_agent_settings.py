"""Slots and queues that an admin gives an agent while it runs."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_plugin.config import QueueConfig
from airflow_plugin.errors import Forbidden, Invalid, NotFound
from airflow_plugin.queue import agent_settings, agent_views, agents, events, offers, tokens
from airflow_plugin.queue.agent_settings import Override
from airflow_plugin.queue.allowances import Allowance
from tests.support.queue_bed import ASKS_FROM, Agent, QueueBed


def change(queue: QueueBed, name: str = "a1", **wanted: Any) -> None:
    with queue.database.transaction() as session:
        agent_settings.change(session, name, Override(**wanted), by="admin", reason="more work")


def register(queue: QueueBed, token: str, allowed: list[str] | None, *queues: str) -> Agent:
    with queue.database.transaction() as session:
        secret = tokens.create(session, token, Allowance(queues=allowed)).get_secret_value()
        row = tokens.authenticate(session, secret, "a1", queues)
        opened = agents.register(session, "a1", queue.registration(queues=queues), token=row, **ASKS_FROM)
    return Agent("a1", opened.session_id, opened.secret.value.get_secret_value(), opened, 4)


def view(queue: QueueBed) -> agent_views.AgentView:
    with queue.database.transaction() as session:
        return agent_views.agent(session, QueueConfig(), "a1")


def test_an_agent_is_told_at_once_and_serves_other_queues_with_other_slots(queue):
    agent = queue.register(queues=["a", "b", "c"], slots=4)
    change(queue, slots=9, queues=["b", "c", "b"])
    with queue.database.transaction() as session:
        assert [row.key for row in session.execute(offers.nudged())] == ["a1"]
    heard = queue.beat(agent, 1)
    assert (heard.directives.slots, heard.directives.queues) == (9, ("b", "c"))
    assert (heard.slots, heard.queues) == (9, ("b", "c"))
    seen = view(queue)
    assert (seen.slots, seen.own_slots, seen.slots_overridden) == (9, 4, True)
    assert (seen.queues, seen.own_queues, seen.queues_overridden) == (["b", "c"], ["a", "b", "c"], True)


def test_it_is_as_configured_again_when_that_is_said(queue):
    agent = queue.register(queues=["a", "b"], slots=4)
    change(queue, slots=9, queues=["b"])
    change(queue, slots=None, queues=None)
    heard = queue.beat(agent, 1)
    assert (heard.directives.slots, heard.directives.queues) == (None, None)
    assert (heard.slots, heard.queues) == (4, ("a", "b"))
    seen = view(queue)
    assert (seen.slots_overridden, seen.queues_overridden) == (False, False)
    with queue.database.transaction() as session:
        texts = [event.text for event in events.listed(session, "a1", limit=2).events]
    assert texts == [
        "Serves the queues it is configured with again: a, b; before: b.",
        "Has the 4 slots it is configured with again; before: 9.",
    ]


def test_it_outlives_a_restart_of_the_agent(queue):
    queue.register(queues=["a", "b"], slots=4)
    change(queue, slots=9, queues=["b"])
    told = queue.register(queues=["a", "b"], slots=4).registered.directives
    assert (told.slots, told.queues) == (9, ("b",))


def test_a_queue_that_its_token_does_not_allow_is_refused_and_nothing_is_changed(queue):
    register(queue, "narrow", ["a", "b"], "a", "b")
    with pytest.raises(Forbidden, match="'narrow' does not allow queue c; it allows a, b"):
        change(queue, slots=9, queues=["b", "c"])
    assert view(queue).slots == 4
    change(queue, queues=["b"])
    assert view(queue).queues == ["b"]


def test_a_queue_that_its_host_is_not_configured_with_is_refused_with_what_its_operator_can_do(queue):
    """The host would refuse each job from there, and the job would fail."""
    queue.register(queues=["a", "b"])
    said = "The host of 'a1' takes no work from queue c, d; it is configured with a, b. Its operator adds one to EDGE_"
    with pytest.raises(Forbidden, match=said):
        change(queue, slots=9, queues=["d", "b", "c"])
    assert (view(queue).slots, view(queue).queues_overridden) == (4, False)


def test_with_a_host_that_is_not_configured_with_them_any_more_it_serves_all_its_own_again(queue):
    queue.register(queues=["a", "b"])
    change(queue, slots=9, queues=["b"])
    told = queue.register(queues=["a"]).registered.directives
    assert (told.slots, told.queues) == (9, None)
    assert view(queue).queues == ["a"]
    with queue.database.transaction() as session:
        texts = [event.text for event in events.listed(session, "a1", limit=5).events]
    assert "Serves all that it is configured with: b, which an admin had chosen, is not among it." in texts


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"slots": 0}, "cannot have 0 slots; give 1 to 10000, or cordon it"),
        ({"slots": 10_001}, "cannot have 10001 slots"),
        ({"queues": []}, "cannot serve 0 queues; name 1 to 64, or cordon it"),
        ({"queues": [f"q{number}" for number in range(65)]}, "cannot serve 65 queues"),
        ({"queues": ["a b"]}, "'a b' is not a name of a queue"),
    ],
)
def test_what_no_agent_could_have_registered_with_is_refused(wanted, said):
    with pytest.raises(Invalid, match=said):
        Override(**wanted)


def test_nobody_changes_an_agent_that_is_not_there(queue):
    with pytest.raises(NotFound, match="no agent named 'a1'"):
        change(queue, slots=2)
