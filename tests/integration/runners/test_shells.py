"""A text is read by the shell it names, whichever runner it has.

No PowerShell is installed here: a script of that name stands for it, and tells what it was started with. What of it
is left open is what PowerShell itself makes of a text.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from edge_agent.protocol import EndReason, JobState
from edge_agent.protocol.streams import Unweaver
from tests.support.runner_bed import gone

SHELLS = ("sh", "bash", "pwsh")
SH, BASH, PWSH = ({"shell": shell} for shell in SHELLS)

POWERSHELL = """
[ "$1 $2 $3 $#" = "-NoProfile -NonInteractive -Command 4" ] || { echo "not as PowerShell wants it: $*"; exit 99; }
exec /bin/sh -c "$4"
"""


@pytest.fixture
def pwsh(monkeypatch):
    """Put what stands for PowerShell on the PATH, where every user may go."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (program := Path(folder) / "pwsh").write_text(f"#!/bin/sh{POWERSHELL}")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        yield


@pytest.mark.parametrize("shell", [*SHELLS, None])
async def test_an_exit_at_top_level_ends_the_command_with_its_code(bed, pwsh, shell):
    job = await bed.run("echo before; exit 7; echo behind", shell=shell)
    assert (job.ending.state, job.ending.reason, job.ending.exit_code) == (JobState.FAILED, EndReason.EXIT, 7)
    assert bytes(job.log) == b"before\n"


@pytest.mark.parametrize("shell", SHELLS)
async def test_a_shell_that_kills_itself_is_told_with_the_signal(bed, pwsh, shell):
    job = await bed.run("echo before; kill -9 $$; echo behind", shell=shell)
    assert (job.ending.reason, job.ending.signal, job.ending.exit_code) == (EndReason.SIGNAL, signal.SIGKILL, None)
    assert b"behind" not in job.log


@pytest.mark.parametrize("shell", SHELLS)
async def test_a_text_of_many_lines_is_read_whole(bed, pwsh, shell):
    text = """
    x="it's"
    for n in 1 2; do
        echo "$x \\"$n\\" é"  # a remark
    done
    cat <<END
    $x; `echo here`
END
    """
    job = await bed.run(text, shell=shell)
    assert job.log.decode() == 'it\'s "1" é\nit\'s "2" é\n    it\'s; here\n'


async def test_bash_has_what_only_bash_has(bed):
    job = await bed.run('a=(one "two words" three); [[ ${#a[@]} == 3 ]] && echo "${a[1]}" "${a[@]:2}"', **BASH)
    assert bytes(job.log) == b"two words three\n"


async def test_bash_reads_no_file_of_the_agents_user_first(bed, tmp_path, monkeypatch):
    for name in (".bashrc", ".bash_profile", ".profile"):
        (tmp_path / name).write_text("echo read\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert bytes((await bed.run("echo up", **BASH)).log) == b"up\n"


async def test_powershell_is_started_without_profile_and_asks_nobody(bed, pwsh):
    """The words are those the script looks at."""
    assert bytes((await bed.run("echo up", **PWSH)).log) == b"up\n"


@pytest.mark.parametrize("shell", ["bash", "pwsh"])
@pytest.mark.parametrize("streams", ["together", "apart"])
async def test_a_shell_that_is_not_there_is_told_with_what_to_do(bed, tmp_path, shell, streams):
    job = await bed.run("echo up", shell=shell, streams=streams, env={"PATH": str(tmp_path)})
    assert (job.ending.reason, job.ending.exit_code) == (EndReason.EXIT, 127)
    said = f"this host has no {shell} on its PATH. Install it, name another shell, or require the capability '{shell}'"
    assert said in job.ending.message
    assert said in job.log.decode()


async def test_a_host_has_sh_whatever_its_path(bed, tmp_path):
    assert bytes((await bed.run("echo up", **SH, env={"PATH": str(tmp_path)})).log) == b"up\n"


async def test_a_list_of_words_with_a_shell_is_rejected_and_does_not_run(bed, tmp_path):
    job = await bed.run(["touch", str(tmp_path / "ran")], **BASH)
    assert job.ending.reason is EndReason.REJECTED
    assert "a list of words is run as it is, without a shell" in job.ending.message
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("shell", SHELLS)
async def test_what_a_shell_has_started_ends_with_it(bed, pwsh, shell):
    job = bed.begin("trap '' TERM; sleep 300 & echo $!; echo $$ up; wait; wait", shell=shell)
    *family, _ = await job.says(b"up")
    bed.cancel(job)
    assert (await job.ended()).state is JobState.CANCELLED
    for pid in family:
        await gone(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("streams", ["together", "apart"])
async def test_each_shell_runs_as_another_user(bed, pwsh, shell, streams):
    """He may open either of his outputs by name."""
    command = "id -un; echo said > /dev/stdout; echo more > /dev/stderr; exit 3"
    job = await bed.run(command, shell=shell, streams=streams, run_as_user="nobody")
    words = Unweaver().plain(bytes(job.log)).split()
    assert (job.ending.exit_code, sorted(words)) == (3, [b"more", b"nobody", b"said"])


def test_bash_is_here():
    """Else half of these tests would try nothing."""
    assert shutil.which("bash")
