"""A name belongs to the host that registered it first: another is refused, and seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from airflow_plugin.errors import HostMismatch, Invalid, NotFound, Superseded, Unauthenticated
from airflow_plugin.queue import agents, host_keys, sessions
from edge_agent.protocol import AgentState, Beat, JobState

OTHER = "b" * 43
THIRD = "c" * 43


def note(queue, **changed):
    asked = {"hostname": "stolen", "address": "198.51.100.7"} | changed
    with queue.database.transaction() as session:
        return host_keys.note_conflict(session, "a1", **asked)


def re_enrol(queue, name="a1", **options):
    with queue.database.transaction() as session:
        host_keys.re_enrol(session, name, **options)


def test_another_host_is_refused_and_the_living_one_does_not_notice(queue):
    agent = queue.register()
    job = queue.put(JobState.RUNNING, agent)
    with pytest.raises(HostMismatch, match=r"'a1' belongs to another host.*agents re-enrol a1"):
        queue.register(host_key=OTHER)
    assert queue.beat(agent, 1, [job.assignment]).directives.drop == ()
    assert (queue.agent().session_id, queue.state(job.id)) == (agent.session_id, JobState.RUNNING)


def test_it_is_refused_whatever_became_of_the_agent(queue):
    queue.register()
    with queue.database.transaction() as session:
        agents.leave(session, sessions.authenticate(session, queue.register().ref))
    assert queue.agent().state == AgentState.OFFLINE
    with pytest.raises(HostMismatch):
        queue.register(host_key=OTHER)


def test_the_same_host_registers_as_often_as_it_likes(queue):
    queue.register()
    assert queue.beat(queue.register(), 1).name == "a1"


def test_a_copied_session_token_is_of_no_use_on_another_host(queue):
    agent = queue.register()
    copied = replace(agent.ref, host_key=OTHER)
    for use in (sessions.authenticate, agents.refresh):
        with pytest.raises(Unauthenticated, match="another host's key"), queue.database.transaction() as session:
            use(session, copied)
    with pytest.raises(Unauthenticated), queue.database.transaction() as session:
        agents.hear(session, copied, Beat(number=1, free_slots=0), token_seconds=3600)
    assert queue.agent().beat == 0


def test_a_conflict_is_counted_and_is_news_once(queue):
    agent = queue.register()
    assert queue.beat(agent, 1).directives.host_conflict is None
    assert [note(queue), note(queue), note(queue, hostname="again", address=None)] == [True, False, False]
    conflict = queue.beat(agent, 2).directives.host_conflict
    assert conflict is not None
    assert (conflict.hostname, conflict.address, conflict.times) == ("again", None, 3)
    assert conflict.latest == queue.agent().host_conflict_at


def test_the_living_agents_poll_is_told_at_once_and_not_for_each_further_try(queue):
    agent = queue.register()
    note(queue)
    assert queue.beat(agent, 1).nudged
    note(queue)
    assert not queue.agent().nudged


def test_a_dismissed_conflict_is_told_no_more_and_the_next_one_is_news(queue):
    agent = queue.register()
    note(queue)
    with queue.database.transaction() as session:
        host_keys.dismiss_conflict(session, "a1")
    assert queue.beat(agent, 1).directives.host_conflict is None
    assert note(queue) is True


def test_a_conflict_stands_until_somebody_has_seen_it(queue):
    """Also when the right host registers again."""
    queue.register()
    note(queue)
    assert queue.register().registered.directives.host_conflict is not None


def test_re_enrolled_the_next_other_host_has_the_name_and_the_one_before_has_not(queue):
    before = queue.register()
    note(queue)
    re_enrol(queue)
    now = queue.register(host_key=OTHER)
    assert queue.beat(now, 1).directives.host_conflict is None
    with pytest.raises(Superseded), queue.database.transaction() as session:
        sessions.authenticate(session, before.ref)
    for key in (before.host_key, THIRD):
        with pytest.raises(HostMismatch):
            queue.register(host_key=key)


def test_until_then_the_one_before_goes_on_and_may_register_again(queue):
    before = queue.register()
    re_enrol(queue)
    assert queue.beat(before, 1).name == "a1"
    queue.register()
    assert queue.register(host_key=OTHER).host_key == queue.agent().host_key


def test_a_re_enrolment_that_nobody_came_for_ends(queue):
    queue.register()
    re_enrol(queue, within_seconds=60)
    queue.database.pass_time(61)
    with pytest.raises(HostMismatch):
        queue.register(host_key=OTHER)


def test_a_deleted_agents_key_is_forgotten(queue):
    queue.register()
    queue.delete("a1")
    assert queue.register(host_key=OTHER).host_key == queue.agent().host_key


def test_what_makes_no_sense_is_refused(queue):
    queue.register()
    with pytest.raises(Invalid, match="0 seconds"):
        re_enrol(queue, within_seconds=0)
    for change in (host_keys.re_enrol, host_keys.dismiss_conflict):
        with pytest.raises(NotFound, match="'nobody'"), queue.database.transaction() as session:
            change(session, "nobody")


@pytest.mark.postgres
def test_of_many_hosts_that_come_first_one_has_the_name(postgres_queue):
    keys = [letter * 43 for letter in "abcdefgh"]
    postgres_queue.token()

    def come(key):
        with suppress(HostMismatch):
            return postgres_queue.register(host_key=key).host_key

    with ThreadPoolExecutor(len(keys)) as hosts:
        came = [key for key in hosts.map(come, keys) if key]
    assert came == [postgres_queue.agent().host_key]
