"""The limits of the host's policy on the processes of commands, whichever runner they have."""

from __future__ import annotations

import resource
import signal

import pytest

from edge_agent.policy import limits
from edge_agent.protocol import EndReason


@pytest.mark.parametrize(
    ("limit", "amount", "option", "said"),
    [
        ("open_files", 23, "-n", b"23\n"),
        ("processes", 54321, "-p", b"54321\n"),
        ("memory_megabytes", 512, "-v", b"500000\n"),
        ("file_megabytes", 1, "-f", b"1953\n"),  # of 512 bytes each
        ("cpu_seconds", 7, "-t", b"7\n"),
    ],
)
async def test_a_command_has_the_limits_of_the_policy(bed, limit, amount, option, said):
    job = await bed.run(["/bin/sh", "-c", f"ulimit {option}"], limits={limit: amount})
    assert job.log == said


async def test_without_limits_it_has_those_of_the_agent(bed):
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert (await bed.run("ulimit -n")).log.decode() == f"{soft}\n"


async def test_it_cannot_raise_them_again(bed):
    """As root it could: a limit is one against accidents there."""
    job = await bed.run("ulimit -n 9999", limits={"open_files": 20}, run_as_user="nobody")
    assert job.ending.exit_code in (1, 2)
    assert b"ulimit" in job.log


async def test_more_memory_than_is_allowed_is_not_to_be_had(bed):
    command = ["python3", "-c", "print(1); x = bytearray(10**9); print(2)"]
    job = await bed.run(command, limits={"memory_megabytes": 500})
    assert job.ending.exit_code == 1
    assert b"MemoryError" in job.log


async def test_who_used_up_his_processor_time_is_told_so(bed):
    job = await bed.run("while :; do :; done", limits={"cpu_seconds": 1})
    assert (job.ending.reason, job.ending.signal) == (EndReason.SIGNAL, signal.SIGXCPU)
    assert "more than the policy of its host allows ('cpu_seconds')" in job.ending.message


async def test_who_wrote_too_large_a_file_is_told_so(bed, tmp_path):
    job = await bed.run(f"exec head -c 3000000 /dev/zero > {tmp_path}/file", limits={"file_megabytes": 2})
    assert (job.ending.reason, job.ending.signal) == (EndReason.SIGNAL, signal.SIGXFSZ)
    assert "'file_megabytes'" in job.ending.message
    assert (tmp_path / "file").stat().st_size == 2_000_000


def test_only_a_limit_that_was_set_is_blamed():
    assert limits.exceeded({"cpu_seconds": 1}, signal.SIGXCPU) == "cpu_seconds"
    assert limits.exceeded({}, signal.SIGXCPU) is None
    assert limits.exceeded({"cpu_seconds": 1}, signal.SIGKILL) is None
    assert limits.exceeded({"cpu_seconds": 1}, 999) is None
