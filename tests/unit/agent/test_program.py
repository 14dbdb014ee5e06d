"""The copy of the agent's program: complete or not there, and whose it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.attempt_dir import AttemptDir
from edge_agent.errors import CannotStart
from edge_agent.program import Program
from edge_agent.runners.local import LocalRunner


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a package as small as one can be that has what is run."""
    package = tmp_path / "installed" / "edge_agent"
    (package / "runners").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "runners" / "__init__.py").write_text("")
    (package / "runners" / "wrapper.py").write_text("def main(directory):\n    print('ran', directory)\n    return 0\n")
    return package


def run(directory: Path) -> str:
    command = [sys.executable, "-P", str(directory), "here"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_it_runs_whatever_becomes_of_what_is_installed(source, tmp_path):
    copy = Program(tmp_path / "program", source).keep(in_use=False)
    (source / "runners" / "wrapper.py").unlink()
    assert run(copy) == "ran here\n"


def test_an_agent_keeps_the_release_it_is_and_the_next_has_its_own(source, tmp_path):
    program = Program(tmp_path / "program", source)
    first = program.keep(in_use=False)
    (source / "runners" / "wrapper.py").write_text("def main(directory):\n    print('newer')\n    return 0\n")
    assert program.keep(in_use=False) == program.directory == first
    assert run(first) == "ran here\n"
    second = Program(tmp_path / "program", source).keep(in_use=True)
    assert (run(first), run(second)) == ("ran here\n", "newer\n")


@pytest.mark.parametrize("in_use", [True, False])
def test_copies_of_earlier_agents_go_when_nothing_can_run_from_them(source, tmp_path, in_use):
    older = Program(tmp_path / "program", source).keep(in_use=False)
    (tmp_path / "program" / ".half").mkdir()
    (source / "new.py").write_text("")
    newer = Program(tmp_path / "program", source).keep(in_use=in_use)
    left = {path.name for path in (tmp_path / "program").iterdir()}
    assert left == ({older.name, newer.name, ".half"} if in_use else {newer.name})


@pytest.mark.parametrize("file", ["edge_agent/runners/wrapper.py", "__main__.py"])
def test_one_that_a_power_cut_has_emptied_is_made_anew(source, tmp_path, file):
    copy = Program(tmp_path / "program", source).keep(in_use=False)
    (copy / file).write_text("")
    assert run(Program(tmp_path / "program", source).keep(in_use=False)) == "ran here\n"


async def test_without_room_for_it_the_host_is_not_ready_and_says_why(source, tmp_path):
    (tmp_path / "attempts").mkdir()
    (tmp_path / "program").write_text("in the way")
    runner = LocalRunner(Program(tmp_path / "program", source), tmp_path / "attempts")
    with pytest.raises(CannotStart, match="cannot keep a copy of its own program in its state directory: File exists"):
        await runner.prepare()
    with pytest.raises(CannotStart, match="never was ready to run commands"):
        runner.wrapper_of(AttemptDir(tmp_path / "attempts" / "a"))
    (tmp_path / "program").unlink()
    await runner.prepare()
    assert runner.wrapper_of(AttemptDir(tmp_path / "attempts" / "a"))[2].startswith(str(tmp_path / "program"))
