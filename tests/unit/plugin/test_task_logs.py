"""Lines out of bytes that were cut anywhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.queue.wording import how_it_ended
from airflow_plugin.task_logs import last_words, sources_of, split


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_lines_do_not_depend_on_where_bytes_were_cut(written: bytes, cuts: list[int]):
    edges = sorted({0, len(written), *(min(cut, len(written)) for cut in cuts)})
    blocks = [written[start:end] for start, end in pairwise(edges)]
    whole = written.decode("utf-8", errors="replace")
    assert list(split(blocks)) == list(split([written]))
    assert "\n".join(split([written])) == whole.removesuffix("\n")


def test_an_empty_log_has_no_line():
    assert list(split([])) == []
    assert list(split([b"", b""])) == []


def ended(**changed: Any) -> Any:
    of_job = {"agent_name": "a1", "reason": "exit", "message": None, "exit_code": 0, "signal": None}
    return SimpleNamespace(**of_job | {"ended_at": datetime.now(UTC)} | changed)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (ended(), "edge agent 'a1': exit code 0"),
        (ended(reason="signal", signal=9, exit_code=None), "edge agent 'a1': signal 9"),
        (ended(reason="agent_lost", message="Silent."), "edge agent 'a1': agent_lost: Silent."),
        (ended(reason="queue_timeout", agent_name=None, message="No."), "no edge agent: queue_timeout: No."),
        (ended(ended_at=None), "edge agent 'a1'"),
        (ended(exit_code=None), "edge agent 'a1': exit"),
    ],
)
def test_how_a_job_ended_in_one_line(job: Any, said: str):
    assert how_it_ended(job) == said


def test_a_process_that_ended_by_itself_has_said_what_there_was_to_say():
    assert list(last_words(ended(exit_code=1))) == []
    assert list(last_words(ended(ended_at=None, reason=None))) == []
    (line,) = last_words(ended(reason="agent_lost", message="Silent."))
    assert json.loads(line)["event"] == "The job ended on edge agent 'a1': agent_lost: Silent."


def test_each_agent_is_named_once():
    jobs = [SimpleNamespace(agent_name=name) for name in ("a1", None, "a1", "a2")]
    assert sources_of(jobs) == ["Edge agent a1", "Edge agent: waiting for one", "Edge agent a2"]
