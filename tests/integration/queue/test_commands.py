"""Submitting commands: what makes two of them one, what keeps two of them apart, and what is refused."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_plugin.errors import Conflict, Forbidden, Invalid
from airflow_plugin.models import JobRow
from airflow_plugin.queue.signing_keys import signing_keys
from edge_agent.protocol import EndReason, JobKind, JobState, RunnerName
from edge_agent.protocol.commands import OnAgentLost
from edge_agent.protocol.signatures import signed_job

AT_ONCE = 8
# ------------------------------------------------------------------ what becomes of it


def test_a_command_is_a_job_that_only_agents_with_commands_take(commands):
    other, agent = commands.queue.register("tasks-only"), commands.agent()
    job_id = commands.submit(command=["echo", "x"], priority_weight=3, slots=2, label="mine")
    assert commands.offered(other) == {}
    assert list(commands.offered(agent)) == [job_id]
    job = commands.queue.job(job_id)
    assert job.slots == 2
    assert (job.kind, job.queue, job.label, job.priority_weight) == ("command", "default", "mine", 3)
    assert (job.owner, job.settled, job.workload_id, job.dag_id) == (None, True, None, None)


def test_what_the_host_is_told_has_what_was_asked_for_and_nothing_else(commands):
    plain = commands.submit()
    assert json.loads(commands.queue.job(plain).payload) == {"command": "true"}
    others = {"shell": "bash", "env": {"A": "b"}, "cwd": "/srv", "timeout_seconds": 5.0, "streams": "apart"}
    whole = commands.submit(command="echo $A", **others)
    assert json.loads(commands.queue.job(whole).payload) == {"command": "echo $A"} | others


def test_it_waits_as_long_as_it_says_or_as_the_site_does(commands):
    usual, own = commands.submit(), commands.submit(queue_timeout_seconds=5)
    waits = [(job.queue_deadline - job.queued_at).total_seconds() for job in map(commands.queue.job, (usual, own))]
    assert waits == pytest.approx([commands.queue.config.queue_timeout_seconds, 5], abs=0.01)


def test_it_waits_for_its_lost_agent_only_if_it_says_so_and_not_longer_than_the_site_allows(commands):
    most = commands.queue.config.lost_wait_seconds
    fails, waits = commands.submit(), commands.submit(on_agent_lost=OnAgentLost.WAIT)
    own = commands.submit(on_agent_lost=OnAgentLost.WAIT, lost_wait_seconds=7)
    assert [commands.queue.job(id_).lost_wait_seconds for id_ in (fails, waits, own)] == [None, most, 7]
    with pytest.raises(Invalid, match="lost_wait_seconds is 86401; this site allows at most 86400"):
        commands.submit(on_agent_lost=OnAgentLost.WAIT, lost_wait_seconds=most + 1)


def test_a_label_is_never_made_of_the_command_which_may_hold_a_secret(commands):
    job = commands.queue.job(commands.submit(command="login --password planted", name="step-2"))
    assert job.label == "command step-2"


def test_what_it_requires_makes_sense_or_is_refused(commands):
    job = commands.queue.job(commands.submit(requires={"gpu": True}, runner="tmux"))
    assert job.requires == {"gpu": True, "kind.command": True, "runner.tmux": True}
    with pytest.raises(Invalid, match="'>=' stands one version"):
        commands.submit(requires={"python": ">= a b"})


# ------------------------------------------------------------------ keys


def test_the_same_key_is_the_same_command_whatever_it_says_by_then(commands):
    first = commands.ask(key="k", command="one")
    again = commands.ask(key="k", command="two", queue="elsewhere", agent="nobody")
    assert (again.id, first.attached, again.attached) == (first.id, False, True)
    assert json.loads(commands.queue.job(first.id).payload) == {"command": "one"}
    assert len(commands.jobs()) == 1


def test_the_same_key_is_the_same_command_when_it_has_ended(commands):
    job_id = commands.submit(key="k")
    commands.cancel(job_id)
    assert commands.ask(key="k").attached
    assert commands.view(job_id).state is JobState.CANCELLED


def test_without_a_key_each_is_one_of_its_own(commands):
    assert commands.submit() != commands.submit()


def test_the_same_key_of_another_token_is_another_command(commands):
    other = commands.new_token()
    assert commands.submit(key="k") != commands.submit(other, key="k")


def at_once(work):
    """Do ``work(number)`` many times at the same moment; return what each returned."""
    ready = threading.Barrier(AT_ONCE)

    def begin(number):
        ready.wait()
        return work(number)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(begin, range(AT_ONCE)))


def test_of_many_submits_of_one_key_at_once_one_is_new_and_all_are_it(commands):
    placed = at_once(lambda number: commands.ask(key="k", command=f"echo {number}"))
    assert len({each.id for each in placed}) == 1
    assert sorted(each.attached for each in placed) == [False] + [True] * (AT_ONCE - 1)
    assert len(commands.jobs()) == 1


# ------------------------------------------------------------------ families


def test_of_a_family_an_earlier_one_that_nobody_started_ends_and_the_new_one_is_taken(commands):
    first = commands.submit(key="try 1", family="f")
    second = commands.submit(key="try 2", family="f")
    assert commands.view(first).state is JobState.CANCELLED
    assert "A newer command of the same family" in commands.view(first).message
    assert commands.view(second).state is JobState.QUEUED


def test_of_a_family_an_earlier_one_that_runs_is_asked_to_end_and_the_new_one_refused_until_then(commands):
    agent = commands.agent()
    first, assignment = commands.running(agent, key="try 1", family="f")
    for _ in range(2):
        refused = commands.ask(key="try 2", family="f")
        assert isinstance(refused, Conflict)
        assert (refused.state, str(first) in str(refused)) == (JobState.RUNNING, True)
        assert "the agent 'a1' is asked to end it" in str(refused)
    assert not commands.view(first).is_wanted
    assert commands.queue.beat(agent, 1, held=[assignment]).directives.cancel == (assignment,)
    assert len(commands.jobs()) == 1, "nothing of what was refused is there"
    commands.queue.report(agent, assignment, state=JobState.CANCELLED, reason=EndReason.CANCELLED)
    assert not commands.ask(key="try 2", family="f").attached


def test_the_same_key_is_no_other_one_of_its_family(commands):
    agent = commands.agent()
    job_id, _ = commands.running(agent, key="k", family="f")
    assert commands.ask(key="k", family="f").attached
    assert commands.view(job_id).is_wanted


def test_families_of_two_tokens_are_not_one(commands):
    commands.running(key="a", family="f")
    commands.submit(commands.new_token(), key="b", family="f")


def test_an_earlier_one_that_has_ended_stands_in_nobodys_way(commands):
    agent = commands.agent()
    _, assignment = commands.running(agent, key="try 1", family="f")
    commands.queue.report(agent, assignment)
    commands.submit(key="try 2", family="f")


def test_of_many_submits_of_one_family_at_once_never_two_are_open(commands):
    came = at_once(lambda number: commands.ask(key=f"try {number}", family="f"))
    open_ones = [job for job in commands.jobs() if job.ended_at is None]
    assert len(open_ones) == 1
    assert all(isinstance(each, Conflict) or commands.queue.job(each.id) for each in came)


def test_while_one_of_a_family_runs_none_of_many_at_once_is_taken(commands):
    running, _ = commands.running(key="try 0", family="f")
    came = at_once(lambda number: commands.ask(key=f"try {number + 1}", family="f"))
    assert all(isinstance(each, Conflict) for each in came)
    assert [job.id for job in commands.jobs()] == [running]


# ------------------------------------------------------------------ whose queue, which user


def test_a_command_goes_where_it_says_else_to_its_tokens_first_queue_else_to_airflows(commands):
    bounded = commands.new_token(queues=["batch", "other"])
    placed = [commands.submit(), commands.submit(bounded), commands.submit(bounded, queue="other")]
    assert [commands.queue.job(id_).queue for id_ in placed] == ["default", "batch", "other"]
    with pytest.raises(Forbidden, match="does not allow queue default; it allows batch, other"):
        commands.submit(bounded, queue="default")


def test_only_users_that_the_token_names_are_run_as(commands):
    token = commands.new_token(run_as_users=["etl"])
    job = commands.queue.job(commands.submit(token, run_as_user="etl"))
    assert json.loads(job.payload)["run_as_user"] == "etl"
    with pytest.raises(Forbidden, match="does not allow to run as 'root'; users it allows: etl"):
        commands.submit(token, run_as_user="root")
    with pytest.raises(Forbidden, match="users it allows: none"):
        commands.submit(run_as_user="etl")


def test_a_command_of_a_teams_token_is_for_agents_of_that_team(commands):
    green, blue = commands.agent("green", team="green"), commands.agent("blue", team="blue")
    job_id = commands.submit(commands.new_token(team_name="blue"))
    assert commands.offered(green) == commands.offered(commands.agent()) == {}
    assert list(commands.offered(blue)) == [job_id]


def test_refused_ones_leave_nothing(commands):
    with pytest.raises(Forbidden):
        commands.submit(run_as_user="root")
    assert commands.jobs() == []


def test_it_is_signed_as_it_is_queued(commands):
    job: JobRow = commands.queue.job(commands.submit(command="echo x", run_as_user=None))
    content = signed_job(
        job.id,
        kind=JobKind.COMMAND,
        queue=job.queue,
        team=job.team_name,
        runner=RunnerName(job.runner),
        slots=job.slots,
        label=job.label,
        payload=job.payload,
    )
    assert job.signature == signing_keys().sign(content)
