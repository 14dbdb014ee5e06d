"""Changing a settings file: what was asked for, and not a word more."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.errors import SettingsError
from edge_agent.install.settings_file import HEAD, judge, missing, with_examples, with_values

FILE = Path("/etc/edge-agent/agent.toml")

WRITTEN = """\
# ours
url = "https://a"  # the old one
queues = [
  "a",
  "b",
]
slots = 16

# of this machine
[capabilities]
url = "no setting"
"""


def test_a_new_file_gets_what_was_asked_for_below_its_head():
    text = with_values(HEAD, {"url": "https://a", "queues": ["q", "r"]}, FILE)
    assert text == HEAD + 'url = "https://a"\nqueues = ["q", "r"]\n'


def test_what_was_not_asked_for_stays_as_it_was_written():
    text = with_values(WRITTEN, {"url": "https://b"}, FILE)
    assert text == WRITTEN.replace('url = "https://a"  # the old one', 'url = "https://b"')


def test_a_list_over_several_lines_is_exchanged_as_a_whole():
    text = with_values(WRITTEN, {"queues": ("c",)}, FILE)
    assert text == WRITTEN.replace('queues = [\n  "a",\n  "b",\n]\n', 'queues = ["c"]\n')


def test_a_new_setting_goes_behind_the_last_and_before_the_comment_of_a_table():
    text = with_values(WRITTEN, {"name": "h1"}, FILE)
    assert text == WRITTEN.replace("slots = 16\n", 'slots = 16\nname = "h1"\n')


def test_what_stands_there_already_changes_nothing_however_it_is_written():
    assert with_values(WRITTEN, {"url": "https://a", "queues": ("a", "b")}, FILE) == WRITTEN


@pytest.mark.parametrize("text", ['"url" = "https://a"\n', "url = 'x'\n'url' = 'x'\n", "url"])
def test_a_file_that_cannot_be_changed_by_lines_is_left_alone(text):
    with pytest.raises(SettingsError, match=r"agent\.toml (cannot be changed line by line|is not TOML)"):
        with_values(text, {"url": "https://b"}, FILE)


def test_what_is_missing_is_said_by_example_and_once():
    text = with_examples(HEAD, missing({}))
    assert text == HEAD + '# url = "https://airflow.example.com"\n# queues = ["onprem"]\n'
    assert with_examples(text, missing({})) == text
    assert missing({"url": "x", "queues": ["q"]}) == []


def test_the_settings_are_judged_without_what_the_shell_of_the_installation_holds(monkeypatch):
    monkeypatch.setenv("EDGE_AGENT_URL", "https://of.the.shell")
    content = {"url": "https://of.the.file", "queues": ["q"], "token_file": "/t"}
    assert judge(content).url == "https://of.the.file"
    with pytest.raises(SettingsError, match="EDGE_AGENT_URL is not set"):
        judge({"queues": ["q"], "token_file": "/t"})


PARTS = ('url = "x"', "url = [", '"a",', "]", "[t]", "# c", "", 'slots = """', "url.b = 1", "a = 1", '"""')
LINES = st.lists(
    st.one_of(
        st.sampled_from(
            ['url = "x"', "url = [", '"a",', "]", "[t]", "# c", "", 'slots = """', "url.b = 1", "a = 1", '"""']
        ),
        st.text(max_size=20),
    ),
    max_size=8,
)


@given(LINES)
def test_whatever_stands_there_one_line_of_it_is_changed_or_none(lines):
    text = "\n".join(lines)
    try:
        changed = with_values(text, {"url": "https://b"}, FILE)
    except SettingsError:
        return
    assert tomllib.loads(changed) == tomllib.loads(text) | {"url": "https://b"}
