"""The policy file: who may have written it, and what may stand in it."""

from __future__ import annotations

import os
import pwd

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_agent.errors import PolicyError
from edge_agent.policy import file
from edge_agent.policy.document import Document
from edge_agent.protocol import JobKind

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def write(tmp_path):
    """Give a function that writes a policy and returns its path."""

    def write(text):
        (path := tmp_path / "policy.toml").write_text(text)
        path.chmod(0o644)
        return path

    return write


def complaint(path):
    with pytest.raises(PolicyError) as refused:
        file.read(path)
    return str(refused.value)


def test_everything_that_may_be_said_is_read(write):
    document = file.read(
        write("""
            queues = ["onprem"]
            kinds = ["command"]

            [tasks]
            workloads = ["task"]
            run_as_user = "airflow"
            limits = { time_seconds = 3600 }

            [commands]
            allow = "argv"
            run_as_users = ["etl"]
            env = ["COLOUR", "ETL_*"]
            directories = ["/data"]

            [commands.limits]
            memory_megabytes = 512

            [[command]]
            name = "load"
            argv = ["/usr/local/bin/load", "{day:date}"]
            env = []
            limits = { cpu_seconds = 60 }

            [lint]
            skip = ["reboot"]
            patterns = { drop = "(?i)drop database" }
        """)
    )
    assert document is not None
    assert document.kinds == (JobKind.COMMAND,)
    assert document.command[0].limits.over(document.commands.limits).model_dump(exclude_none=True) == {
        "memory_megabytes": 512,
        "cpu_seconds": 60,
    }
    assert document.lint.lint.complaint("DROP DATABASE x") == "drop"
    assert document.lint.lint.complaint("reboot") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[command]\nallow='shell'", "command: "),
        ("[commands]\nalloww='shell'", "commands.alloww: there is no such key; did you mean 'allow'?"),
        ("[commandz]\n", "commandz: there is no such key; did you mean 'command"),
        ("[commands.limits]\ntime=3", "commands.limits.time: there is no such key; did you mean 'time_seconds'?"),
        ("[[command]]\nname='x'\nargv=['/bin/x']\narg=1", "command.0.arg: there is no such key; did you mean 'argv'?"),
        ("[[command]]\nname='x'\nargv=['x']", "command.0: the first word must be the program itself"),
        ("[[command]]\nname='x'\nargv=['/x', '{n:int}']", "int needs its lowest and highest"),
        ("[[command]]\nname='x'\nargv=['/x']\n[[command]]\nname='x'\nargv=['/y']", "'x' is listed twice"),
        ("[commands]\nallow='all'", "commands.allow: Input should be 'listed', 'argv' or 'shell'"),
        ("[commands]\nenv=['A*B']", "'A*B' is no name of a variable"),
        ("[commands]\ndirectories=['data']", "'data' must be an absolute path"),
        ("[commands.limits]\ntime_seconds='3'", "time_seconds"),
        ("[commands.limits]\ntime_seconds=0", "time_seconds"),
        ("[lint]\nskip=['x']", "there is no pattern 'x'"),
        ("[lint.patterns]\nx='('", "patterns.x: is no regular expression"),
        ("kinds=['tasks']", "kinds.0"),
        ("zzzz=1", "zzzz: there is no such key"),
        ("= 1", "is not TOML"),
    ],
)
def test_what_makes_no_sense_is_told_by_its_place(write, text, words):
    said = complaint(write(text))
    assert words in said
    assert str(write(text)) in said


@pytest.mark.parametrize(("mode", "who"), [(0o666, "everybody"), (0o664, "its group")])
def test_a_file_that_others_can_write_is_not_obeyed(write, mode, who):
    (path := write("")).chmod(mode)
    assert f"{path} can be written by {who}" in complaint(path)


def test_neither_is_one_in_a_directory_that_others_can_write(write):
    path = write("")
    path.parent.chmod(0o777)
    assert f"{path.parent} can be written by everybody" in complaint(path)
    assert f"chown root {path}; chmod 644 {path}" in complaint(path)


@needs_root
def test_nor_one_that_is_anothers(write):
    os.chown(path := write(""), NOBODY, -1)
    assert f"{path} belongs to nobody" in complaint(path)


@needs_root
def test_an_agent_that_is_not_root_may_have_one_of_its_own(write, monkeypatch):
    os.chown(path := write(""), NOBODY, -1)
    monkeypatch.setattr("os.geteuid", lambda: NOBODY)
    assert file.read(path) == Document()


@needs_root
def test_a_link_is_judged_by_where_it_leads(write, tmp_path):
    os.chown(path := write(""), NOBODY, -1)
    (link := tmp_path / "link.toml").symlink_to(path)
    assert f"{path} belongs to nobody" in complaint(link)


def test_so_are_the_places_that_its_links_lie_in(write, tmp_path):
    """Who can change a link leads the agent to another file that is root's."""
    path = write("")
    (folder := tmp_path / "open").mkdir()
    (link := folder / "link.toml").symlink_to(path)
    (tmp_path / "first.toml").symlink_to(link)
    ways = (link, tmp_path / "first.toml")
    assert [file.read(way) for way in ways] == [Document()] * 2
    folder.chmod(0o777)
    for way in ways:
        assert f"{folder} can be written by everybody" in complaint(way)
    folder.chmod(0o1777)
    assert file.read(link) == Document()


def test_one_that_is_named_must_be_there_and_the_usual_one_need_not(tmp_path, monkeypatch):
    assert "there is no file" in complaint(tmp_path / "none.toml")
    monkeypatch.setattr(file, "DEFAULT", tmp_path / "none.toml")
    assert file.read(None) is None


def test_one_that_cannot_be_read_allows_nothing(tmp_path):
    assert "cannot be read: Is a directory" in complaint(tmp_path)


KEYS = st.sampled_from(
    ["queues", "kinds", "tasks", "commands", "command", "lint", "allow", "env", "limits", "argv", "name"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_nothing_in_the_file_breaks_the_reader(content):
    try:
        Document.model_validate(content)
    except ValidationError as error:
        complaints = [file.complaint_of(fault) for fault in error.errors()]
    else:
        complaints = ["none"]
    assert all(complaints)
