"""The units as systemd itself reads them: without a complaint, and no more exposed than they were."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edge_agent.install import systemd
from edge_agent.install.layout import Layout
from edge_agent.install.systemd import Sandbox, Unit

EXPOSURE = {Sandbox.OPEN: 9.2, Sandbox.JOBS: 4.4, Sandbox.COMMANDS: 2.0}
"""What `systemd-analyze security` says of each, from 0 to 10, less is better. Lowered with the unit, never raised."""


@pytest.fixture(params=Sandbox)
def sandbox(request):
    """Give each of the three in turn."""
    return request.param


@pytest.fixture(params=[None, "db-2"])
def unit(request, sandbox, tmp_path):
    """Give the file of a unit whose program is there, with what belongs to it."""
    layout = Layout(request.param)
    content = Unit(
        layout,
        user="edge-agent",
        group="edge-agent",
        program=Path("/bin/true"),
        state_dir=layout.state_dir,
        drain_seconds=3600,
        sandbox=sandbox,
    ).text
    (file := tmp_path / layout.unit).write_text(content)
    if sandbox is Sandbox.COMMANDS:
        (folder := tmp_path / layout.drop_in.parent.name).mkdir()
        (folder / layout.drop_in.name).write_text(systemd.commands_only())
    return file


def analyze(*words):
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False)


def test_systemd_reads_the_unit_without_a_word(unit):
    """It ends well also with keys it does not know: only an empty standard error says that it knows them all."""
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_would_have_a_word_for_a_key_it_does_not_know(unit):
    unit.write_text(unit.read_text().replace("KillMode=", "KilMode="))
    assert "Unknown key" in analyze("verify", "--man=no", unit).stderr


def test_the_unit_is_no_more_exposed_than_it_was(unit, sandbox):
    done = analyze("security", "--offline=true", unit)
    score = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert score, done.stdout + done.stderr
    assert float(score[1]) <= EXPOSURE[sandbox]


def test_jobs_outlive_the_agent(unit):
    assert "\nKillMode=process\n" in unit.read_text()
    assert "\nOOMPolicy=continue\n" in unit.read_text()


@pytest.mark.parametrize("key", ["PrivateTmp", "ProcSubset", "MemoryDenyWriteExecute", "PrivateUsers", "RemoveIPC"])
def test_what_would_break_jobs_is_set_nowhere(key, unit):
    """Each has its reason in docs/how-to/install-a-host.md."""
    drop_in = unit.parent / f"{unit.name}.d" / "50-commands-only.conf"
    texts = [file.read_text() for file in (unit, drop_in) if file.exists()]
    assert not any(f"{key}=" in text for text in texts)
    page = Path(__file__).parents[3] / "docs" / "how-to" / "install-a-host.md"
    assert f"`{key}" in page.read_text(encoding="utf-8")
