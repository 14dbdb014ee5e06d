"""The command line: what it says without an agent, and its exit codes."""

from __future__ import annotations

import json

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
from edge_agent.state_dir import StateDir
from edge_agent.status import StatusBoard, StatusFile, in_words


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


FACTS = {
    "agent": "h1",
    "url": "https://a",
    "queues": ["q", "r"],
    "registered": True,
    "answering": True,
    "heard_seconds_ago": 0.5,
    "cordoned": False,
    "cordon_reason": None,
    "draining": False,
    "disk_fit": True,
    "runners_ready": True,
    "slots": 4,
    "free_slots": 3,
    "assignments": [],
}


def test_the_status_file_holds_the_facts_and_what_the_loops_do(tmp_path, capsys, monkeypatch):
    (state_dir := StateDir(tmp_path)).prepare()
    board = StatusBoard(lambda: FACTS)
    board.doing("polling", "waiting for work")
    StatusFile(board, state_dir).write()
    monkeypatch.setenv("EDGE_AGENT_STATE_DIR", str(tmp_path))
    with state_dir.lock("h1"):
        assert cli.main(["status"]) == 0
        assert "agent h1: running" in capsys.readouterr().out
        assert cli.main(["status", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["loops"]["polling"]["doing"] == "waiting for work"
    assert cli.main(["status"]) == 1


def test_a_status_that_cannot_be_written_is_told_and_no_more(tmp_path, caplog):
    file = StatusFile(StatusBoard(lambda: FACTS), StateDir(tmp_path / "later"))
    file.write()
    file.write()
    assert [record.event for record in caplog.records] == ["status_unwritten"], "told once"
    (tmp_path / "later").mkdir()
    file.write()
    (tmp_path / "later").rename(tmp_path / "gone")
    file.write()
    assert [record.event for record in caplog.records] == ["status_unwritten"] * 2, "told again"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, "queue API https://a: registered"),
        ({"registered": False}, "not registered yet"),
        ({"answering": False}, "DOES NOT ANSWER"),
        ({"cordoned": True, "cordon_reason": "disk swap"}, "CORDONED: disk swap"),
        ({"cordoned": True}, "CORDONED: no reason given"),
        ({"draining": True}, "DRAINING"),
        ({"disk_fit": False}, "DISK: "),
        ({"spool_full": True}, "SPOOL: full"),
        ({"runners_ready": False}, "NOT READY: "),
        ({"running": False}, "NOT RUNNING"),
        ({"cordoned": True, "cordon_reason": "\x1b[2Kno\nmore"}, r"CORDONED: \x1b[2Kno more"),
    ],
    ids=str,
)
def test_a_status_in_words_says_what_is_unusual(facts, words):
    status = {"running": True, "pid": 1, "written_at": "now", "loops": {}} | FACTS | facts
    assert any(words in line for line in in_words(status))
