"""What an end means, and what a failed task says."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_plugin.commands.outcome import CommandFailed, CommandRejected, Rules, Verdict, codes, failure, last_words
from edge_agent.protocol import EndReason, JobState
from tests.unit.plugin.commands.views import ended, view


@pytest.mark.parametrize(
    ("rules", "exit_code", "verdict"),
    [
        (Rules(), 0, Verdict.SUCCESS),
        (Rules(), 3, Verdict.FAILURE),
        (Rules(success=codes([0, 3])), 3, Verdict.SUCCESS),
        (Rules(success=codes(3)), 0, Verdict.FAILURE),
        (Rules(skip=codes(99)), 99, Verdict.SKIP),
        (Rules(success=codes(99), skip=codes([99])), 99, Verdict.SKIP),
        (Rules(skip=codes(None)), 99, Verdict.FAILURE),
    ],
)
def test_exit_codes_are_what_the_task_says_they_are(rules, exit_code, verdict):
    it = ended(exit_code)
    assert rules.verdict(it.state, it.reason, it.exit_code) is verdict


@pytest.mark.parametrize("reason", sorted(set(EndReason) - {EndReason.EXIT}))
def test_whatever_else_ends_a_command_is_a_failure(reason):
    state = JobState.CANCELLED if reason is EndReason.CANCELLED else JobState.FAILED
    assert Rules(success=codes([0, 137])).verdict(state, reason, 137) is Verdict.FAILURE


def test_a_failure_says_how_and_where_and_its_last_words():
    it = ended(7, log_bytes=14)
    said = failure(it, "  no such table", "Not run: '2'.")
    assert isinstance(said, CommandFailed)
    for part in ("exit code 7", "h1 (h1.example)", "no such table", "Not run: '2'", str(it.id)):
        assert part in str(said)


def test_what_has_said_nothing_is_not_said_to_have_a_log():
    assert "It has no output." in str(failure(ended(7), ""))


def test_a_refusal_names_the_rule_and_is_not_tried_again():
    it = view(state=JobState.FAILED, reason=EndReason.REJECTED, message="the rule 'etl' allows no shell.")
    said = failure(it, "")
    assert isinstance(said, CommandRejected)
    assert isinstance(said, AirflowFailException)
    assert "was refused, and nothing of it ran: the rule 'etl' allows no shell on h1" in str(said)


@pytest.mark.parametrize("reason", EndReason)
def test_every_end_has_words(reason):
    state = JobState.CANCELLED if reason is EndReason.CANCELLED else JobState.FAILED
    it = view(name="load", state=state, reason=reason, exit_code=1, signal=9, message="because.", agent_name=None)
    said = str(failure(it, ""))
    assert said.startswith("The command 'load' ")
    assert "(queue q)." in said
    assert ("because" in said) is (reason not in {EndReason.EXIT, EndReason.SIGNAL})


def test_last_words_are_the_end_of_the_output_and_readable():
    words = last_words(b"".join(b"line %d caf\xe9\n" % number for number in range(1000)))
    assert words.splitlines()[-1] == "  line 999 caf\\xe9"
    assert len(words.splitlines()) == 20
