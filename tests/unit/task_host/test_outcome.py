from __future__ import annotations

import pytest

from edge_agent.attempt_dir import Result
from edge_agent.task_host.outcome import Told, judge


@pytest.mark.parametrize("state", ["success", "skipped", "deferred", "up_for_reschedule", "awaiting_input"])
def test_a_good_end_is_exit_code_0(state: str):
    assert judge(0, Told(state=state)) == Result(exit_code=0, state=state)


@pytest.mark.parametrize("exit_code", [1, -9])
def test_what_happens_after_airflow_accepted_a_good_end_does_not_count(exit_code: int):
    """A listener that crashes, or is ended for taking too long, after the task succeeded."""
    assert judge(exit_code, Told(state="success")) == Result(exit_code=0, state="success")


@pytest.mark.parametrize("state", ["failed", "up_for_retry", "removed", "something_new"])
def test_any_other_state_is_exit_code_1(state: str):
    assert judge(0, Told(state=state)) == Result(exit_code=1, state=state)


@pytest.mark.parametrize(
    ("exit_code", "message"),
    [
        (-9, "The task's process was killed by signal 9."),
        (3, "The task's process ended with exit code 3."),
    ],
)
def test_a_failure_says_what_became_of_the_process(exit_code: int, message: str):
    assert judge(exit_code, Told(state="failed")) == Result(exit_code=1, state="failed", message=message)


def test_what_airflow_said_counts_more_than_the_exit_code():
    told = Told(not_wanted="Airflow no longer wanted it: 410 not_found.", refusal="Airflow did not take it.")
    assert judge(-15, told) == Result(exit_code=1, message="Airflow no longer wanted it: 410 not_found.")


def test_a_refused_end_is_no_good_end():
    told = Told(refusal="Airflow did not take its state 'success': 409 invalid_state.")
    assert judge(0, told) == Result(exit_code=1, message=told.refusal)


def test_an_end_nobody_told_is_no_good_end():
    assert judge(0, Told()) == Result(exit_code=1, message="It ended without telling Airflow how.")
