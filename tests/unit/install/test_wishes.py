"""What is refused before anything is done, each with words that help."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

import pytest

from edge_agent.errors import CannotInstall, SettingsError
from edge_agent.install import wishes
from edge_agent.install.host import Host
from edge_agent.install.layout import Layout
from edge_agent.install.systemd import Sandbox
from edge_agent.install.wishes import Wishes

TOKEN = "eat_0123456789ab_planted"


@pytest.fixture
def stdin(monkeypatch):
    """Give a function that puts something into standard input, which is no terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


@pytest.fixture
def packed(tmp_path):
    """Give a directory that becomes a host, with a user."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "passwd").write_text("etl:x:900:900:people's own:/home/etl:/bin/sh\n")
    return Host(tmp_path)


def test_only_root_can_change_the_host_that_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotInstall, match=r"Only root can install .*--dry-run"):
        wishes.require_root(Host(), "install")
    wishes.require_root(Host(tmp_path), "install")


@pytest.mark.parametrize("name", ["", "-x", ".", "a/b", "a b", "x" * 33, "ä"])
def test_an_instance_has_a_name_that_can_be_part_of_a_file_s(name):
    with pytest.raises(SettingsError, match="--instance"):
        wishes.layout_of(name)


def test_everything_of_an_instance_has_its_name():
    layout = wishes.layout_of("db-2")
    for path in (layout.unit_file, layout.settings, layout.token, layout.state_dir, layout.rotation, layout.record):
        assert "edge-agent@db-2" in str(path)
        assert str(path) != str(path).replace("@db-2", "")
    assert layout.unit == "edge-agent@db-2.service"
    assert Layout().unit == "edge-agent.service"


@pytest.mark.parametrize("path", ["relative", "/with space", "/a/../b", "/%h", "/$HOME", "/a'b", "/a\nb"])
def test_a_path_that_would_have_to_be_quoted_is_refused(path):
    with pytest.raises(SettingsError, match="--state-dir"):
        wishes.plain(Path(path), "--state-dir")


def test_an_unknown_user_is_refused_unless_he_is_to_be_made(packed):
    with pytest.raises(SettingsError, match=r"knows no user 'elt'.*--create-user"):
        wishes.user_of(Wishes(user="elt"), packed)
    assert wishes.user_of(Wishes(user="elt", create_user=True), packed) == ("elt", True)
    assert wishes.user_of(Wishes(user="etl"), packed) == ("etl", False)


def test_the_usual_user_is_made_where_users_can_be(packed, tmp_path):
    assert wishes.user_of(Wishes(), packed) == ("edge-agent", True)
    assert wishes.user_of(Wishes(), packed, recorded="etl") == ("etl", False)
    assert wishes.user_of(Wishes(), Host(tmp_path / "package")) == ("edge-agent", False)


@pytest.mark.parametrize("name", ["a b", "-x", "0", "X;rm"])
def test_what_is_no_name_of_a_user_is_refused(packed, name):
    with pytest.raises(SettingsError, match="is no name of a user"):
        wishes.user_of(Wishes(user=name), packed)


def test_nothing_is_taken_from_an_agent_of_root():
    assert wishes.sandbox_of(Wishes(), "root") is Sandbox.OPEN
    with pytest.raises(SettingsError, match="--sandbox: an agent of root"):
        wishes.sandbox_of(Wishes(sandbox=Sandbox.JOBS), "root")


def test_what_was_taken_from_jobs_once_is_taken_until_somebody_says_otherwise():
    assert wishes.sandbox_of(Wishes(), "edge-agent") is Sandbox.JOBS
    assert wishes.sandbox_of(Wishes(), "edge-agent", "commands") is Sandbox.COMMANDS
    assert wishes.sandbox_of(Wishes(sandbox=Sandbox.OPEN), "edge-agent", "commands") is Sandbox.OPEN


def program(host, *, mode=0o755, first="#!/bin/sh"):
    path = host.root / "opt" / "edge-agent"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{first}\n")
    path.chmod(mode)
    return Wishes(program=Path("/opt/edge-agent"))


def test_a_program_that_is_not_there_is_refused_but_in_a_package(packed, tmp_path):
    path = tmp_path / "edge-agent"
    with pytest.raises(SettingsError, match="there is no program"):
        wishes.program_of(Wishes(program=path), Host(), "root")
    assert wishes.program_of(Wishes(program=Path("/opt/x")), packed, "etl") == Path("/opt/x")


def test_a_program_that_cannot_be_run_is_refused(packed):
    with pytest.raises(SettingsError, match="there is no program"):
        wishes.program_of(program(packed, mode=0o644), packed, "root")


def test_a_program_that_others_could_exchange_is_refused(packed):
    with pytest.raises(SettingsError, match=r"exchange it: .*can be written by everybody.*python3 -m venv"):
        wishes.program_of(program(packed, mode=0o777), packed, "root")


def test_an_interpreter_that_others_could_exchange_is_refused(packed):
    (python := packed.root / "python").write_text("")
    python.chmod(0o777)
    with pytest.raises(SettingsError, match=r"others could exchange it: .*/python can be written by everybody"):
        wishes.program_of(program(packed, first="#!/python"), packed, "root")


def test_a_program_without_its_interpreter_is_refused_but_in_a_package(packed):
    wished = program(packed, first="#!/nowhere/python")
    assert wishes.program_of(wished, packed, "root") == wished.program
    here = Wishes(program=packed.place(wished.program))
    with pytest.raises(SettingsError, match=r"--program: /nowhere/python cannot be run: No such file or directory"):
        wishes.program_of(here, Host(), "root")


def test_a_program_that_the_agents_user_cannot_run_is_refused(packed):
    with pytest.raises(SettingsError, match=r"is closed to user etl"):
        wishes.program_of(program(packed, mode=0o700), packed, "etl")


def test_an_interpreter_in_somebodys_home_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        (root := Path(folder)).chmod(0o755)
        (home := root / "home").mkdir(mode=0o700)
        (home / "python").write_text("")
        refuses_an_interpreter_in(home, Host(root))


def refuses_an_interpreter_in(home, host):
    said = rf"{home} is closed to user etl, who could not run {home}/python.*in no home"
    with pytest.raises(SettingsError, match=said):
        wishes.program_of(program(host, first="#!/home/python"), host, "etl")


def test_the_token_comes_from_a_file_that_only_its_owner_reads(tmp_path):
    (file := tmp_path / "token").write_text(f"{TOKEN}\n")
    file.chmod(0o640)
    with pytest.raises(SettingsError, match=r"open to other users; run: chmod 600"):
        wishes.read_token(file, is_needed=True)
    file.chmod(0o600)
    token = wishes.read_token(file, is_needed=False)
    assert token is not None
    assert token.get_secret_value() == f"{TOKEN}\n"


def test_a_token_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SettingsError, match="--token-file: cannot read"):
        wishes.read_token(tmp_path / "token", is_needed=True)


@pytest.mark.parametrize(("file", "is_needed"), [(Path("-"), False), (None, True)])
def test_the_token_comes_from_standard_input(stdin, file, is_needed):
    stdin(f"{TOKEN}\n")
    token = wishes.read_token(file, is_needed=is_needed)
    assert token is not None
    assert token.get_secret_value() == f"{TOKEN}\n"
    assert TOKEN not in repr(token)


def test_the_token_is_asked_for_at_a_terminal_and_not_shown(stdin, monkeypatch):
    stdin("")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: TOKEN if "not shown" in prompt else "")
    token = wishes.read_token(None, is_needed=True)
    assert token is not None
    assert token.get_secret_value() == f"{TOKEN}\n"


def test_nobody_is_asked_for_a_token_that_is_not_needed(stdin):
    stdin(TOKEN)
    assert wishes.read_token(None, is_needed=False) is None
    stdin("")
    assert wishes.read_token(None, is_needed=True) is None


@pytest.mark.parametrize("text", ["", f"{TOKEN} {TOKEN}", "est_0123456789ab_planted", "eas_0123456789ab_planted"])
def test_what_is_no_agent_token_is_refused_and_not_repeated(stdin, text):
    stdin(text)
    with pytest.raises(SettingsError, match=r"must hold one token|holds no agent token") as refused:
        wishes.read_token(Path("-"), is_needed=True)
    assert "planted" not in str(refused.value)
