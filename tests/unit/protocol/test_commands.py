"""What a command may be, as it is submitted."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.protocol.commands import (
    MAX_SECONDS,
    MAX_WAIT_SECONDS,
    MAX_WATCHED,
    CancelCommand,
    OnAgentLost,
    Seen,
    Submit,
    Tie,
    Watch,
)
from edge_agent.protocol.shells import Shell
from edge_agent.protocol.streams import Streams

TIE = {"id": str(uuid4()), "dag_id": "d", "run_id": "r", "task_id": "t"}


def test_little_has_to_be_said():
    command = Submit.model_validate({"command": "df -h"})
    assert (command.shell, command.streams, command.on_agent_lost) == (None, Streams.TOGETHER, OnAgentLost.FAIL)
    assert (command.queue, command.agent, command.timeout_seconds, command.tie) == (None, None, None, None)


@given(st.one_of(st.text("ab ;$'\n\t", min_size=1), st.lists(st.text("ab ", max_size=5), min_size=1).map(tuple)))
def test_a_text_and_a_list_of_words_stay_what_they_are(command):
    """Also by way of JSON."""
    submitted = Submit.model_validate({"command": command})
    assert Submit.model_validate_json(submitted.model_dump_json()).command == command


@pytest.mark.parametrize("command", ["", [], [1], None, 7, {"a": "b"}, ["x"] * 10_001], ids=lambda it: repr(it)[:20])
def test_what_is_no_command_is_refused(command):
    with pytest.raises(ValidationError, match="command"):
        Submit.model_validate({"command": command})


@pytest.mark.parametrize("shell", list(Shell))
def test_a_text_may_name_its_shell_and_a_list_may_not(shell):
    assert Submit.model_validate({"command": "x", "shell": shell.value}).shell == shell
    with pytest.raises(
        ValidationError, match="a list of words is run as it is: leave 'shell' out, or send the command"
    ):
        Submit.model_validate({"command": ["x"], "shell": shell.value})


def test_a_shell_that_nobody_knows_is_refused():
    with pytest.raises(ValidationError, match="'sh', 'bash' or 'pwsh'"):
        Submit.model_validate({"command": "x", "shell": "zsh"})


def test_a_wait_for_a_lost_agent_has_a_length_only_where_one_waits():
    said = {"command": "x", "lost_wait_seconds": 60}
    assert Submit.model_validate(said | {"on_agent_lost": "wait"}).lost_wait_seconds == 60
    for agent_lost in ({}, {"on_agent_lost": "fail"}):
        with pytest.raises(ValidationError, match="'lost_wait_seconds' goes with on_agent_lost = wait"):
            Submit.model_validate(said | agent_lost)


@pytest.mark.parametrize("name", ["timeout_seconds", "queue_timeout_seconds"])
@pytest.mark.parametrize("seconds", [0, -1, MAX_SECONDS + 1, float("nan"), float("inf"), "soon"])
def test_a_time_is_longer_than_nothing_and_ends(name, seconds):
    assert getattr(Submit.model_validate({"command": "x", name: MAX_SECONDS}), name) == MAX_SECONDS
    with pytest.raises(ValidationError, match=name):
        Submit.model_validate({"command": "x", name: seconds})


@pytest.mark.parametrize(
    "wrong",
    [
        {"queue": "a b"},
        {"agent": ""},
        {"run_as_user": ""},
        {"run_as_user": "x" * 33},
        {"slots": 0},
        {"runner": "screen"},
        {"streams": "both"},
        {"on_agent_lost": "hope"},
        {"key": ""},
        {"key": "x" * 1001},
        {"family": ""},
        {"name": ""},
        {"name": "x" * 251},
        {"env": {"A": 1}},
        {"env": {"A": "a\0b"}},
        {"cwd": "a\0b"},
        {"command": "a\0b"},
        {"shel": "bash"},
    ],
    ids=lambda it: repr(it)[:30],
)
def test_what_cannot_be_meant_is_refused_by_its_name(wrong):
    (name,) = wrong
    with pytest.raises(ValidationError, match=name):
        Submit.model_validate({"command": "x"} | wrong)


def test_variables_are_not_shown_where_a_command_is():
    assert "planted" not in repr(Submit.model_validate({"command": "x", "env": {"PASSWORD": "planted"}}))


def test_a_tie_is_to_one_try_of_a_task_and_ends_the_command_unless_it_says_otherwise():
    tie = Tie.model_validate(TIE)
    assert (tie.map_index, tie.ends_with_it) == (-1, True)
    for missing in TIE:
        with pytest.raises(ValidationError, match=missing):
            Tie.model_validate({name: value for name, value in TIE.items() if name != missing})
    for wrong in ({"map_index": -2}, {"try_number": -1}, {"id": "7"}, {"dag_id": ""}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            Tie.model_validate(TIE | wrong)


def test_a_watch_looks_at_one_command_at_least_and_not_for_ever():
    seen = {"id": str(uuid4())}
    watch = Watch.model_validate({"commands": [seen] * MAX_WATCHED, "wait_seconds": MAX_WAIT_SECONDS})
    assert len(watch.commands) == MAX_WATCHED
    for count in (0, MAX_WATCHED + 1):
        with pytest.raises(ValidationError, match="commands"):
            Watch.model_validate({"commands": [seen] * count})
    for seconds in (-1, MAX_WAIT_SECONDS + 1, float("nan")):
        with pytest.raises(ValidationError, match="wait_seconds"):
            Watch.model_validate({"commands": [seen], "wait_seconds": seconds})


@pytest.mark.parametrize("name", ["log_bytes", "read_offset"])
def test_nothing_was_seen_before_a_log_begins(name):
    assert getattr(Seen.model_validate({"id": str(uuid4())}), name) is None
    with pytest.raises(ValidationError, match=name):
        Seen.model_validate({"id": str(uuid4()), name: -1})


def test_a_cancel_may_say_nothing_and_then_means_it():
    assert (CancelCommand().reason, CancelCommand().only_if_unwanted) == (
        "Cancelled by whoever submitted it.",
        False,
    )
    with pytest.raises(ValidationError, match="reason"):
        CancelCommand(reason="x" * 1001)
