"""The one table of what may follow what, and what must hold of it whatever is added."""

from __future__ import annotations

import inspect
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.protocol import OPEN, TERMINAL, TRANSITIONS, EndReason, JobState, sources_of

STEPS = {(step.source, step.target) for step in TRANSITIONS}


def test_the_terminal_states_are_those_nothing_follows():
    assert {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED} == TERMINAL
    assert TERMINAL.isdisjoint({step.source for step in TRANSITIONS})
    assert set(JobState) == OPEN | TERMINAL


def test_every_state_is_reached_from_queued_and_leads_to_an_end():
    reached = {JobState.QUEUED}
    while more := {target for source, target in STEPS if source in reached} - reached:
        reached |= more
    assert reached == set(JobState)
    for state in OPEN:
        ahead = {state}
        while more := {target for source, target in STEPS if source in ahead} - ahead:
            ahead |= more
        assert ahead & TERMINAL


def test_nothing_runs_that_was_not_confirmed():
    """At most one copy: the only way to running is the confirm of an offer."""
    assert [(step.source, step.verb) for step in TRANSITIONS if step.target is JobState.RUNNING] == [
        (JobState.OFFERED, "confirm")
    ]


def test_a_reason_is_written_with_an_end_and_with_nothing_else():
    for step in TRANSITIONS:
        assert bool(step.reasons) == step.target.is_terminal, step


def test_every_reason_can_happen():
    assert set().union(*(step.reasons for step in TRANSITIONS)) == set(EndReason)


def test_a_step_is_named_once():
    names = [(step.source, step.target, step.verb) for step in TRANSITIONS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("source", "target"), list(itertools.product(JobState, JobState)))
def test_what_is_not_in_the_table_cannot_happen(source, target):
    verbs = {step.verb for step in TRANSITIONS if step.target is target}
    allowed = any(source in sources_of(target, verb) for verb in verbs)
    assert allowed == ((source, target) in STEPS)


def test_a_verb_that_leads_nowhere_is_a_bug():
    with pytest.raises(ValueError, match="no transition named 'confirm' leads to"):
        sources_of(JobState.QUEUED, "confirm")


@given(st.lists(st.sampled_from(TRANSITIONS), max_size=40))
def test_whatever_is_tried_a_job_ends_at_most_once(tried):
    """Guarded steps in any order, repeats and late ones included."""
    state, ends = JobState.QUEUED, 0
    for step in tried:
        if state in sources_of(step.target, step.verb):
            state = step.target
            ends += state.is_terminal
    assert ends <= 1


@pytest.mark.parametrize("member", [*JobState, *EndReason], ids=repr)
def test_every_member_says_what_it_means(member):
    """Its docstring stands in the source behind it."""
    source = inspect.getsource(type(member))
    assert f'{member.name} = "{member.value}"\n    """' in source
