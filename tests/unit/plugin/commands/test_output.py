"""What of an output becomes an XCom."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_plugin.commands.answers import Output
from airflow_plugin.commands.outcome import last_words
from airflow_plugin.commands.output import OutputForm, OutputUnreadable, reference, returned, text


def output(content, *, total=None, whole=True):
    return Output(content, len(content) if total is None else total, whole)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"one\ntwo\n", "two"),
        (b"one\ntwo", "two"),
        (b"one\n\n \n", "one"),
        (b"", ""),
        (b"\n", ""),
        (b"caf\xe9", "caf\\xe9"),
        (b"a\0b", "a\\x00b"),
    ],
)
def test_the_last_line_is_the_last_that_is_not_empty(content, line):
    assert returned(OutputForm.LAST_LINE, output(content), 100) == line


def test_a_last_line_whose_begin_is_missing_is_not_returned():
    assert returned(OutputForm.LAST_LINE, output(b"x" * 10, total=11), 10) is None
    assert returned(OutputForm.LAST_LINE, output(b"\n" + b"x" * 9, total=11), 10) == "x" * 9


def test_all_of_an_output_is_returned_up_to_the_limit():
    assert returned(OutputForm.ALL, output(b"a\nb\n"), 4) == "a\nb\n"
    assert returned(OutputForm.ALL, output(b"\nb\n", total=5), 4) is None


def test_json_is_read():
    assert returned(OutputForm.JSON, output(b'{"rows": [1, 2]}\n'), 100) == {"rows": [1, 2]}
    assert returned(OutputForm.JSON, output(b"[", total=200), 100) is None


def test_what_should_be_json_and_is_not_is_a_failure_that_says_so():
    with pytest.raises(OutputUnreadable, match="is not JSON"):
        returned(OutputForm.JSON, output(b"warning: x\n{}"), 100)
    with pytest.raises(OutputUnreadable, match="lost on its way"):
        returned(OutputForm.JSON, output(b'"rest"]', whole=False), 100)


def test_every_text_can_be_stored():
    stored = text(bytes(range(256)))
    assert "\0" not in stored
    assert json.loads(json.dumps(stored)) == stored


def test_a_reference_says_where_to_read():
    job_id = uuid4()
    said = reference(job_id, 262_144, "mine")
    assert (said["edge_agent_job"], said["bytes"]) == (str(job_id), 262_144)
    assert said["read_with"] == f"EdgeAgentHook('mine').logs(UUID('{job_id}'))"


@pytest.mark.parametrize("content", [b"[" * 100_000, b"{", b"\xff", b""])
def test_what_is_no_json_is_refused_however_deep_it_is(content):
    with pytest.raises(OutputUnreadable, match="is not JSON"):
        returned(OutputForm.JSON, output(content), 1_000_000)


@given(
    st.sampled_from([OutputForm.LAST_LINE, OutputForm.ALL, OutputForm.JSON]),
    st.binary() | st.text('[]{}",0 \n').map(str.encode),
    st.integers(0, 40),
)
def test_any_output_is_a_value_a_reference_or_refused(form, content, more):
    text(content).encode()
    last_words(content).encode()
    try:
        returned(form, output(content, total=len(content) + more), 64)
    except OutputUnreadable:
        assert form is OutputForm.JSON
