from __future__ import annotations

import json

import pytest

from edge_agent.attempt_dir import Identity
from edge_agent.task_host.messages import (
    Message,
    NotStarted,
    Ready,
    Refused,
    Spawn,
    Started,
    decode,
    encode,
)
from edge_agent.task_host.stamps import Stamp

MESSAGES: list[Message] = [
    Ready(pid=7, warm_seconds=3.5, made_of=(Stamp("/etc/airflow.cfg", 1, 2, 3), Stamp("/absent"))),
    Refused(reason='not "here"\nnor there'),
    Spawn(number=1, attempt="/var/lib/a b/attempt", server="https://site.example/execution/", agent="one"),
    Started(number=1, identity=Identity(pid=8, start_ticks=9, boot_id="b")),
    NotStarted(number=1, reason="no longer wanted"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: Message):
    assert decode(encode(message)) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line(message: Message):
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")


@pytest.mark.parametrize("line", [b'{"say": "Explode"}', b"{}", b"not json"])
def test_anything_else_is_a_bug_and_says_so(line: bytes):
    with pytest.raises(ValueError, match=r"not a message|Expecting value"):
        decode(line)


def test_a_request_to_start_holds_nothing_but_paths_and_names():
    assert json.loads(encode(MESSAGES[2])) == {
        "say": "Spawn",
        "number": 1,
        "attempt": "/var/lib/a b/attempt",
        "server": "https://site.example/execution/",
        "agent": "one",
    }
