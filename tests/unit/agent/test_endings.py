"""From what the host knows to what is reported."""

from __future__ import annotations

from uuid import uuid4

import pytest

from edge_agent.attempt_dir import Result
from edge_agent.endings import Evidence, judge, rejected, unattended
from edge_agent.protocol import TRANSITIONS, EndReason, JobState

ALLOWED = {(step.target, reason) for step in TRANSITIONS if step.verb == "report" for reason in step.reasons}


@pytest.mark.parametrize(
    ("evidence", "state", "reason"),
    [
        (Evidence(Result(exit_code=0)), JobState.SUCCEEDED, EndReason.EXIT),
        (Evidence(Result(exit_code=3)), JobState.FAILED, EndReason.EXIT),
        (Evidence(Result(exit_code=None, signal=9)), JobState.FAILED, EndReason.SIGNAL),
        (Evidence(Result(exit_code=0, state="success")), JobState.SUCCEEDED, EndReason.EXIT),
        (Evidence(Result(exit_code=0, state="deferred")), JobState.SUCCEEDED, EndReason.EXIT),
        (Evidence(Result(exit_code=0, state="up_for_reschedule")), JobState.SUCCEEDED, EndReason.EXIT),
        (Evidence(Result(exit_code=0, state="failed")), JobState.FAILED, EndReason.EXIT),
        (Evidence(Result(exit_code=0, state="up_for_retry")), JobState.FAILED, EndReason.EXIT),
        (Evidence(None), JobState.FAILED, EndReason.SIGNAL),
        (Evidence(None, died_of=9), JobState.FAILED, EndReason.SIGNAL),
        (Evidence(None, is_found_dead=True), JobState.FAILED, EndReason.AGENT_RESTART),
        (Evidence(None, end="cancel"), JobState.CANCELLED, EndReason.CANCELLED),
        (Evidence(Result(exit_code=0), end="cancel"), JobState.CANCELLED, EndReason.CANCELLED),
        (Evidence(Result(exit_code=143), end="shutdown"), JobState.FAILED, EndReason.SIGNAL),
        (Evidence(Result(exit_code=0), end="shutdown"), JobState.SUCCEEDED, EndReason.EXIT),
        (Evidence(None, end="shutdown"), JobState.FAILED, EndReason.SIGNAL),
    ],
    ids=str,
)
def test_an_end_is_judged(evidence, state, reason):
    verdict = judge(evidence)
    assert (verdict.state, verdict.reason) == (state, reason)
    assert (state, reason) in ALLOWED, "the server would refuse it"


def test_what_the_log_cannot_say_is_said_in_a_message():
    for evidence in (Evidence(None), Evidence(None, died_of=9), Evidence(None, is_found_dead=True)):
        verdict = judge(evidence)
        assert verdict.message
        assert not verdict.is_explained
    assert "SIGKILL" in str(judge(Evidence(None, died_of=9)).message)
    assert "signal 63" in str(judge(Evidence(None, died_of=63)).message)


def test_what_took_too_long_is_told_with_whose_time_it_was():
    own, of_policy = (judge(Evidence(None, end="timeout", own_seconds=seconds)) for seconds in (7.5, None))
    assert own.message == "It ran longer than its own timeout of 7.5 s, and was ended."
    assert of_policy.message == "It ran longer than the policy of its host allows ('time_seconds'), and was ended."
    assert {own.reason, of_policy.reason} == {EndReason.TIMEOUT}


def test_a_task_that_told_airflow_a_state_has_explained_itself():
    assert judge(Evidence(Result(exit_code=1, state="failed"))).is_explained
    assert not judge(Evidence(Result(exit_code=1))).is_explained
    assert judge(Evidence(Result(exit_code=0))).is_explained


@pytest.mark.parametrize("verdict", [rejected("x" * 5000), unattended("x" * 5000)], ids=["rejected", "unattended"])
def test_a_message_fits_the_wire(verdict):
    ending = verdict.ending(uuid4(), log_bytes=0, ran_seconds=None)
    assert len(ending.message) == 2000
    assert (ending.state, ending.reason) in ALLOWED
