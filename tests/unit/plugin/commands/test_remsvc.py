"""RemSvc's commands and results, in its words."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_plugin.commands.course import Ended
from airflow_plugin.commands.kept_output import Streams
from airflow_plugin.commands.remsvc import checksum, results, return_code, state_and_error, translated
from airflow_plugin.commands.specification import UnclearCommand, specified
from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.commands import CommandView
from edge_agent.protocol.shells import Shell
from tests.unit.plugin.commands import views


def ended_view(name: str = "1", exit_code: int | None = 0, **values: Any) -> CommandView:
    state = JobState.SUCCEEDED if exit_code == 0 else JobState.FAILED
    return views.view(**{"name": name, "state": state, "reason": EndReason.EXIT, "exit_code": exit_code} | values)


def is_success(view: CommandView) -> bool:
    return view.state is JobState.SUCCEEDED


def test_a_command_becomes_one_of_the_operator_with_its_number_as_id():
    (first, second) = translated(
        [{"cmd": "df /", "cmdusr": "etl", "src": "nightly"}, {"cmd": "Get-Date", "cmdtyp": 1, "cmdusr": "", "src": ""}]
    )
    assert first == {"id": "1", "command": "df /", "shell": "sh", "run_as_user": "etl", "label": "nightly"}
    assert second == {"id": "2", "command": "Get-Date", "shell": "pwsh", "run_as_user": None, "label": None}


def test_what_it_becomes_is_understood():
    every = specified(translated([{"cmd": "a", "cmdtyp": 0}, {"cmd": "b", "cmdtyp": 1, "cmdusr": "u"}]), {"queue": "q"})
    assert [(each.name, each.submit.shell, each.submit.run_as_user) for each in every] == [
        ("1", Shell.SH, None),
        ("2", Shell.PWSH, "u"),
    ]


def test_a_number_that_a_template_made_a_text_of_is_one():
    (only,) = translated([{"cmd": "x", "cmdtyp": "1"}])
    assert isinstance(only, dict)
    assert only["shell"] == "pwsh"


@pytest.mark.parametrize(
    ("commands", "said"),
    [
        ([], "'commands' must be a list with at least one command"),
        ("df /", "'commands' must be a list with at least one command"),
        ({"cmd": "df /"}, "'commands' must be a list with at least one command"),
        (["df /"], "command 1: write it as a mapping with cmd, cmdtyp, cmdusr, src"),
        ([{"cmd": "x"}, {"cmd": "y", "tid": 2}], "command 2: 'tid' means nothing here; there is cmd, cmdtyp"),
        ([{"cmdtyp": 0}], "command 1: 'cmd' is missing or blank"),
        ([{"cmd": "x"}, {"cmd": " "}], "command 2: 'cmd' is missing or blank"),
        ([{"cmd": ["x"]}], "command 1: 'cmd' is missing or blank"),
        ([{"cmd": "x", "cmdtyp": 2}], "command 1: 'cmdtyp' 2 is unknown; 0 is sh, 1 is pwsh"),
        ([{"cmd": "x", "cmdtyp": "sh"}], "command 1: 'cmdtyp' sh is unknown"),
    ],
)
def test_what_is_no_command_is_refused_by_its_number(commands, said):
    with pytest.raises(UnclearCommand) as refused:
        translated(commands)
    assert said in str(refused.value)


def test_twelve_results_stand_in_the_order_of_their_numbers():
    """RemSvc orders them 1, 10, 11, 12, 2."""
    commands = [{"cmd": f"echo {number}"} for number in range(1, 13)]
    ended = [Ended(str(number), ended_view(str(number))) for number in range(1, 13)]
    outputs = {str(number): Streams(f"{number}\n", "") for number in range(1, 13)}
    found = results(commands, ended, outputs)
    assert list(found) == list(range(1, 13))
    assert [each["out"] for each in found.values()] == [f"{number}\n" for number in range(1, 13)]
    assert {type(tid) for tid in found} == {int}


def test_a_result_has_the_keys_and_values_of_remsvc():
    (only,) = results([{"cmd": "echo hello"}], [Ended("1", ended_view())], {"1": Streams("hello\n", "w")}).values()
    assert only == {"tid": 1, "rc": 0, "out": "hello\n", "err": "w", "hsh": checksum("echo hello"), "cmd": "echo hello"}


def test_the_checksum_is_the_crc_32_of_the_command():
    assert checksum("123456789") == "cbf43926"
    assert len(checksum("")) == 8


def test_all_well_is_a_success_without_an_error():
    assert state_and_error([Ended("1", ended_view())], is_success) == ("SUCCESS", None)


def test_a_failure_names_the_numbers_in_order():
    ended = [Ended(str(n), ended_view(str(n), 3 if n in {2, 10} else 0)) for n in range(1, 13)]
    assert state_and_error(ended, is_success) == ("FAILED", "Non-zero rc for tid(s): [2, 10]")


def test_what_did_not_run_is_named():
    ended = [Ended("1", ended_view("1", 3)), Ended("2", None)]
    expected = "Non-zero rc for tid(s): [1]; No response for tid(s): [2]"
    assert state_and_error(ended, is_success) == ("FAILED", expected)


@pytest.mark.parametrize(
    ("state", "reason", "together"),
    [
        (JobState.FAILED, EndReason.TIMEOUT, "CANCELLED"),
        (JobState.CANCELLED, EndReason.CANCELLED, "CANCELLED"),
        (JobState.FAILED, EndReason.AGENT_LOST, "FAILED"),
        (JobState.FAILED, EndReason.REJECTED, "FAILED"),
    ],
)
def test_what_has_no_exit_code_says_why(state, reason, together):
    view = ended_view("1", None, state=state, reason=reason, message="it is so")
    assert return_code(view) is None
    assert state_and_error([Ended("1", view)], is_success) == (together, f"tid 1: {reason}, it is so")


def test_a_signal_is_a_code_as_a_shell_has_it():
    view = ended_view("1", None, state=JobState.FAILED, reason=EndReason.SIGNAL, signal=9)
    assert return_code(view) == 137
    assert state_and_error([Ended("1", view)], is_success) == ("FAILED", "Non-zero rc for tid(s): [1]")
