"""What is said of an agent: in words, in a form that stays, and after it has gone."""

from __future__ import annotations

import json
import os

import pytest

from edge_agent import cli
from edge_agent.state_dir import StateDir
from edge_agent.status.asking import ask
from edge_agent.status.board import StatusBoard
from edge_agent.status.file import StatusFile, last_words
from edge_agent.status.report import (
    FORM,
    AgentState,
    Disk,
    Failure,
    Host,
    LoopStatus,
    Report,
    RunnerStatus,
    SpoolUse,
    Status,
    Verdict,
)
from edge_agent.status.words import in_words, verdict_in_words
from tests.support.statuses import API, BEGAN, JOB, STATUS, report

UNREADY = Host(kinds=("command",), runners=(RunnerStatus(name="tmux", ready=False, complaint="There is no tmux."),))
FULL = SpoolUse(used_bytes=2, most_bytes=1, full=True, undelivered_bytes=2)
FAILURE = Failure(at=BEGAN, verb="poll", why="nobody listens")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "agent h1: running since 2026-03-01 12:00:00+00:00 (3 h before that was written) (pid 7"),
        ({}, "queue API https://a: registered since 2026-03-01 12:00:00+00:00"),
        ({}, "queues q, r; 3 of 4 slots free"),
        ({}, "disk: 5,000 MB free in /state; logs take 1.5 of 1,000 MB, 2,000 bytes are not delivered yet"),
        ({}, "policy: there is no /etc/edge-agent/policy.toml; commands: any program"),
        ({}, "versions: agent 1.0, python 3.11.7"),
        ({}, "polling: waiting for work (since 2026-03-01 12:00:00+00:00)"),
        ({}, "job nightly: running (command, local), pid 12, here for 3 h, 1,000 log bytes delivered, 2,000 to go"),
        ({"jobs": (JOB.model_copy(update={"pid": None, "since": None}),)}, "no process yet, 1,000 log bytes"),
        ({"health_address": "127.0.0.1:8099"}, "probes: answered on 127.0.0.1:8099"),
        ({"registered": False}, "not registered yet"),
        ({"queue_api": API.model_copy(update={"answering": False})}, "DOES NOT ANSWER; last heard 2026"),
        ({"queue_api": API.model_copy(update={"heard_at": None})}, "never heard"),
        ({"queue_api": API.model_copy(update={"last_failure": FAILURE})}, "(poll): nobody listens"),
        ({"queue_api": API.model_copy(update={"agent_token_since": BEGAN})}, "tokens: of the agent from 2026-03-01"),
        ({"cordoned": True, "cordon_reason": "disk swap"}, "CORDONED: disk swap"),
        ({"cordoned": True}, "CORDONED: no reason given"),
        ({"cordoned": True, "cordon_reason": "\x1b[2Kno\nmore"}, r"CORDONED: \x1b[2Kno more"),
        ({"host_conflict": "another host"}, "HOST CONFLICT: another host"),
        ({"draining": True, "drain_reason": "told to"}, "DRAINING: told to; no new work is taken"),
        ({"draining": True, "drain_seconds_left": 7200.0}, "DRAINING: no reason given; no new work is taken, for 2 h"),
        ({"disk": Disk(path="/state", fit=False)}, "DISK: "),
        ({"disk": Disk(path="/state", fit=True)}, "disk: unknown free in /state"),
        ({"spool": FULL}, "SPOOL: full"),
        ({"host": UNREADY}, "NOT READY: tmux: There is no tmux."),
        ({"ready": Verdict(ok=False, reasons=("It drains.",))}, "NOT READY: It drains."),
        ({"live": Verdict(ok=False, reasons=("A loop\nhas ended.",))}, "NOT LIVE: A loop has ended."),
        ({"loops": {"spool": LoopStatus(doing="looking", since=BEGAN, ok=False)}}, "spool: looking (since 2026-03-01"),
        ({"loops": {"spool": LoopStatus(doing="looking", since=BEGAN, ok=False)}}, "STUCK"),
    ],
    ids=str,
)
def test_a_status_in_words_says_what_there_is_and_what_is_unusual(changes, words):
    assert any(words in line for line in in_words(report(**changes)))


@pytest.mark.parametrize(
    ("state", "words"), [(AgentState.STOPPED, "NOT RUNNING"), (AgentState.SILENT, "DOES NOT ANSWER")]
)
def test_what_was_said_last_is_not_taken_for_what_is(state, words):
    assert in_words(report(state))[0].startswith(f"agent h1: {words}; this is what it last said")


def test_a_verdict_is_one_word_or_a_line_for_each_reason():
    assert verdict_in_words("live", Verdict(ok=True)) == ["live"]
    no = Verdict(ok=False, reasons=("One.", "Two."))
    assert verdict_in_words("ready", no) == ["NOT READY: One.", "NOT READY: Two."]


