"""The command line: what it says without an agent, and its exit codes."""

from __future__ import annotations

import pytest

from edge_agent import __version__, cli
from edge_agent.errors import (
    AgentError,
    ForeignServer,
    SettingsError,
    StateDirError,
    StateDirHeld,
    Unreachable,
    problem_answer,
)
from edge_agent.protocol import Problem, ProblemReason


def problem(reason):
    return problem_answer(Problem(reason=reason, message="x"), status=400)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("x"), 2),
        (problem(ProblemReason.UNAUTHENTICATED), 3),
        (problem(ProblemReason.VERSION), 3),
        (problem(ProblemReason.INVALID), 3),
        (StateDirHeld("x"), 4),
        (StateDirError("x"), 1),
        (problem(ProblemReason.SUPERSEDED), 5),
        (ForeignServer("x"), 6),
        (Unreachable("x"), 1),
        (AgentError("x"), 1),
    ],
    ids=lambda value: getattr(value, "reason", type(value).__name__),
)
def test_an_error_ends_the_agent_with_the_code_of_its_kind(error, code):
    assert cli.exit_code_of(error) == code


def test_the_version_is_printed(capsys):
    assert cli.main(["version"]) == 0
    assert capsys.readouterr().out == __version__ + "\n"


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["check", "--help"], ["status", "--help"]])
def test_help_helps(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    assert "usage: edge-agent" in capsys.readouterr().out


def test_the_help_names_what_is_needed_and_the_exit_codes(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    for words in ("EDGE_AGENT_URL", "EDGE_AGENT_TOKEN_FILE", "exit codes:", "3 refused by the server"):
        assert words in said


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "--fast"]])
def test_a_wrong_command_line_is_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "check"])
def test_missing_settings_are_named_and_the_code_is_2(command, capsys):
    assert cli.main([command]) == 2
    assert "EDGE_AGENT_URL is not set" in capsys.readouterr().err
