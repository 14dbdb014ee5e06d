"""The terms that a command may name itself, its shell, its time, its streams, and what a policy makes of them."""

from __future__ import annotations

import os
import pwd
import tomllib

import pytest

from edge_agent.errors import CannotStart
from edge_agent.policy.admission import Refusal
from edge_agent.policy.document import Document
from edge_agent.policy.policy import Policy
from edge_agent.protocol import JobKind
from tests.unit.protocol.examples import OFFER

LISTED = """
[[command]]
name = "say"
argv = ["/bin/echo", "{day:date}"]
"""
SAY = ["/bin/echo", "2026-11-21"]
LISTED_SHELL = {"shell": "sh"}
SHELL = "commands.allow = 'shell'\n"
ARGV = "commands.allow = 'argv'\n"
TASK = {"workload": {"type": "ExecuteTask"}}


@pytest.fixture(autouse=True)
def agent_of_nobody(monkeypatch):
    """Let the agent be of a user without rights."""
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam("nobody").pw_uid)


def admit(text, command="true", *, kind=JobKind.COMMAND, **payload):
    policy = Policy(Document.model_validate(tomllib.loads(text)), serves=["onprem"])
    offer = OFFER.model_copy(update={"kind": kind, "queue": "onprem"})
    return policy.admit(offer, payload if kind is JobKind.TASK else {"command": command, **payload})


@pytest.mark.parametrize("shell", ["sh", "bash", "pwsh"])
def test_a_text_may_name_its_shell_where_texts_are_allowed_and_nowhere_else(shell):
    assert admit(SHELL, "echo $HOME", shell=shell).payload["shell"] == shell
    for text in (LISTED, ARGV):
        with pytest.raises(Refusal, match=r"rule 'commands\.allow' of the host's policy"):
            admit(text, "echo $HOME", shell=shell)


def test_a_listed_command_has_no_shell():
    with pytest.raises(CannotStart, match="without a shell"):
        admit(LISTED, SAY, **LISTED_SHELL)
    assert admit(LISTED, SAY, streams="apart").payload["streams"] == "apart"


@pytest.mark.parametrize(
    ("own", "hosts", "time_seconds", "is_own"),
    [
        (None, None, None, False),
        (None, 60, 60, False),
        (5, None, 5, True),
        (5, 60, 5, True),
        (60, 60, 60, False),
        (90, 60, 60, False),
    ],
)
def test_of_two_times_the_smaller_one_counts(own, hosts, time_seconds, is_own):
    text = ARGV + (f"commands.limits.time_seconds = {hosts}" if hosts else "")
    admission = admit(text, ["true"], timeout_seconds=own)
    assert (admission.time_seconds, admission.is_own_time) == (time_seconds, is_own)


def test_a_task_has_no_time_of_its_own():
    """Airflow sees to that by itself."""
    assert admit("", kind=JobKind.TASK, timeout_seconds=5, **TASK).time_seconds is None