def test_the_form_stays_as_it_is():
    """Whoever reads it has written a program. A field that goes away or changes needs another FORM."""
    shown = json.loads(report().model_dump_json())
    assert FORM == 1
    assert {*shown} == {"form", "state", "live", "ready", "said"}
    assert {*shown["said"]} == {
        *("written_at", "agent", "pid", "started_at", "stopped", "live", "ready", "versions", "queue_api", "queues"),
        *("slots", "free_slots", "registered", "cordoned", "cordon_reason", "draining", "drain_reason"),
        *("drain_seconds_left", "host_conflict", "disk", "spool", "runners_ready", "host", "health_address", "loops"),
        "jobs",
    }
    assert {*shown["said"]["jobs"][0]} == {
        *("job_id", "assignment_id", "label", "kind", "queue", "slots", "runner", "stage", "pid", "since"),
        *("log_bytes_delivered", "log_bytes_left"),
    }
    assert shown["said"]["written_at"] == "2026-03-01T15:00:00Z"


def test_what_a_newer_agent_adds_is_no_trouble():
    newer = json.loads(STATUS.model_dump_json()) | {"mood": "good"}
    assert Status.model_validate_json(json.dumps(newer)) == STATUS


@pytest.fixture
def state_dir(tmp_path, monkeypatch):
    (made := StateDir(tmp_path)).prepare()
    monkeypatch.setenv("EDGE_AGENT_STATE_DIR", str(tmp_path))
    return made


def test_an_agent_that_is_gone_leaves_its_last_words(state_dir, capsys):
    StatusFile(StatusBoard(), lambda: STATUS, state_dir).write()
    assert last_words(state_dir) == STATUS
    assert state_dir.status_file.stat().st_mode & 0o777 == 0o600
    for verdict in ([], ["--live"], ["--ready"]):
        assert cli.main(["status", *verdict]) == 1
    assert "No agent runs: it was killed, or its host went down. Start it" in capsys.readouterr().out
    assert cli.main(["status", "--json"]) == 1
    shown = Report.model_validate_json(capsys.readouterr().out)
    assert (shown.state, shown.said, shown.live.ok, shown.ready.ok) == (AgentState.STOPPED, STATUS, False, False)


def test_one_that_stopped_by_itself_says_why(state_dir):
    StatusFile(StatusBoard(), lambda: STATUS.model_copy(update={"stopped": "no token."}), state_dir).write()
    assert ask(state_dir, timeout_seconds=1).live.reasons == (
        "No agent runs: it stopped: no token. Start it; what ran is found again.",
    )


@pytest.mark.parametrize("left", ["", "{", '{"agent": "of an older version"}', "[]"])
def test_last_words_that_make_no_sense_are_none(state_dir, left):
    state_dir.status_file.write_text(left)
    found = ask(state_dir, timeout_seconds=1)
    assert (found.state, found.said) == (AgentState.STOPPED, None)
    assert in_words(found)[0].startswith("NOT LIVE: No agent runs")


def test_where_no_agent_has_ever_run_it_is_said_what_to_do(state_dir, capsys):
    assert cli.main(["status", "--live"]) == 1
    assert "No agent has ever run with the state directory" in capsys.readouterr().out
    assert cli.main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["state"] == "never"


@pytest.mark.parametrize("wrong", [["--live", "--ready"], ["--timeout", "0"], ["--timeout", "inf"], ["--timeout", "x"]])
def test_a_question_that_makes_no_sense_is_2(wrong):
    with pytest.raises(SystemExit) as ended:
        cli.main(["status", *wrong])
    assert ended.value.code == 2


def test_a_status_that_cannot_be_written_is_told_and_no_more(tmp_path, caplog):
    file = StatusFile(StatusBoard(), lambda: STATUS, StateDir(tmp_path / "later"))
    file.write()
    file.write()
    assert [record.event for record in caplog.records] == ["status_unwritten"], "told once"
    (tmp_path / "later").mkdir()
    file.write()
    (tmp_path / "later").rename(tmp_path / "gone")
    file.write()
    assert [record.event for record in caplog.records] == ["status_unwritten"] * 2, "told again"


def test_a_path_that_is_no_text_keeps_nobody_from_the_status(tmp_path):
    path = os.fsdecode(b"/srv/\xfcber")
    said = Status(**{**dict(STATUS), "disk": Disk(path=path, fit=True), "live": Verdict(ok=False, reasons=(path,))})
    StatusFile(StatusBoard(), lambda: said, StateDir(tmp_path)).write()
    again = last_words(StateDir(tmp_path))
    assert again is not None
    assert (again.disk.path, again.live.reasons) == ("/srv/?ber", ("/srv/?ber",))
