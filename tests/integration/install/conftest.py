"""Hosts to install on: a directory that becomes one, and one that runs."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent import cli

PROGRAM = "/opt/edge-agent/bin/edge-agent"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give an empty directory that becomes a host. Nobody makes users there: it has no list of them."""
    (folder := tmp_path / "root").mkdir()
    folder.chmod(0o755)
    return folder


Run = Callable[..., str]


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs a command line of the agent below ``root`` and returns what it prints.

    ``code``: what it is to exit with.
    """

    def do(*words: str, code: int = 0, stdin: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        given = cli.main([*words, "--root", str(root)])
        said = "".join(capsys.readouterr())
        assert given == code, said
        return said

    return do


@pytest.fixture
def install(run: Run) -> Run:
    """Give a function that installs below ``root``."""

    def do(*words: str, **how: object) -> str:
        named = [] if "--program" in words else ["--program", PROGRAM]
        return run("install", *named, *words, **how)

    return do
